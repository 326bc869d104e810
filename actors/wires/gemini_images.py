"""Images out of generateContent: a conversation of one turn that is answered in pictures.

Source: ai.google.dev/gemini-api/docs/image-generation.
"""

import re
from typing import Any

from callboard.actors.wires.wire import WireFault, malformed, unsupported
from callboard.messages.chat import ImagePart, TextPart
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.images import Image, ImageAnswer, ImageRequest
from callboard.messages.reply import Answer, FinishReason

_RATIO = re.compile(r"\d+:\d+")
_SIZE = re.compile(r"\d+K|\d+")
_REFUSED = frozenset({FinishReason.CONTENT_FILTER, FinishReason.REFUSAL})


def encode_body(request: ImageRequest, provider: str) -> dict[str, Any]:
    """The JSON members to send. Raises WireFault(UNSUPPORTED) for more than one image, and for a quality."""
    if request.count > 1:
        raise unsupported(provider, "a number of images; ask once for each")
    if request.quality is not None:
        raise unsupported(provider, "a quality for images")
    config: dict[str, Any] = {"responseModalities": ["TEXT", "IMAGE"]}
    if request.size is not None:
        config["imageConfig"] = {_size_member(request.size, provider): request.size}
    body = {"contents": [{"role": "user", "parts": [{"text": request.prompt}]}], "generationConfig": config}
    return body | (request.extra or {})


def images_of(answer: Answer, provider: str) -> ImageAnswer:
    """The images of a reply. Raises WireFault, CONTENT_BLOCKED when the prompt or the image was refused."""
    images = tuple(
        Image(data=part.data, url=part.url, media_type=part.media_type)
        for part in answer.parts
        if isinstance(part, ImagePart)
    )
    if not images:
        if answer.finish_reason in _REFUSED:
            fault = Fault(kind=FaultKind.CONTENT_BLOCKED, message="no image was made of this prompt", provider=provider)
            raise WireFault(fault)
        raise malformed("the reply holds no image", provider=provider)
    text = "".join(part.text for part in answer.parts if isinstance(part, TextPart))
    return ImageAnswer(images=images, text=text, usage=answer.usage, model=answer.model, id=answer.id, raw=answer.raw)


def _size_member(size: str, provider: str) -> str:
    if _RATIO.fullmatch(size):
        return "aspectRatio"
    if _SIZE.fullmatch(size):
        return "imageSize"
    raise unsupported(provider, "a size for images that is no ratio such as 3:2 and no size such as 2K")
