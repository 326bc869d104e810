"""A conversation in Gemini's shape: turns of `user` and `model` made of parts, and the instructions apart.

Source: ai.google.dev/api/caching#Content. The results of one turn's calls stand in one turn, each names its function,
and what only some provider understands goes back to none but that one.
"""

from typing import Any, assert_never

import msgspec

from callboard.actors.wires.arguments import arguments_of
from callboard.actors.wires.foreign import foreign_to, without
from callboard.actors.wires.gemini_parts import is_made
from callboard.actors.wires.jsons import UNREADABLE, joined, mapping, present
from callboard.actors.wires.media import from_data_url, to_base64
from callboard.actors.wires.wire import WireFault, unsupported
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
from callboard.messages.faults import Fault, FaultKind

_FOREIGN = foreign_to("gemini")
UNSIGNED = "skip_thought_signature_validator"
"""Stands for the signature of a turn's first call when no Gemini made it, or one before Gemini 3; models since then
refuse a call without (ai.google.dev/gemini-api/docs/thought-signatures)."""

_BLANK = {"text": ""}
_Media = ImagePart | AudioPart | DocumentPart


class Contents:
    """The conversation as it is put together.

    `old`: the model is older than Gemini 3; it looks for the pictures of a tool's result beside it, not in it, and
    does not miss the signature of a call.
    `vertex`: it is asked there, where a URL needs its media type, and a document may have a name.
    """

    def __init__(self, provider: str, *, old: bool, vertex: bool) -> None:
        self.done: list[dict[str, Any]] = []
        self.system: list[dict[str, Any]] = []
        self._provider = provider
        self._old = old
        self._vertex = vertex
        self._names: dict[str, str] = {}
        self._answering = False
        """Whether the last turn holds tool results, so that the next ones belong to it."""

    def add(self, message: ChatMessage) -> None:
        """The next message. Raises WireFault."""
        match message.role:
            case "system" | "developer":
                self.system += self._parts(message)
            case "assistant":
                self._turn("model", message)
            case "user":
                self._turn("user", message)
            case "tool":
                self._turn("user", message, results=True)
            case _:
                assert_never(message.role)

    def _turn(self, role: str, message: ChatMessage, *, results: bool = False) -> None:
        """Turns of the model in a row are one: Gemini refuses a call that does not follow upon a user's turn."""
        parts = self._parts(message)
        if self._old or self._vertex:  # which refuse the blank text that others write beside their calls
            parts = [part for part in parts if part != _BLANK]
        if (results and self._answering) or (role == "model" and self.done and self.done[-1]["role"] == role):
            self.done[-1]["parts"] += parts
        elif parts:
            self.done.append({"role": role, "parts": parts, **(message.extra or {})})
            self._answering = results

    def _parts(self, message: ChatMessage) -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = []
        for part in message.parts:
            self._add(part, shown)
        return shown

    def _add(self, part: Part, shown: list[dict[str, Any]]) -> None:
        match part:
            case TextPart() | RefusalPart():
                shown.append({"text": part.text} | without(_FOREIGN, part.extra))
            case ImagePart() | AudioPart() | DocumentPart():
                shown.append(self._media(part) | without(_FOREIGN, part.extra))
            case ThinkingPart():
                if part.origin == self._provider:
                    _think(part, shown)
            case ToolCallPart():
                self._call(part, shown)
            case ToolResultPart():
                shown += self._result(part)
            case OpaquePart():
                if part.origin == self._provider:
                    shown.append(part.block)
            case _:
                assert_never(part)

    def _call(self, part: ToolCallPart, shown: list[dict[str, Any]]) -> None:
        self._names[part.id] = part.name
        call = {"id": _id(part.id), "name": part.name, "args": arguments_of(part)}
        signature, extra = part.signature, part.extra or {}
        if part.origin != self._provider:
            signature = None
            extra = without(_FOREIGN, extra) if part.origin is None else {}
        if signature is None and not self._old and not any("functionCall" in other for other in shown):
            signature = UNSIGNED
        shown.append(joined(present({"functionCall": present(call), "thoughtSignature": signature}), extra))

    def _result(self, part: ToolResultPart) -> list[dict[str, Any]]:
        name = part.name or self._names.get(part.id)
        if name is None:
            message = "a tool result has no name, and no call in the conversation has its id"
            raise WireFault(Fault(kind=FaultKind.INVALID_REQUEST, message=message, provider=self._provider))
        parts: tuple[Part, ...] = (TextPart(part.content),) if isinstance(part.content, str) else part.content
        media: list[dict[str, Any]] = []
        for inner in parts:
            if not isinstance(inner, TextPart | RefusalPart):
                self._add(inner, media)
        text = "".join(inner.text for inner in parts if isinstance(inner, TextPart | RefusalPart))
        shown: dict[str, Any] = {"id": _id(part.id), "name": name, "response": _response(text, part.is_error)}
        if media and not self._old:
            shown["parts"] = media
        extra = without(_FOREIGN, part.extra)
        beside = mapping(extra.pop("part", None))  # what stood in the part that held the result
        result = {"functionResponse": present(shown) | extra} | beside
        return [result, *media] if self._old else [result]

    def _media(self, part: _Media) -> dict[str, Any]:
        inline = from_data_url(part.url) if part.url is not None else None
        data, media_type = (part.data, part.media_type) if inline is None else inline
        name = part.name if isinstance(part, DocumentPart) and self._vertex else None  # Gemini's own API refuses it
        if data is not None:
            blob = {"mimeType": media_type or _default_type(part), "data": to_base64(data), "displayName": name}
            return {"inlineData": present(blob)}
        if media_type is None and self._vertex:
            raise unsupported(self._provider, "a URL without its media type")
        uri = part.file_id if isinstance(part, DocumentPart) and part.url is None else part.url
        return {"fileData": present({"fileUri": uri, "mimeType": media_type, "displayName": name})}


def _id(call_id: str) -> str | None:
    """Gemini never heard of the ids that callboard gave to its calls."""
    return None if is_made(call_id) else call_id


def _think(part: ThinkingPart, shown: list[dict[str, Any]]) -> None:
    """A signature without text is that of the part before it; see gemini_parts.py."""
    signed = present({"thoughtSignature": part.signature})
    if part.text:
        shown.append({"text": part.text, "thought": True} | signed | (part.extra or {}))
    elif part.extra is not None:
        shown.append(signed | part.extra)
    elif signed and shown:
        shown[-1] = shown[-1] | signed
    elif signed:
        shown.append({"text": ""} | signed)


def _response(text: str, is_error: bool | None) -> dict[str, Any]:
    """Gemini takes an object: what is none becomes a member of one."""
    value = _object(text)
    if is_error:
        return {"error": text if value is None else value}
    return {"result": text} if value is None else value


def _object(text: str) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except UNREADABLE:
        return None


def _default_type(part: _Media) -> str:
    match part:
        case ImagePart():
            return "image/png"
        case AudioPart():
            return "audio/wav"
        case DocumentPart():
            return "application/pdf"
        case _:
            assert_never(part)
