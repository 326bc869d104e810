"""OpenAI's images, and those of every server that imitates them.

Source: platform.openai.com/docs/api-reference/images/create. The GPT models send bytes in base64; `dall-e` and some
imitations send addresses that are good for about an hour, unless `extra` says `{"response_format": "b64_json"}`.
"""

from typing import Any

import msgspec

from callboard.actors.wires.jsons import mapping, present, read, string, tokens
from callboard.actors.wires.media import from_base64, from_data_url, image_type
from callboard.actors.wires.openai_faults import error_in_reply
from callboard.actors.wires.openai_usage import responses_usage_of
from callboard.actors.wires.wire import malformed
from callboard.messages.images import Image, ImageAnswer, ImageRequest
from callboard.messages.usage import Usage


class Made(msgspec.Struct):
    """One of the images."""

    b64_json: str | None = None
    url: str | None = None
    revised_prompt: Any = None


class Images(msgspec.Struct):
    """The reply. Leaves that nobody relies on are `Any`."""

    data: list[Made] | None = None
    output_format: Any = None
    usage: Any = None
    error: Any = None


_IMAGES = msgspec.json.Decoder(Images)
_KINDS = ("text_tokens", "image_tokens")


def encode_body(request: ImageRequest, model: str) -> dict[str, Any]:
    """The JSON members to send."""
    members = {
        "model": model,
        "prompt": request.prompt,
        "n": None if request.count == 1 else request.count,
        "size": request.size,
        "quality": request.quality,
        "user": request.user,
    }
    return present(members) | (request.extra or {})


def decode(body: bytes, provider: str) -> ImageAnswer:
    """The images. Raises WireFault."""
    reply = read(_IMAGES, body, provider)
    if reply.error:
        raise error_in_reply(provider, reply.error)
    named = string(reply.output_format)
    media_type = None if named is None else f"image/{named}"
    images = tuple(_image(made, media_type, provider) for made in reply.data or ())
    return ImageAnswer(images=images, usage=_usage_of(mapping(reply.usage)))


def _usage_of(counts: dict[str, Any]) -> Usage | None:
    """Where nothing is said of its kinds, all output is pictures."""
    usage = responses_usage_of(counts)
    details = mapping(counts.get("output_tokens_details")) or mapping(counts.get("completion_tokens_details"))
    if usage is None or not usage.output or any(tokens(details.get(kind)) for kind in _KINDS):
        return usage
    return msgspec.structs.replace(usage, output=0).with_apart(image_output=usage.output)


def _image(made: Made, media_type: str | None, provider: str) -> Image:
    revised = string(made.revised_prompt)
    if made.b64_json is None:
        if not made.url:
            raise malformed("an image is neither bytes nor an address", provider=provider)
        return Image(url=made.url, media_type=media_type, revised_prompt=revised)
    whole = from_data_url(made.b64_json)
    data = from_base64(made.b64_json) if whole is None else whole[0]
    if not data:
        raise malformed("an image is not base64", provider=provider)
    return Image(data=data, media_type=image_type(data) or media_type, revised_prompt=revised)
