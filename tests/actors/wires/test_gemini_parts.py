from typing import Any

import pytest

from callboard.actors.wires.gemini_parts import is_made, made_id, read_part
from callboard.messages.chat import (
    AudioPart,
    DocumentPart,
    ImagePart,
    OpaquePart,
    Part,
    TextPart,
    ThinkingPart,
    ToolCallPart,
)

BYTES = b"\x00\x01\x02"


def read(part: dict[str, Any]) -> list[Part]:
    return read_part(part, "gemini", lambda: "new")


def inline(media_type: str, **more: Any) -> dict[str, Any]:
    return {"inlineData": {"mimeType": media_type, "data": "AAEC", **more}}


def test_the_same_seeds_give_the_same_id_which_is_known_again() -> None:
    assert made_id("a", 1) == made_id("a", 1) != made_id("a", 2)
    assert is_made(made_id("a", 1))
    assert not is_made("call_1")
    assert not is_made(made_id("a", 1) + "0")


@pytest.mark.parametrize(
    ("part", "parts"),
    [
        ({"text": "a"}, [TextPart("a")]),
        ({"text": "a", "later": 1}, [TextPart("a", extra={"later": 1})]),
        ({"text": "a", "thought": True}, [ThinkingPart(text="a", origin="gemini")]),
        (
            {"text": "a", "thoughtSignature": "s"},
            [TextPart("a"), ThinkingPart(signature="s", origin="gemini")],
        ),
        ({"text": "", "thoughtSignature": "s"}, [ThinkingPart(signature="s", origin="gemini", extra={"text": ""})]),
        (inline("image/png"), [ImagePart(data=BYTES, media_type="image/png")]),
        (inline("audio/wav"), [AudioPart(data=BYTES, media_type="audio/wav")]),
        (inline("text/csv", displayName="t"), [DocumentPart(data=BYTES, media_type="text/csv", name="t")]),
        ({"fileData": {"fileUri": "u", "mimeType": "image/png"}}, [ImagePart(url="u", media_type="image/png")]),
        (
            {**inline("image/png"), "thoughtSignature": "s"},
            [ImagePart(data=BYTES, media_type="image/png"), ThinkingPart(signature="s", origin="gemini")],
        ),
    ],
)
def test_parts_become_the_parts_that_they_are(part: dict[str, Any], parts: list[Part]) -> None:
    assert read(part) == parts


def test_a_call_keeps_its_signature_its_id_and_members_of_a_later_day() -> None:
    call = {"name": "f", "args": {"a": 1}, "later": 1}
    [read_call] = read({"functionCall": call, "thoughtSignature": "s"})
    assert read_call == ToolCallPart(
        id="new", name="f", arguments='{"a":1}', signature="s", origin="gemini", extra={"functionCall": {"later": 1}}
    )
    [given] = read({"functionCall": {"id": "c", "name": "f"}})
    assert given == ToolCallPart(id="c", name="f", arguments="{}", origin="gemini")


@pytest.mark.parametrize(
    "part",
    [
        {"executableCode": {"code": "1"}},
        {"codeExecutionResult": {"output": "1"}, "thoughtSignature": "s"},
        inline("image/png", later=1),
        inline("image/png", displayName="n"),
        {"inlineData": {"mimeType": "image/png", "data": "not base64!"}},
        {"inlineData": {}},
        {**inline("image/png"), "thought": True},
        {"later": 1},
    ],
)
def test_what_has_no_name_here_stays_as_it_is(part: dict[str, Any]) -> None:
    assert read(part) == [OpaquePart(origin="gemini", block=part)]
