import json
from collections.abc import Callable
from typing import Any

from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.openai_inbound import decode_request
from callboard.messages.chat import ChatMessage, ThinkingPart, user
from callboard.messages.reply import Answer
from callboard.messages.request import Request

Record = dict[str, Any]
Recorded = Callable[[str, str], list[Record]]


def streamed(*deltas: dict[str, Any]) -> Answer:
    chunks: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    decoder = OpenAIChat("openrouter").decoder()
    decoder.feed(b"".join(f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks))
    return decoder.close()


def sent(answer: Answer, name: str = "openrouter") -> dict[str, Any]:
    request = Request(model="m", messages=(user("q"), ChatMessage("assistant", answer.parts), user("on")))
    message: dict[str, Any] = json.loads(OpenAIChat(name).encode(request, "m", stream=False).body)["messages"][1]
    return message


def details(*told: dict[str, Any]) -> dict[str, Any]:
    return {"reasoning_details": list(told)}


def test_pieces_of_one_detail_are_joined_and_two_stay_apart() -> None:
    answer = streamed(
        {"reasoning": "We"} | details({"type": "reasoning.text", "index": 0, "text": "We", "signature": None}),
        {"reasoning": " go"} | details({"type": "reasoning.text", "index": 0, "text": " go", "signature": "S"}),
        details({"type": "reasoning.text", "index": 0, "text": "", "signature": None}),
        details({"type": "reasoning.encrypted", "index": 0, "data": "E"}),
        {"content": "hi"} | details({"type": "reasoning.encrypted", "index": 1, "data": "F"}),
    )
    assert sent(answer)["reasoning_details"] == [
        {"type": "reasoning.text", "index": 0, "signature": "S", "text": "We go"},
        {"type": "reasoning.encrypted", "index": 0, "data": "E"},
        {"type": "reasoning.encrypted", "index": 1, "data": "F"},
    ]
    (thought,) = (part for part in answer.parts if isinstance(part, ThinkingPart))
    assert thought.text == "We go"


def test_details_without_an_index_stay_apart() -> None:
    same = {"type": "reasoning.text", "text": "a"}
    assert sent(streamed(details(same, same)))["reasoning_details"] == [same, same]


def test_details_without_readable_reasoning_have_a_part_of_their_own() -> None:
    answer = streamed({"content": "hi"} | details({"type": "reasoning.encrypted", "data": "E"}))
    assert isinstance(answer.parts[0], ThinkingPart)
    assert sent(answer)["reasoning_details"] == [{"type": "reasoning.encrypted", "data": "E"}]
    assert "reasoning_content" not in sent(answer)


def test_details_go_to_nobody_but_their_origin() -> None:
    answer = streamed({"content": "hi"} | details({"type": "reasoning.encrypted", "data": "E"}))
    assert sent(answer, "openai") == {"role": "assistant", "content": "hi"}


def test_inbound_details_are_the_origins_own() -> None:
    message = {"role": "assistant", "content": "hi"} | details({"type": "reasoning.encrypted", "data": "E"})
    body = json.dumps({"model": "m", "messages": [message]}).encode()
    request = decode_request(body, "openrouter")
    for name, told in (("openrouter", True), ("groq", False)):
        again = json.loads(OpenAIChat(name).encode(request, "m", stream=False).body)["messages"][0]
        assert ("reasoning_details" in again) is told


def test_nonsense_in_place_of_details_costs_nothing() -> None:
    nonsense: tuple[Any, ...] = (7, "x", [7, None, {}], {"a": 1})
    for told in nonsense:
        assert streamed({"content": "hi", "reasoning_details": told}).parts[-1].text == "hi"  # type: ignore[union-attr]
