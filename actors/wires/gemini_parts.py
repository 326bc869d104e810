"""Gemini's parts as callboard's: the same in a reply and in a conversation that is sent.

Source: ai.google.dev/api/caching#Part. A `thoughtSignature` may stand on any part and must go back where it stood
(ai.google.dev/gemini-api/docs/thought-signatures). On a call it is the call's own signature, on a thought the
thought's. On any other part it becomes an empty ThinkingPart behind that part; when it came with an empty text, that
text is in the ThinkingPart's `extra`.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Any

import msgspec

from callboard.actors.wires.jsons import mapping, string
from callboard.actors.wires.media import from_base64
from callboard.messages.chat import (
    AudioPart,
    DocumentPart,
    Extra,
    ImagePart,
    OpaquePart,
    Part,
    TextPart,
    ThinkingPart,
    ToolCallPart,
)

_MADE = re.compile(r"gemini-[0-9a-f]{16}")
_CALL = frozenset({"id", "name", "args", "partialArgs", "willContinue"})
_MEDIA = frozenset({"mimeType", "data", "fileUri", "displayName"})


def made_id(*seeds: object) -> str:
    """An id for a call that came without one; the same seeds, the same id."""
    text = "\n".join(map(str, seeds)).encode("utf-8", "replace")
    return "gemini-" + hashlib.blake2b(text, digest_size=8).hexdigest()


def is_made(call_id: str) -> bool:
    """Whether made_id gave it, so that Gemini never heard of it."""
    return _MADE.fullmatch(call_id) is not None


def read_part(part: dict[str, Any], origin: str, new_id: Callable[[], str]) -> list[Part]:
    """One of Gemini's parts, and its signature if that needs a part of its own.

    `origin` is the wire's name; `new_id` names a call that has no id.
    """
    rest = dict(part)
    signature = string(rest.pop("thoughtSignature", None))
    thought = rest.pop("thought", None) is True
    if isinstance(rest.get("text"), str):
        return _words(rest.pop("text"), thought, signature, origin, rest or None)
    if isinstance(rest.get("functionCall"), dict) and not thought:
        call = rest.pop("functionCall")
        return [_call(call, string(call.get("id")) or new_id(), signature, origin, rest or None)]
    media = None if thought else _media(rest)
    if media is None:
        return [OpaquePart(origin=origin, block=part)]
    return [media, *_signed(signature, origin)]


def _words(text: str, thought: bool, signature: str | None, origin: str, extra: Extra | None) -> list[Part]:
    if thought:
        extra = extra if text else {"text": "", "thought": True} | (extra or {})
        return [ThinkingPart(text=text, signature=signature, origin=origin, extra=extra)]
    if signature and not text:
        return [ThinkingPart(signature=signature, origin=origin, extra={"text": ""} | (extra or {}))]
    return [TextPart(text, extra=extra), *_signed(signature, origin)]


def _signed(signature: str | None, origin: str) -> list[Part]:
    return [ThinkingPart(signature=signature, origin=origin)] if signature else []


def _call(call: dict[str, Any], call_id: str, signature: str | None, origin: str, extra: Extra | None) -> ToolCallPart:
    later = {name: value for name, value in call.items() if name not in _CALL}
    if later:
        extra = (extra or {}) | {"functionCall": later}
    arguments = msgspec.json.encode(mapping(call.get("args"))).decode()
    name = string(call.get("name")) or ""
    return ToolCallPart(id=call_id, name=name, arguments=arguments, signature=signature, origin=origin, extra=extra)


def _media(rest: dict[str, Any]) -> Part | None:
    """Bytes or a URL; `rest` keeps what stands beside them. None for what is neither, or has members of a later day."""
    name = "inlineData" if "inlineData" in rest else "fileData"
    blob = mapping(rest.get(name))
    media_type = string(blob.get("mimeType"))
    source: dict[str, Any] = {"url": string(blob.get("fileUri"))}
    if name == "inlineData":
        data = from_base64(string(blob.get("data")) or "")
        source = {"data": data if media_type and blob.get("data") else None}
    if None in source.values() or blob.keys() - _MEDIA:
        return None
    extra = {member: value for member, value in rest.items() if member != name} or None
    return _seen(media_type or "", string(blob.get("displayName")), source, extra)


def _seen(media_type: str, name: str | None, source: dict[str, Any], extra: Extra | None) -> Part | None:
    source |= {"media_type": media_type or None, "extra": extra}
    if not media_type.startswith(("image/", "audio/")):
        return DocumentPart(name=name, **source)
    if name is not None:
        return None
    return ImagePart(**source) if media_type.startswith("image/") else AudioPart(**source)
