"""A chat completion, whole or as a stream of chunks: a plain reply is one chunk whose piece is called `message`.

Source: platform.openai.com/docs/api-reference/chat. Leaves are `Any` wherever a compatible server is known to send
another type, or might: an odd leaf must not cost the reply.
"""

from typing import Any

import msgspec

from callboard.actors.wires.draft import Draft
from callboard.actors.wires.jsons import items, mapping, object_of, read, string
from callboard.actors.wires.made_ids import made
from callboard.actors.wires.media import from_data_url
from callboard.actors.wires.openai_audio import Recording
from callboard.actors.wires.openai_bill import USUAL_TIERS, bill_of
from callboard.actors.wires.openai_faults import error_in_reply
from callboard.actors.wires.openai_reasoning import Details, attached
from callboard.actors.wires.openai_request import CUSTOM
from callboard.actors.wires.openai_thinking_blocks import Blocks
from callboard.actors.wires.openai_usage import usage_of
from callboard.actors.wires.sse import Event
from callboard.actors.wires.wire import WireFault, malformed
from callboard.messages.chat import ImagePart, OpaquePart, Part
from callboard.messages.reply import Answer, Delta, FinishReason
from callboard.messages.usage import Usage

FINISH: dict[str, FinishReason] = {
    "stop": FinishReason.STOP,
    "eos": FinishReason.STOP,  # Together
    "end_turn": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "model_length": FinishReason.LENGTH,  # Mistral
    "tool_calls": FinishReason.TOOL_CALLS,
    "tool_use": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
    "refusal": FinishReason.REFUSAL,
    "error": FinishReason.ERROR,  # OpenRouter, Mistral
    "insufficient_system_resource": FinishReason.ERROR,  # DeepSeek
}


class Function(msgspec.Struct):
    """What a call names and says. `arguments` is JSON text, but some servers send the object itself, or null."""

    name: Any = None
    arguments: Any = None


class Custom(msgspec.Struct):
    """A call of a tool that takes free text."""

    name: Any = None
    input: Any = None


class Call(msgspec.Struct):
    """A tool call, or the next piece of one."""

    index: Any = None
    id: Any = None
    function: Function | None = None
    custom: Custom | None = None
    extra_content: Any = None
    """Gemini's thought signature, behind its OpenAI-shaped endpoint."""


class Piece(msgspec.Struct):
    """A `message` or a `delta`."""

    content: Any = None
    """Text; at Mistral a list of blocks."""
    reasoning_content: Any = None
    reasoning: Any = None
    reasoning_details: Any = None
    """OpenRouter's."""
    thinking_blocks: Any = None
    """LiteLLM's."""
    refusal: Any = None
    tool_calls: list[Call] | None = None
    function_call: Function | None = None
    annotations: Any = None
    audio: Any = None
    images: Any = None
    """OpenRouter's."""
    executed_tools: Any = None
    """Groq's, on the server."""


class Choice(msgspec.Struct):
    """One of the `n` answers asked for; only the first is read."""

    index: Any = None
    delta: Piece | None = None
    message: Piece | None = None
    finish_reason: Any = None
    logprobs: Any = None
    error: Any = None


class Chunk(msgspec.Struct):
    """A whole reply or one event of a stream."""

    id: Any = None
    model: Any = None
    choices: list[Choice] | None = None
    usage: Any = None
    service_tier: Any = None
    error: Any = None
    status_code: Any = None
    """Beside `error` at Cerebras."""
    citations: Any = None
    search_results: Any = None
    x_groq: Any = None
    """Groq's: an error in the middle of a stream, and in its early days the usage."""


_CHUNK = msgspec.json.Decoder(Chunk)
_ANY: "msgspec.json.Decoder[Any]" = msgspec.json.Decoder()


