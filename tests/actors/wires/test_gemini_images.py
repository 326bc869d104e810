import json
from typing import Any

import pytest

from callboard.actors.wires.gemini import Gemini
from callboard.actors.wires.media import to_base64
from callboard.actors.wires.wire import WireFault
from callboard.messages.faults import FaultKind
from callboard.messages.images import Image, ImageAnswer, ImageRequest
from callboard.messages.usage import Usage

WIRE = Gemini()
PNG = b"\x89PNG\r\n\x1a\n..."
INLINE = {"inlineData": {"mimeType": "image/png", "data": to_base64(PNG)}}


def request(**members: Any) -> ImageRequest:
    return ImageRequest(model="x", prompt="a theatre", **members)


def reply(*parts: dict[str, Any], finish: str = "STOP") -> bytes:
    candidate = {"content": {"parts": parts, "role": "model"}, "finishReason": finish, "index": 0}
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 1290, "totalTokenCount": 1295}
    return json.dumps({"candidates": [candidate], "usageMetadata": usage, "responseId": "r"}).encode()


def test_images_are_asked_of_generate_content() -> None:
    encoded = WIRE.encode_images(request(extra={"safetySettings": []}), "gemini-2.5-flash-image")
    assert encoded.path == "/models/gemini-2.5-flash-image:generateContent"
    assert json.loads(encoded.body) == {
        "contents": [{"role": "user", "parts": [{"text": "a theatre"}]}],
        "generationConfig": {"responseModalities": ["TEXT", "IMAGE"]},
        "safetySettings": [],
    }


@pytest.mark.parametrize(("size", "member"), [("3:2", "aspectRatio"), ("2K", "imageSize"), ("512", "imageSize")])
def test_a_size_is_a_ratio_or_a_resolution(size: str, member: str) -> None:
    body = json.loads(WIRE.encode_images(request(size=size), "m").body)
    assert body["generationConfig"]["imageConfig"] == {member: size}


@pytest.mark.parametrize("more", [{"count": 2}, {"quality": "high"}, {"size": "1024x1024"}])
def test_what_gemini_has_no_name_for_is_unsupported(more: dict[str, Any]) -> None:
    with pytest.raises(WireFault) as caught:
        WIRE.encode_images(request(**more), "m")
    assert caught.value.fault.kind is FaultKind.UNSUPPORTED


def test_images_and_the_words_beside_them_are_read() -> None:
    found = WIRE.decode_images(reply({"text": "Here "}, INLINE, {"text": "it is."}))
    assert found == ImageAnswer(
        images=(Image(data=PNG, media_type="image/png"),),
        text="Here it is.",
        usage=Usage(input=5, output=1290),
        id="r",
    )


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (reply({"text": "I had rather not."}), FaultKind.MALFORMED_REPLY),
        (reply(finish="IMAGE_SAFETY"), FaultKind.CONTENT_BLOCKED),
        (reply(finish="PROHIBITED_CONTENT"), FaultKind.CONTENT_BLOCKED),
        (b'{"promptFeedback": {"blockReason": "SAFETY"}}', FaultKind.CONTENT_BLOCKED),
    ],
)
def test_a_reply_without_an_image_is_a_fault(body: bytes, kind: FaultKind) -> None:
    with pytest.raises(WireFault) as caught:
        WIRE.decode_images(body)
    assert caught.value.fault.kind is kind
