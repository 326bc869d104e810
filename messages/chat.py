"""A conversation: messages made of parts.

Every part and message has an `extra`: members of the provider's JSON that have no name here and are
passed through untouched, such as Anthropic's `cache_control`.
"""

from typing import Any, Literal, TypeAlias

import msgspec

from callboard.messages.base import Veiled

Extra: TypeAlias = dict[str, Any]
Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]


class TextPart(Veiled, frozen=True, tag="text"):
    """Text from anybody."""

    text: str
    extra: Extra | None = None


class ImagePart(Veiled, frozen=True, tag="image", kw_only=True):
    """A picture, by URL or by its bytes; exactly one of the two."""

    url: str | None = None
    data: bytes | None = None
    media_type: str | None = None
    """Such as `image/png`; needed with `data`."""
    detail: str | None = None
    """How closely the model should look (OpenAI's `low`, `high`, `auto`)."""
    extra: Extra | None = None


class AudioPart(Veiled, frozen=True, tag="audio", kw_only=True):
    """A recording, by URL or by its bytes; exactly one of the two."""

    url: str | None = None
    data: bytes | None = None
    media_type: str | None = None
    """Such as `audio/wav`; needed with `data`."""
    extra: Extra | None = None


class DocumentPart(Veiled, frozen=True, tag="document", kw_only=True):
    """A document such as a PDF: by URL, by its bytes, or by the id of an uploaded file; exactly one of the three."""

    url: str | None = None
    data: bytes | None = None
    file_id: str | None = None
    media_type: str | None = None
    name: str | None = None
    extra: Extra | None = None


class ThinkingPart(Veiled, frozen=True, tag="thinking", kw_only=True):
    """A model's reasoning. `signature` and `redacted` are opaque and go back only to their `origin`."""

    text: str = ""
    signature: str | None = None
    redacted: str | None = None
    """Encrypted reasoning in place of text."""
    origin: str | None = None
    """The wire it came from, such as `anthropic`; None when the caller wrote it."""
    extra: Extra | None = None


class ToolCallPart(Veiled, frozen=True, tag="tool_call", kw_only=True):
    """The model asks for a tool.

    `arguments` is the text exactly as the model wrote it: JSON, unless the model made a mistake or was cut. Such a call
    can be sent back like any other, with a result that says so.
    """

    id: str
    name: str
    arguments: str = "{}"
    signature: str | None = None
    """Opaque reasoning state bound to the call (Gemini); goes back only to `origin`."""
    origin: str | None = None
    extra: Extra | None = None


class ToolResultPart(Veiled, frozen=True, tag="tool_result", kw_only=True):
    """What a tool answered: the `id` is that of the call."""

    id: str
    content: "str | tuple[Part, ...]" = ""
    name: str | None = None
    is_error: bool | None = None
    extra: Extra | None = None


class RefusalPart(Veiled, frozen=True, tag="refusal"):
    """The model's own words in declining to answer."""

    text: str
    extra: Extra | None = None


class OpaquePart(Veiled, frozen=True, tag="opaque", kw_only=True):
    """A block that only its origin understands: kept as it came, and sent back to nobody else."""

    origin: str
    """The wire it came from, such as `anthropic`."""
    block: dict[str, Any]


Part: TypeAlias = (
    TextPart
    | ImagePart
    | AudioPart
    | DocumentPart
    | ThinkingPart
    | ToolCallPart
    | ToolResultPart
    | RefusalPart
    | OpaquePart
)


class ChatMessage(msgspec.Struct, frozen=True, gc=False):
    """One turn of a conversation."""

    role: Role
    content: str | tuple[Part, ...]
    """A plain string is the short form of one text part."""
    name: str | None = None
    extra: Extra | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        """The content as parts, whichever form it was given in."""
        if isinstance(self.content, str):
            return (TextPart(self.content),) if self.content else ()
        return self.content

    @property
    def text(self) -> str:
        """All text parts joined; thinking and tool traffic left out."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content if isinstance(part, TextPart))

    def __repr__(self) -> str:
        return f"ChatMessage({self.role}, {len(self.parts)} parts)"


def system(text: str) -> ChatMessage:
    """Instructions that stand above the conversation."""
    return ChatMessage("system", text)


def user(*content: "str | Part") -> ChatMessage:
    """A turn of the user, from strings and parts in order."""
    return ChatMessage("user", _content(content))


def assistant(*content: "str | Part") -> ChatMessage:
    """A turn of the model, from strings and parts in order."""
    return ChatMessage("assistant", _content(content))


def tool_result(call: "ToolCallPart | str", content: str, *, is_error: bool | None = None) -> ChatMessage:
    """The answer to a tool call, given as the call or its id."""
    part = (
        ToolResultPart(id=call, content=content, is_error=is_error)
        if isinstance(call, str)
        else ToolResultPart(id=call.id, name=call.name, content=content, is_error=is_error)
    )
    return ChatMessage("tool", (part,))


def _content(content: "tuple[str | Part, ...]") -> "str | tuple[Part, ...]":
    if len(content) == 1 and isinstance(content[0], str):
        return content[0]
    return tuple(TextPart(part) if isinstance(part, str) else part for part in content)