class ChatReply:
    """The reply as it grows (stream.Growing). `origin`: who alone understands what is opaque in it."""

    def __init__(
        self,
        provider: str,
        origin: str,
        *,
        keep_raw: bool = False,
        dollars: bool = False,
        usual_tiers: frozenset[str] = USUAL_TIERS,
    ) -> None:
        self.done = False
        self.complete = False
        self._provider = provider
        self._origin = origin
        self._dollars = dollars
        self._usual_tiers = usual_tiers
        self._draft = Draft(origin)
        self._calls = _Calls(self._draft)
        self._details = Details()
        self._thought = Blocks()
        self._recording: Recording | None = None
        self._begun = False
        """Whether any choice has come."""
        self._latest = b""
        """The last event of a stream that has not begun."""
        self._id: str | None = None
        self._model: str | None = None
        self._finish: FinishReason | None = None
        self._usage: Usage | None = None
        self._counts: Any = None
        self._tier: Any = None
        self._extra: dict[str, Any] = {}
        self._raw: list[Any] | None = [] if keep_raw else None

    def whole(self, body: bytes) -> Answer:
        """A plain reply. Raises WireFault."""
        chunk = self._read(body)
        if not chunk.choices:
            raise self._refused(object_of(body))
        choice = next((one for one in chunk.choices if one.index == 0), chunk.choices[0])
        self._choice(choice, choice.delta if choice.message is None else choice.message, [], whole=True)
        return self.answer()

    def take(self, frame: Event, deltas: list[Delta]) -> None:
        """One event of a stream. Raises WireFault."""
        data = frame.data.strip()
        if data == b"[DONE]":
            if not self._begun:
                raise self._refused(object_of(self._latest))
            self.done = True
        elif frame.type == "error":
            error = object_of(data)
            self._count(error.get("usage"))
            raise error_in_reply(self._provider, error.get("error") or error or data.decode("utf-8", "replace"))
        elif data:
            choices = self._read(data).choices
            if not self._begun:
                self._begun, self._latest = bool(choices), data
            for choice in choices or ():
                if choice.index in (0, None):
                    self._choice(choice, choice.message if choice.delta is None else choice.delta, deltas)

    def answer(self) -> Answer:
        """What has come so far."""
        raw = self._raw
        if self._recording is not None:
            self._extra["audio"] = self._recording.whole()
        kept = self._details.kept() | self._thought.kept(self._model)
        return Answer(
            parts=attached(self._draft.parts(), self._origin, kept),
            finish_reason=self._finish,
            usage=self._usage,
            bill=bill_of(self._counts, self._tier, dollars=self._dollars, usual=self._usual_tiers),
            model=self._model,
            id=self._id,
            extra=self._extra or None,
            raw=raw[0] if raw and len(raw) == 1 else raw,
        )

    def _read(self, data: bytes) -> Chunk:
        chunk = read(_CHUNK, data, self._provider)
        if self._raw is not None:
            self._raw.append(read(_ANY, data, self._provider))
        self._id = self._id or string(chunk.id)
        self._model = self._model or string(chunk.model)
        if chunk.service_tier:
            self._tier = chunk.service_tier
        groq = mapping(chunk.x_groq)
        if groq.get("usage"):
            self._usage = usage_of(groq["usage"])
        self._count(chunk.usage)
        if chunk.error or groq.get("error"):  # what it cost stands beside it
            raise error_in_reply(self._provider, chunk.error or groq["error"], chunk.status_code)
        if chunk.citations or chunk.search_results:
            found = {"citations": chunk.citations, "search_results": chunk.search_results}
            self._extra |= {name: value for name, value in found.items() if value}
        return chunk

    def _count(self, usage: Any) -> None:
        if usage is not None:
            self._usage, self._counts = usage_of(usage), usage

    def _refused(self, told: dict[str, Any]) -> WireFault:
        """Some servers and gateways put their errors beside `error`, not in it."""
        words = string(told.get("message")) or string(told.get("detail"))
        if words:
            return error_in_reply(self._provider, told | {"message": words})
        return malformed("the reply has no choices", provider=self._provider)

    def _choice(self, choice: Choice, piece: Piece | None, deltas: list[Delta], *, whole: bool = False) -> None:
        if choice.error:
            raise error_in_reply(self._provider, choice.error)
        if piece is not None:
            self._piece(piece, deltas, whole=whole)
        if choice.logprobs is not None:
            self._logprobs(mapping(choice.logprobs))
        reason = choice.finish_reason
        if reason:
            self._finish = FINISH.get(reason) if isinstance(reason, str) else None
            self._finish = self._finish or FinishReason.OTHER
            self.complete = True

    def _piece(self, piece: Piece, deltas: list[Delta], *, whole: bool) -> None:
        thought = string(piece.reasoning_content) or string(piece.reasoning)
        if thought:
            deltas.append(self._draft.thinking(thought))
        if piece.reasoning_details:
            self._details.add(piece.reasoning_details)
        if piece.thinking_blocks:
            self._thought.add(piece.thinking_blocks)
        content = piece.content
        if content:
            if isinstance(content, str):
                deltas.append(self._draft.text(content))
            else:
                self._blocks(items(content), deltas)
        if piece.refusal and isinstance(piece.refusal, str):
            deltas.append(self._draft.refusal(piece.refusal))
        for call in piece.tool_calls or ():
            self._calls.take(call, self._id, deltas, whole=whole)
        if piece.function_call is not None:
            self._calls.take_legacy(piece.function_call, self._id, deltas)
        self._beside(piece)

    def _beside(self, piece: Piece) -> None:
        """What few servers send."""
        if piece.annotations:
            self._extra.setdefault("annotations", []).extend(items(piece.annotations))
        if piece.executed_tools:
            self._extra.setdefault("executed_tools", []).extend(items(piece.executed_tools))
        if piece.images:
            for image in map(mapping, items(piece.images)):
                self._draft.whole(shown_block(image, self._origin))
        if piece.audio:
            self._recording = self._recording or Recording()
            self._recording.add(mapping(piece.audio))

    def _blocks(self, blocks: list[Any], deltas: list[Delta]) -> None:
        """Mistral's content: blocks of text, of thinking that holds blocks of text, and what the text refers to."""
        for block in map(mapping, blocks):
            words, thoughts = string(block.get("text")), items(block.get("thinking"))
            if words:
                deltas.append(self._draft.text(words))
            elif block.get("type") not in (None, "text", "thinking"):
                self._draft.whole(shown_block(block, self._origin))
            for inner in thoughts:
                thought = string(mapping(inner).get("text"))
                if thought:
                    deltas.append(self._draft.thinking(thought))

    def _logprobs(self, logprobs: dict[str, Any]) -> None:
        for name, tokens in logprobs.items():
            if items(tokens):
                self._extra.setdefault("logprobs", {}).setdefault(name, []).extend(tokens)


