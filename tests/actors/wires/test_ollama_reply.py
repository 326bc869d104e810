import json

import pytest

from callboard.actors.wires.ollama import Ollama
from callboard.actors.wires.wire import WireFault
from callboard.messages.chat import TextPart, ThinkingPart, ToolCallPart
from callboard.messages.usage import Usage

CALL = {"function": {"name": "f", "arguments": {"b": 1, "a": 2}}}
END = {"done": True, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 2, "total_duration": 9}


def line(**members: object) -> bytes:
    return json.dumps(members).encode() + b"\n"


def test_reasoning_words_and_calls_are_parts_in_their_order() -> None:
    message = {"content": "hi", "thinking": "hm", "tool_calls": [{"id": "c", **CALL}]}
    answer = Ollama().decode(line(model="m", message=message, **END), keep_raw=True)
    assert answer.parts == (
        ThinkingPart(text="hm", origin="ollama"),
        TextPart("hi"),
        ToolCallPart(id="c", name="f", arguments='{"b":1,"a":2}', origin="ollama"),
    )
    assert (answer.usage, answer.finish_reason, answer.model) == (Usage(input=3, output=2), "stop", "m")
    assert (answer.extra, answer.raw["done_reason"]) == ({"total_duration": 9}, "stop")


def test_calls_without_ids_get_ids_that_two_turns_do_not_share() -> None:
    def calls(created: str) -> list[str]:
        message = {"tool_calls": [CALL, CALL]}
        parts = Ollama().decode(line(created_at=created, message=message, **END)).parts
        return [part.id for part in parts if isinstance(part, ToolCallPart)]

    assert calls("a") == calls("a")
    assert len({*calls("a"), *calls("b")}) == 4


@pytest.mark.parametrize(
    ("reason", "finish"), [("stop", "stop"), ("length", "length"), ("unload", "other"), (5, "other"), (None, None)]
)
def test_a_reason_that_is_not_known_is_another(reason: object, finish: str | None) -> None:
    assert Ollama().decode(line(message={}, done=True, done_reason=reason)).finish_reason == finish


def test_a_reply_that_is_not_done_is_no_reply() -> None:
    with pytest.raises(WireFault) as plain:
        Ollama().decode(line(message={"content": "hi"}, done=False))
    decoder = Ollama().decoder()
    decoder.feed(line(message={"content": "hi"}, done=False))
    with pytest.raises(WireFault) as streamed:
        decoder.close()
    assert (plain.value.fault.kind, streamed.value.fault.kind) == ("malformed_reply", "interrupted")
    assert decoder.partial().parts == (TextPart("hi"),)


def test_an_error_in_a_line_comes_after_the_words_before_it() -> None:
    decoder = Ollama().decoder()
    assert [delta.text for delta in decoder.feed(line(message={"content": "hi"}) + line(error="out of memory"))] == [
        "hi"
    ]
    with pytest.raises(WireFault, match="out of memory"):
        decoder.close()
    assert decoder.partial().parts == (TextPart("hi"),)
