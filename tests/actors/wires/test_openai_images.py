import json
from typing import Any

import pytest

from callboard.actors.wires.media import to_base64, to_data_url
from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.wire import WireFault
from callboard.messages.faults import FaultKind
from callboard.messages.images import Image, ImageAnswer, ImageRequest
from callboard.messages.usage import Apart, Usage

WIRE = OpenAIChat()
PNG = b"\x89PNG\r\n\x1a\n..."
USAGE = {
    "total_tokens": 100,
    "input_tokens": 50,
    "output_tokens": 50,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
}


def encoded(**members: Any) -> dict[str, Any]:
    request = ImageRequest(model="x", prompt="a theatre", **members)
    body: dict[str, Any] = json.loads(WIRE.encode_images(request, "gpt-image-1").body)
    return body


def decoded(*data: dict[str, Any], **members: Any) -> ImageAnswer:
    return WIRE.decode_images(json.dumps({"created": 1, "data": data, **members}).encode())


def test_what_is_not_given_is_not_sent() -> None:
    assert encoded() == {"model": "gpt-image-1", "prompt": "a theatre"}


def test_every_member_has_its_name_and_extra_goes_untouched() -> None:
    body = encoded(count=3, size="1024x1536", quality="high", user="ann", extra={"background": "transparent"})
    del body["model"], body["prompt"]
    assert body == {"n": 3, "size": "1024x1536", "quality": "high", "user": "ann", "background": "transparent"}


def test_bytes_are_decoded_and_counted() -> None:
    found = decoded({"b64_json": to_base64(PNG)}, output_format="webp", usage=USAGE)
    counted = Usage(input=10, apart=Apart(image_input=40, image_output=50))
    assert found == ImageAnswer(images=(Image(data=PNG, media_type="image/png"),), usage=counted)


def test_what_is_not_all_pictures_is_told_so() -> None:
    kinds = {"text_tokens": 20, "image_tokens": 30}
    usage = decoded({"b64_json": to_base64(PNG)}, usage={**USAGE, "output_tokens_details": kinds}).usage
    assert usage == Usage(input=10, output=20, apart=Apart(image_input=40, image_output=30))
    chat = {"prompt_tokens": 10, "completion_tokens": 50, "completion_tokens_details": kinds}
    usage = decoded({"b64_json": to_base64(PNG)}, usage=chat).usage
    assert usage == Usage(input=10, output=20, apart=Apart(image_output=30))


@pytest.mark.parametrize(
    "told",
    [
        {"input_tokens": 10, "output_tokens": 50, "output_tokens_details": None},
        {"input_tokens": 10, "output_tokens": 50, "output_tokens_details": {}},
        {"input_tokens": 10, "output_tokens": 50, "output_tokens_details": {"text_tokens": 0, "image_tokens": None}},
        {"prompt_tokens": 10, "completion_tokens": 50, "total_tokens": 60},
        {"prompt_tokens": 10, "completion_tokens": 50, "completion_tokens_details": {"reasoning_tokens": 0}},
    ],
)
def test_where_nothing_is_said_of_its_kinds_all_output_is_pictures(told: dict[str, Any]) -> None:
    usage = decoded({"b64_json": to_base64(PNG)}, usage=told).usage
    assert usage == Usage(input=10, apart=Apart(image_output=50))


def test_a_count_of_no_output_is_no_pictures() -> None:
    assert decoded({"b64_json": to_base64(PNG)}, usage={"input_tokens": 10}).usage == Usage(input=10)


def test_what_is_not_counted_is_unknown() -> None:
    assert decoded({"b64_json": to_base64(PNG)}).usage is None


def test_a_format_that_the_bytes_do_not_tell_is_the_one_that_the_reply_names() -> None:
    [image] = decoded({"b64_json": to_base64(b"...")}, output_format="avif").images
    assert image.media_type == "image/avif"


def test_an_address_comes_as_it_is_with_the_prompt_that_was_made_of_the_prompt() -> None:
    found = decoded({"url": "https://example.org/a.png", "revised_prompt": "A theatre."})
    assert found == ImageAnswer(images=(Image(url="https://example.org/a.png", revised_prompt="A theatre."),))


def test_bytes_in_a_data_url_are_bytes() -> None:
    assert decoded({"b64_json": to_data_url(PNG, "image/png")}).images[0].data == PNG


@pytest.mark.parametrize("made", [{}, {"url": ""}, {"b64_json": "?"}, {"b64_json": ""}, {"b64_json": 7}])
def test_an_image_that_cannot_be_read_is_malformed(made: dict[str, Any]) -> None:
    with pytest.raises(WireFault) as caught:
        decoded(made)
    assert caught.value.fault.kind is FaultKind.MALFORMED_REPLY


def test_an_error_in_a_good_reply_is_a_fault() -> None:
    with pytest.raises(WireFault) as caught:
        decoded(error={"message": "no", "type": "invalid_request_error", "code": "content_policy_violation"})
    assert caught.value.fault.kind in (FaultKind.CONTENT_BLOCKED, FaultKind.INVALID_REQUEST)