def shown_block(block: dict[str, Any], origin: str) -> Part:
    """A picture, or a block that only its origin understands."""
    image = block.get("image_url")
    url = string(image) or string(mapping(image).get("url"))
    if url is None:
        return OpaquePart(origin=origin, block=block)
    inline = from_data_url(url)
    return ImagePart(url=url) if inline is None else ImagePart(data=inline[0], media_type=inline[1])


class _Calls:
    """Which tool call a piece belongs to.

    In a plain reply each is a call of its own, whatever its id and index. In a stream pieces carry the server's index,
    and the first piece an id and a name. Some servers leave the index out, some count every parallel call 0 and tell
    them apart by id, some send a fresh id with every piece.
    """

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._by_index: dict[int, int] = {}
        self._by_id: dict[str, int] = {}
        self._ids: list[str] = []
        self._legacy: int | None = None

    def take(self, call: Call, reply_id: str | None, deltas: list[Delta], *, whole: bool) -> None:
        function, extra = call.function or Function(), mapping(call.extra_content)
        extra = {"extra_content": extra} if extra else {}
        if call.custom is not None and call.function is None:
            function = Function(call.custom.name, call.custom.input)
            extra |= CUSTOM
        index = call.index if isinstance(call.index, int) else None
        call_id, name = string(call.id), string(function.name)
        ours = None if whole else self._find(index, call_id, name)
        if ours is None:
            ours = self._open(call_id or made(reply_id, len(self._ids), name), name, extra, deltas)
            if index is not None:
                self._by_index[index] = ours
        self._fill(ours, name, function, deltas)

    def take_legacy(self, function: Function, reply_id: str | None, deltas: list[Delta]) -> None:
        """`function_call`: one call, without index or id. Snowflake sends an empty one with every reply."""
        name = string(function.name)
        if self._legacy is None and (name or string(function.arguments)):
            self._legacy = self._open(made(reply_id, name), name, {}, deltas)
        if self._legacy is not None:
            self._fill(self._legacy, name, function, deltas)

    def _find(self, index: int | None, call_id: str | None, name: str | None) -> int | None:
        if index is not None:
            ours = self._by_index.get(index)
            another = ours is not None and call_id and name and call_id != self._ids[ours]
            return None if another else ours
        if call_id is not None:
            return self._by_id.get(call_id)
        return None if name or not self._ids else len(self._ids) - 1

    def _open(self, call_id: str, name: str | None, extra: dict[str, Any], deltas: list[Delta]) -> int:
        self._by_id.setdefault(call_id, len(self._ids))
        self._ids.append(call_id)
        deltas.append(self._draft.call(call_id, name or "", extra or None))
        return len(self._ids) - 1

    def _fill(self, ours: int, name: str | None, function: Function, deltas: list[Delta]) -> None:
        if name and not self._draft.named(ours):
            deltas.append(self._draft.name(ours, name))
        arguments = function.arguments
        if arguments and not isinstance(arguments, str):
            arguments = msgspec.json.encode(arguments).decode()
        if arguments:
            deltas.append(self._draft.arguments(ours, arguments))
