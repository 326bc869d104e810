"""How many tokens a request will use, before anybody has counted them.

A rule of thumb (four characters a token, as providers' own guides give it), erring upwards: it reserves room and
money until the provider's own count replaces it.
"""

from callboard.messages.chat import (
    AudioPart,
    ChatMessage,
    DocumentPart,
    ImagePart,
    Part,
    RefusalPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
)
from callboard.messages.request import Request
from callboard.messages.usage import Usage

CHARACTERS_A_TOKEN = 4
TOKENS_A_MESSAGE = 4
TOKENS_AN_IMAGE = 1_000
TOKENS_AN_ATTACHMENT = 2_000
TOKENS_A_TOOL = 64
DEFAULT_OUTPUT = 1_024
"""Output tokens taken for granted when the request sets no bound."""


def estimate(request: Request) -> Usage:
    """The most that the request should use: input by the rule of thumb, output up to its bound."""
    tokens = sum(TOKENS_A_MESSAGE + _message(message) for message in request.messages)
    tokens += TOKENS_A_TOOL * len(request.tools)
    return Usage(input=tokens, output=request.sampling.max_tokens or DEFAULT_OUTPUT)


def estimate_text(text: str) -> int:
    """Tokens of a text, rounded up."""
    return -(-len(text) // CHARACTERS_A_TOKEN)


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
        case _:
            return TOKENS_A_MESSAGE
