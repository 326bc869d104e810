"""What a reply tells as used beside its error is charged, plain or streamed."""

import json

import pytest
from tests.actors.wires.bodies import Json
from tests.actors.wires.test_decoders_fuzz import WIRES, framings

from callboard.actors.wires.wire import WireFault
from callboard.messages.usage import Usage

OPENAI = {"prompt_tokens": 3, "completion_tokens": 2}
COHERE = {"tokens": {"input_tokens": 3, "output_tokens": 2}}
GEMINI = {"promptTokenCount": 3, "thoughtsTokenCount": 2}

PLAIN = [
    ("completions", {"error": {"message": "broken"}, "usage": OPENAI}, Usage(input=3, output=2)),
    ("completions", {"choices": [], "usage": OPENAI}, Usage(input=3, output=2)),
    ("cohere-v1", {"text": "", "finish_reason": "ERROR", "error": "broken", "meta": COHERE}, Usage(input=3, output=2)),
    ("gemini", {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": GEMINI}, Usage(input=3, reasoning=2)),
    ("gemini", {"error": {"code": 500, "message": "broken"}, "usageMetadata": GEMINI}, Usage(input=3, reasoning=2)),
    ("gemini", {"candidates": [], "usageMetadata": GEMINI}, Usage(input=3, reasoning=2)),
]
STREAMED = [
    *PLAIN[:1],
    *PLAIN[3:5],
    (
        "cohere",
        {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "broken", "usage": COHERE}},
        Usage(input=3, output=2),
    ),
    (
        "cohere-v1",
        {"event_type": "stream-end", "finish_reason": "ERROR", "error": "broken", "response": {"meta": COHERE}},
        Usage(input=3, output=2),
    ),
]


@pytest.mark.parametrize(("name", "body", "used"), PLAIN)
def test_a_plain_reply(name: str, body: Json, used: Usage) -> None:
    with pytest.raises(WireFault) as caught:
        WIRES[name].decode(json.dumps(body).encode())
    assert caught.value.partial is not None
    assert caught.value.partial.usage == used


@pytest.mark.parametrize(("name", "event", "used"), STREAMED)
def test_a_stream(name: str, event: Json, used: Usage) -> None:
    decoder = WIRES[name].decoder()
    with pytest.raises(WireFault):
        decoder.feed(framings(name, [event])[0])
    assert decoder.partial().usage == used
