"""What a provider's refusal means: the parts that are the same for every wire."""

import re
from collections.abc import Mapping

import msgspec

from callboard.actors.wires.redact import redact
from callboard.messages.faults import FaultKind

K = FaultKind

_BY_STATUS: dict[int, FaultKind] = {
    401: K.UNAUTHORIZED,
    402: K.QUOTA_EXHAUSTED,
    403: K.FORBIDDEN,
    404: K.NOT_FOUND,
    408: K.TIMED_OUT,
    409: K.SERVER,  # a lock held elsewhere; the official clients try again
    410: K.NOT_FOUND,
    429: K.RATE_LIMITED,
    498: K.UNAUTHORIZED,
    503: K.OVERLOADED,
    529: K.OVERLOADED,
}

_TOO_LONG = re.compile(
    r"max(imum)? (context|prompt|model) (length|window|size)|(prompt|input) (is )?too long|too many tokens"
    r"|exceeds? (the )?(available |model's )?context|context (length|window|limit) exceeded"
    r"|exceeds the maximum number of tokens|reduce the length of the (messages|prompt|input)",
    re.IGNORECASE,
)
_NEVER_FITS = re.compile(r"request too large for [^\n]{1,300}tokens per (min|day)", re.IGNORECASE)
"""OpenAI with status 429 and Groq with 413, both under the code of a limit that is reached: of one that waiting never
makes larger.
"""
_BLOCKED = re.compile(
    r"content (management|filter\w*|moderation) policy|blocked by content filter|usage polic|flagged (as|for)"
    r"|rejected (as a result of|by) (our|the) safety system|^content exists risk",
    re.IGNORECASE,
)
_NO_MONEY = re.compile(
    r"credit balance is too low|insufficient (balance|credits?|funds|quota)"
    r"|reached your specified .{0,40}usage limits|spend(ing)? (limit|cap)|out of credits"
    r"|(doesn't|does not) have any credits|used all available credits|credits are depleted"
    r"|key limit exceeded|free-models-per-day",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(
    r"^model not (exist|found\b)|invalid model name passed in|is not a valid model id"
    r"|^invalid model(?: (?:id|name))?\s*(?:[:'\"`]|$)",
    re.IGNORECASE,
)
_NOT_THIS_MODEL = re.compile(
    r"\b(is|are) not (supported|enabled) ((with|by|for) ((this|the) model|models/)|for [^\s]{1,100} in /v1/chat/comp)"
    r"|\bonly supported in v1/responses|\bblock is bound to a different conversation\b"
    r"|\bdoes not support (this tool_choice|assistant message prefill|parameter|tools|thinking|images?)\b",
    re.IGNORECASE,
)
"""What another model may take: OpenAI since GPT-5.4 of tools in chat completions, DeepSeek of tools that must be called
while it thinks, Anthropic since 4.6 of a turn of the model's to go on with and since 5.1 of thinking in a conversation
that was changed before it, Mistral of efforts, xAI of penalties, Ollama of tools."""
_FEWER_TOKENS = re.compile(r"more credits, or fewer max_tokens", re.IGNORECASE)
"""OpenRouter, of a request whose largest possible answer is dearer than what is left: a smaller one is served."""
_AGAINST_GUIDELINES = re.compile(r"^content violates usage guidelines", re.IGNORECASE)
_NO_KEY = re.compile(r"^(incorrect|invalid) api[ _-]?key", re.IGNORECASE)
_PROSE: tuple[tuple[re.Pattern[str], FaultKind], ...] = (
    (_NO_MONEY, K.QUOTA_EXHAUSTED),
    (_NO_KEY, K.UNAUTHORIZED),  # xAI, with status 400
    (_NO_MODEL, K.NOT_FOUND),  # DeepSeek, Mistral, OpenRouter, with status 400
    (_TOO_LONG, K.CONTEXT_TOO_LONG),
    (_BLOCKED, K.CONTENT_BLOCKED),
    (_NOT_THIS_MODEL, K.UNSUPPORTED),
)
_OF_A_402 = ((_FEWER_TOKENS, K.UNSUPPORTED),)
_OF_A_403 = (*_PROSE[:2], (_AGAINST_GUIDELINES, K.CONTENT_BLOCKED))
"""What a 403 may be about besides: its other words are about the key and whoever owns it."""
_BY_WORDS: dict[int | None, tuple[tuple[re.Pattern[str], FaultKind], ...]] = {402: _OF_A_402, 403: _OF_A_403}
_TITLE = re.compile(r"<title[^>]*>([^<]{1,200})", re.IGNORECASE)
_READ = 4096
_SEARCHED = 16 * 1024
"""Characters at either end of a message. What a provider repeats of a prompt may be long, and stand before or after."""
_LABEL = re.compile(r"[A-Za-z0-9_.:/ -]{1,100}")
_ID = re.compile(r"[!-~]{1,100}")


class Complaint(msgspec.Struct, frozen=True, kw_only=True):
    """What the body of a refusal says, whatever its members are called."""

    message: str = ""
    codes: tuple[str, ...] = ()
    """The provider's code and type, the more telling first."""
    status: int | None = None
    """The status that the body itself names or implies: all there is for an error inside a stream."""
    request_id: str | None = None

    @property
    def searched(self) -> str:
        """The message, less the middle of one that would take long to look through."""
        long = len(self.message) > 2 * _SEARCHED
        return f"{self.message[:_SEARCHED]} … {self.message[-_SEARCHED:]}" if long else self.message


def kind_of(complaint: Complaint, status: int | None, codes: Mapping[str, FaultKind]) -> FaultKind:
    """Which fault it is: by the provider's own `codes`, by its words where many things share a status, by status."""
    if status is None:
        status = complaint.status
    known = next((codes[code] for code in complaint.codes if code in codes), None)
    if status in (None, 413, 429) and known in (None, K.RATE_LIMITED) and _NEVER_FITS.search(complaint.searched):
        return K.CONTEXT_TOO_LONG
    if known is not None and status != 413:  # Groq calls a request that can never fit rate_limit_exceeded
        return known
    prose = _BY_WORDS.get(status, _PROSE)
    if status is None or status in (400, 402, 403, 413, 422, 429):
        words = complaint.searched
        for pattern, kind in prose:
            if pattern.search(words):
                return kind
    return by_status(status)


def by_status(status: int | None) -> FaultKind:
    """Which fault an HTTP status is by itself; `None` is an error inside a stream that began well."""
    if status is None or status >= 500:
        return _BY_STATUS.get(status or 500, K.SERVER)
    if status < 400:
        return K.MALFORMED_REPLY
    return _BY_STATUS.get(status, K.INVALID_REQUEST)


def label(value: object) -> str | None:
    """`value` when it is short and plain, as codes and ids are; else it may be anything, a quoted prompt as well."""
    return value if isinstance(value, str) and _LABEL.fullmatch(value) else None


def id_in(headers: Mapping[str, str], *names: str) -> str | None:
    """The first of these headers that holds an id. One with spaces, or a long one, may be anything."""
    return next((value for value in map(headers.get, names) if value and _ID.fullmatch(value)), None)


def said(complaint: Complaint, body: bytes) -> str:
    """The provider's message for people: redacted, bounded, and a stand-in where the body is a page or empty."""
    told = redact(complaint.message)
    if told:
        return told
    prose = body[:_READ].decode("utf-8", "replace").strip()
    if not prose:
        return "the provider sent no explanation"
    if prose[0] in "<{[":
        title = _TITLE.search(prose)
        if title is None:
            return f"the provider sent {len(body):,} bytes that do not explain it; is base_url right?"
        return redact(title[1])
    return redact(prose)
