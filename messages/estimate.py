"""How many tokens a request will use, before anybody has counted them.

A rule of thumb (four characters of English a token, as providers' own guides give it; four bytes of UTF-8, since other
scripts take more), erring upwards: it reserves room and money until the provider's own count replaces it.
"""

from collections.abc import Collection
from typing import Any, assert_never

import msgspec

from callboard.messages.chat import (
    AudioPart,
    ChatMessage,
    DocumentPart,
    ImagePart,
    OpaquePart,
    Part,
    RefusalPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
)
from callboard.messages.embedding import EmbeddingRequest
from callboard.messages.images import ImageRequest
from callboard.messages.request import Request, Tool, Work
from callboard.messages.reranking import RerankRequest
from callboard.messages.usage import Apart, Usage

BYTES_A_TOKEN = 4
TOKENS_A_MESSAGE = 4
TOKENS_AN_IMAGE = 1_000
TOKENS_AN_ATTACHMENT = 2_000
TOKENS_A_TOOL = 24
"""Besides its own text: the JSON around it."""
TOKENS_AN_IMAGE_MADE = 6_240
"""What OpenAI's best quality takes at its largest size."""
DEFAULT_OUTPUT = 1_024
"""Output tokens taken for granted when the request sets no bound."""
BOUNDS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens", "num_predict")
"""What providers call the bound on the output, in a request's `extra`."""

MOST_OUTPUT = 2**31
MOST_ANSWERS = 128
"""What `extra` is believed of both: more than any provider gives, and few enough for a record."""


def estimate(work: Work) -> Usage:
    """The most that it should use: input by the rule of thumb, output up to its bound."""
    match work:
        case Request():
            return _conversation(work)
        case EmbeddingRequest():
            return Usage(input=sum(map(estimate_text, work.inputs)))
        case RerankRequest():
            query = estimate_text(work.query)
            return Usage(input=sum(query + estimate_text(document) for document in work.documents))
        case ImageRequest():
            drawn = Apart(image_output=work.count * TOKENS_AN_IMAGE_MADE)
            return Usage(input=estimate_text(work.prompt), apart=drawn)
        case _:
            raise TypeError(f"nothing is known of {type(work).__name__}")


def _conversation(request: Request) -> Usage:
    tokens = sum(TOKENS_A_MESSAGE + _message(message) for message in request.messages)
    tokens += sum(map(_tool, request.tools))
    if request.output is not None:
        tokens += _json(request.output.schema)
    modalities = _modalities(request)
    output, heard = _output(request, modalities), TOKENS_AN_ATTACHMENT * _recordings(request)
    drawn = output if "image" in modalities else 0
    spoken = output - drawn if "audio" in modalities else 0
    if not (heard or spoken or drawn):
        return Usage(input=tokens, output=output)
    rare = Apart(audio_input=heard, audio_output=spoken, image_output=drawn)
    return Usage(input=tokens - heard, output=output - spoken - drawn, apart=rare)


def estimate_text(text: str) -> int:
    """Tokens of a text, rounded up."""
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return -(-size // BYTES_A_TOKEN)


def output_bound(request: Request) -> int | None:
    """Tokens that the model may write: the largest bound that is set, in `extra` as well; None where none is."""
    bound, extra = request.sampling.max_tokens, request.extra
    if extra is None:
        return bound
    inner = [extra.get(name) for name in ("generationConfig", "options")]
    bounds = [one.get(name) for one in (extra, *inner) if isinstance(one, dict) for name in BOUNDS]
    told = [one for one in (bound, *bounds) if type(one) is int and one >= 0]
    return min(max(told), MOST_OUTPUT) if told else None


def _output(request: Request, modalities: Collection[str]) -> int:
    bound = output_bound(request)
    if bound is None:
        thinking = None if request.thinking is None else request.thinking.budget_tokens
        bound = DEFAULT_OUTPUT + (thinking or 0) + (TOKENS_AN_IMAGE_MADE if "image" in modalities else 0)
    return bound if request.extra is None else bound * _answers(request.extra)


def _answers(extra: dict[str, Any]) -> int:
    """How many are asked for, in the words of OpenAI's or Google's: each is billed, though only the first is read."""
    config = extra.get("generationConfig")
    told = config.get("candidateCount") if isinstance(config, dict) else extra.get("n")
    return min(told, MOST_ANSWERS) if type(told) is int and told > 0 else 1


def _recordings(request: Request) -> int:
    contents = [message.content for message in request.messages if not isinstance(message.content, str)]
    return sum(isinstance(part, AudioPart) for parts in contents for part in parts) if contents else 0


def _modalities(request: Request) -> Collection[str]:
    """What it asks for besides text, in the words of OpenAI's chat completions or of Google's generateContent."""
    extra = request.extra or {}
    config = extra.get("generationConfig")
    told = config.get("responseModalities") if isinstance(config, dict) else extra.get("modalities")
    return {str(one).lower() for one in told} if isinstance(told, list | tuple) else ()


def _tool(tool: Tool) -> int:
    return TOKENS_A_TOOL + estimate_text(tool.name) + estimate_text(tool.description or "") + _json(tool.parameters)


def _json(value: dict[str, Any] | None) -> int:
    return 0 if value is None else -(-len(msgspec.json.encode(value)) // BYTES_A_TOKEN)


def _message(message: ChatMessage) -> int:
    if isinstance(message.content, str):
        return estimate_text(message.content)
    return sum(_part(part) for part in message.content)


def _part(part: Part) -> int:
    match part:
        case TextPart() | RefusalPart() | ThinkingPart():
            return estimate_text(part.text)
        case ToolCallPart():
            return estimate_text(part.name) + estimate_text(part.arguments)
        case ToolResultPart(content=str() as text):
            return estimate_text(text)
        case ToolResultPart():
            return sum(_part(inner) for inner in part.content if not isinstance(inner, str))
        case ImagePart():
            return TOKENS_AN_IMAGE
        case AudioPart() | DocumentPart():
            return TOKENS_AN_ATTACHMENT
        case OpaquePart():
            return _json(part.block)
        case _:
            assert_never(part)
