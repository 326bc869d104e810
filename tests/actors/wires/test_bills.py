"""What each provider tells of its bill, whole and streamed."""

import json
from decimal import Decimal
from typing import Any

import pytest

from callboard.actors.wires.anthropic import AnthropicMessages
from callboard.actors.wires.cohere import Cohere
from callboard.actors.wires.cohere_v1 import CohereV1
from callboard.actors.wires.gemini import Gemini
from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.openai_responses import OpenAIResponses
from callboard.actors.wires.presets import PRESETS
from callboard.actors.wires.wire import Wire
from callboard.messages.reply import Answer
from callboard.messages.usage import Bill, Usage

COUNTS = {"prompt_tokens": 5, "completion_tokens": 2}
OPENROUTER = OpenAIChat("openrouter", quirks=PRESETS["openrouter"].quirks)
BILLED = {"tokens": {"input_tokens": 500, "output_tokens": 9}, "billed_units": {"input_tokens": 3, "output_tokens": 2}}


def framed(*events: dict[str, Any]) -> bytes:
    return b"".join(f"event: {event.get('type', '')}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def both(wire: Wire, whole: dict[str, Any], stream: bytes) -> list[Answer]:
    decoder = wire.decoder()
    decoder.feed(stream)
    return [wire.decode(json.dumps(whole).encode()), decoder.close()]


def chat(wire: Wire, counts: dict[str, Any], **members: Any) -> list[Bill | None]:
    choice = {"index": 0, "finish_reason": "stop"}
    whole = {"choices": [choice | {"message": {"content": "a"}}], "usage": counts, **members}
    pieces = {"choices": [choice | {"delta": {"content": "a"}}], **members}, {"choices": [], "usage": counts}
    stream = b"".join(f"data: {json.dumps(piece)}\n\n".encode() for piece in pieces) + b"data: [DONE]\n\n"
    return [answer.bill for answer in both(wire, whole, stream)]


def test_openrouters_cost_is_the_bill_and_a_cost_in_nobody_knows_what_is_not() -> None:
    assert chat(OPENROUTER, COUNTS | {"cost": 0.00524}) == [Bill(cost=Decimal("0.00524"))] * 2
    assert chat(OpenAIChat("vllm"), COUNTS | {"cost": 0.00524}) == [None] * 2


def test_a_tier_and_xais_ticks_are_told_by_any_server() -> None:
    told = COUNTS | {"cost_in_usd_ticks": 10**9}
    assert chat(OpenAIChat(), told, service_tier="priority") == [Bill(cost=Decimal("0.1"), tier="priority")] * 2
    assert chat(OpenAIChat(), COUNTS, service_tier="default") == [None] * 2


def test_a_response_tells_its_tier_and_ticks_too() -> None:
    counts = {"input_tokens": 5, "output_tokens": 2, "cost_in_usd_ticks": 10**9}
    whole = {"id": "r", "status": "completed", "output": [], "usage": counts, "service_tier": "flex"}
    answers = both(OpenAIResponses(), whole, framed({"type": "response.completed", "response": whole}))
    assert [answer.bill for answer in answers] == [Bill(cost=Decimal("0.1"), tier="flex")] * 2


@pytest.mark.parametrize(
    ("told", "bill"),
    [
        ({"speed": "fast"}, Bill(speed="fast")),
        ({"speed": "standard", "service_tier": "standard", "inference_geo": "global"}, None),
        ({"speed": None, "service_tier": None, "inference_geo": "not_available"}, None),
        ({"inference_geo": "us", "speed": "fast"}, Bill(geo="us", speed="fast")),
        ({"service_tier": "priority"}, Bill(tier="priority")),
        ({"service_tier": 7, "inference_geo": ["us"]}, None),
    ],
)
def test_claude_tells_its_tier_its_speed_and_where_it_ran(told: dict[str, Any], bill: Bill | None) -> None:
    counts = {"input_tokens": 5, "output_tokens": 2, **told}
    whole = {"id": "m", "content": [], "stop_reason": "end_turn", "usage": counts}
    start = {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 5}}}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": counts}
    answers = both(AnthropicMessages(), whole, framed(start, end, {"type": "message_stop"}))
    assert [answer.bill for answer in answers] == [bill] * 2


@pytest.mark.parametrize(
    ("told", "tier"),
    [
        ({"serviceTier": "standard"}, None),
        ({"serviceTier": "flex"}, "flex"),
        ({"serviceTier": "PRIORITY"}, "priority"),
        ({"trafficType": "ON_DEMAND"}, None),
        ({"trafficType": "ON_DEMAND_FLEX"}, "flex"),
        ({"trafficType": "ON_DEMAND_PRIORITY"}, "priority"),
        ({"trafficType": "PROVISIONED_THROUGHPUT"}, "provisioned_throughput"),
        ({"trafficType": 7}, None),
    ],
)
def test_gemini_and_vertex_tell_a_tier_that_is_not_the_usual_one(told: dict[str, Any], tier: str | None) -> None:
    counts = {"promptTokenCount": 5, "candidatesTokenCount": 2, **told}
    parts = {"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}
    whole = {"candidates": [parts], "usageMetadata": counts}
    answers = both(Gemini(), whole, f"data: {json.dumps(whole)}\n\n".encode())
    assert [answer.bill for answer in answers] == [None if tier is None else Bill(tier=tier)] * 2


def test_groqs_flexible_tier_costs_what_the_usual_one_does() -> None:
    groq = OpenAIChat("groq", quirks=PRESETS["groq"].quirks)
    assert chat(groq, COUNTS, service_tier="flex") == [None] * 2
    assert chat(groq, COUNTS, service_tier="performance") == [Bill(tier="performance")] * 2


def test_cohere_charges_for_less_than_was_read() -> None:
    whole = {"id": "r", "message": {"content": [{"type": "text", "text": "a"}]}, "finish_reason": "COMPLETE"}
    start = {"type": "message-start", "id": "r", "delta": {"message": {"role": "assistant"}}}
    end = {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": BILLED}}
    told = both(Cohere(), whole | {"usage": BILLED}, framed(start, end))
    earlier = {"response_id": "r", "text": "a", "finish_reason": "COMPLETE", "meta": BILLED}
    stream = json.dumps({"event_type": "stream-end", "response": earlier, "finish_reason": "COMPLETE"}).encode() + b"\n"
    told += both(CohereV1(), earlier, stream)
    assert [answer.usage for answer in told] == [Usage(input=500, output=9)] * 4
    assert [answer.bill for answer in told] == [Bill(usage=Usage(input=3, output=2))] * 4


@pytest.mark.parametrize("billed", [None, {}, "many", {"input_tokens": 0, "output_tokens": 0}, {"search_units": 1}])
def test_where_cohere_tells_no_tokens_that_it_charges_for_those_that_were_read_are_priced(billed: object) -> None:
    message = {"content": [{"type": "text", "text": "a"}]}
    told = {"id": "r", "message": message, "finish_reason": "COMPLETE", "usage": BILLED | {"billed_units": billed}}
    assert Cohere().decode(json.dumps(told).encode()).bill is None
