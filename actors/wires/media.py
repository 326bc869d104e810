"""Bytes in JSON: base64, `data:` URLs, the short names of audio formats, and what an image's first bytes tell."""

import base64
import binascii
import re

_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+);base64,", re.ASCII)
_FORMATS = {"audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/x-wav": "wav", "audio/wave": "wav"}
_TYPES = {"mp3": "audio/mpeg"}
_OFFICE = "application/vnd.openxmlformats-officedocument"
_ENDINGS = {
    "text/plain": "txt",
    "text/markdown": "md",
    "application/msword": "doc",
    f"{_OFFICE}.wordprocessingml.document": "docx",
    f"{_OFFICE}.spreadsheetml.sheet": "xlsx",
    f"{_OFFICE}.presentationml.presentation": "pptx",
}
_SHORT = re.compile(r"[a-z0-9]{1,5}", re.ASCII)
_BEGINNINGS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}


def to_base64(data: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(data).decode("ascii")


def from_base64(text: str) -> bytes | None:
    """The bytes, or None when `text` is not exactly what to_base64 would write."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if to_base64(data) == text else None


def to_data_url(data: bytes, media_type: str) -> str:
    """`data:image/png;base64,…`"""
    return f"data:{media_type};base64,{to_base64(data)}"


def from_data_url(url: str) -> tuple[bytes, str] | None:
    """Bytes and media type of a base64 `data:` URL; None for any other URL."""
    head = _DATA_URL.match(url)
    data = from_base64(url[head.end() :]) if head else None
    return None if head is None or data is None else (data, head[1])


def audio_format(media_type: str) -> str:
    """`audio/mpeg` as `mp3`, `audio/wav` as `wav`."""
    return _FORMATS.get(media_type, media_type.removeprefix("audio/"))


def audio_type(name: str) -> str:
    """`mp3` as `audio/mpeg`, `wav` as `audio/wav`."""
    return _TYPES.get(name, f"audio/{name}")


def document_name(media_type: str) -> str:
    """A name for a document that has none: `application/pdf` as `document.pdf`."""
    ending = _ENDINGS.get(media_type, media_type.partition("/")[2])
    return f"document.{ending}" if _SHORT.fullmatch(ending) else "document"


def image_type(data: bytes) -> str | None:
    """The media type that the first bytes of an image tell; None for formats that are rare on the web."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((name for beginning, name in _BEGINNINGS.items() if data.startswith(beginning)), None)
