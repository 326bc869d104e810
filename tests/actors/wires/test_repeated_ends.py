"""What ends more than once is told once, and a stream of nothing but its end is no reply."""

import json
from typing import Any

import pytest

from callboard.actors.wires import openai_responses_items
from callboard.actors.wires.anthropic import AnthropicMessages
from callboard.actors.wires.cohere import Cohere
from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.openai_completions import OpenAICompletions
from callboard.actors.wires.openai_responses import OpenAIResponses
from callboard.actors.wires.wire import Wire, WireFault
from callboard.messages.chat import TextPart
from callboard.messages.faults import FaultKind
from callboard.messages.reply import Delta

Json = dict[str, Any]


def event(members: Json) -> bytes:
    return b"data: " + json.dumps(members).encode() + b"\n\n"


def test_a_block_that_stops_again_tells_its_arguments_once() -> None:
    decoder = AnthropicMessages().decoder()
    call = {"type": "tool_use", "id": "c", "name": "f", "input": {"n": 1}}
    decoder.feed(event({"type": "content_block_start", "index": 0, "content_block": call}))
    deltas = decoder.feed(event({"type": "content_block_stop", "index": 0}) * 3)
    assert deltas == [Delta(tool_index=0, arguments='{"n":1}')]


TEXTS = {"type": "message", "content": [{"type": "output_text", "text": "a"}, {"type": "output_text", "text": "b"}]}
REFUSAL = {"type": "message", "content": [{"type": "refusal", "refusal": "no"}]}


@pytest.mark.parametrize(("item", "told"), [(TEXTS, Delta(text="ab")), (REFUSAL, Delta(refusal="no"))])
def test_an_item_that_ends_again_tells_its_words_once(item: Json, told: Delta) -> None:
    decoder = OpenAIResponses().decoder()
    decoder.feed(event({"type": "response.output_item.added", "output_index": 0, "item": {"type": "message"}}))
    assert decoder.feed(event({"type": "response.output_item.done", "output_index": 0, "item": item}) * 3) == [told]


def test_ends_beyond_a_few_take_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Json] = []
    real = openai_responses_items._said

    def counted(told: Json) -> str:
        said.append(told)
        return real(told)

    monkeypatch.setattr(openai_responses_items, "_said", counted)
    decoder = OpenAIResponses().decoder()
    decoder.feed(event({"type": "response.output_item.added", "output_index": 0, "item": TEXTS}))
    decoder.feed(event({"type": "response.output_item.done", "output_index": 0, "item": {}}) * 100)
    assert len(said) == openai_responses_items.MOST_ENDS
    assert decoder.partial().parts == (TextPart("a"), TextPart("b"))


@pytest.mark.parametrize(
    ("wire", "end"),
    [
        (AnthropicMessages(), event({"type": "message_stop"})),
        (Cohere(), event({"type": "message-end"})),
        (OpenAIChat(), b"data: [DONE]\n\n"),
        (OpenAICompletions(), b"data: [DONE]\n\n"),
        (OpenAIResponses(), event({"type": "response.completed"})),
    ],
)
def test_a_stream_of_nothing_but_its_end_is_no_reply(wire: Wire, end: bytes) -> None:
    decoder = wire.decoder()
    with pytest.raises(WireFault) as caught:
        decoder.feed(end)
        decoder.close()
    assert caught.value.fault.kind is FaultKind.MALFORMED_REPLY


def test_an_error_event_of_legacy_completions_is_a_fault() -> None:
    decoder = OpenAICompletions().decoder()
    with pytest.raises(WireFault) as caught:
        decoder.feed(b'event: error\ndata: {"message":"overloaded"}\n\ndata: [DONE]\n\n')
    assert caught.value.fault.message == "overloaded"
