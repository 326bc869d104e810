import json
from typing import Any

import pytest

from callboard.actors.wires.cohere_v1 import CohereV1
from callboard.actors.wires.wire import WireFault
from callboard.messages.chat import ImagePart, ThinkingPart, ToolCallPart, assistant, system, user
from callboard.messages.request import Output, Request, Sampling, Thinking, Tool

WIRE = CohereV1()


def sent(*messages: Any, **members: Any) -> dict[str, Any]:
    encoded = WIRE.encode(Request(model="m", messages=messages, **members), "m", stream=False)
    assert encoded.path == "/../v1/chat"
    body: dict[str, Any] = json.loads(encoded.body)
    return body


def lines(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def test_the_last_message_stands_apart_from_what_was_said_before() -> None:
    thought = ThinkingPart(text="hm", origin="anthropic", signature="s")
    body = sent(
        system("be brief"), user("a"), assistant(thought, "b"), user("c"),
        sampling=Sampling(top_p=0.5, stop=("x",)), output=Output(schema={"type": "object"}), extra={"preamble": "p"},
    )  # fmt: skip
    assert body == {
        "model": "m",
        "message": "c",
        "chat_history": [
            {"role": "System", "message": "be brief"},
            {"role": "User", "message": "a"},
            {"role": "Chatbot", "message": "b"},
        ],
        "p": 0.5,
        "stop_sequences": ["x"],
        "response_format": {"type": "json_object", "schema": {"type": "object"}},
        "stream": False,
        "preamble": "p",
    }


@pytest.mark.parametrize(
    ("messages", "members"),
    [
        ((user("a"),), {"tools": (Tool(name="t"),)}),
        ((user("a"),), {"thinking": Thinking(effort="none")}),
        ((user("a"),), {"sampling": Sampling(logprobs=True)}),
        ((user("a"), assistant("b")), {}),
        ((user(ImagePart(url="https://x")),), {}),
        ((user("a"), assistant(ToolCallPart(id="c", name="t")), user("b")), {}),
    ],
)
def test_all_but_text_is_refused(messages: Any, members: Any) -> None:
    with pytest.raises(WireFault) as refused:
        sent(*messages, **members)
    assert refused.value.fault.kind == "unsupported"


def test_tool_calls_with_their_plan_are_read_in_a_stream_and_in_a_plain_reply() -> None:
    calls = {"text": "I will add.", "tool_calls": [{"name": "add", "parameters": {"a": 1}}]}
    end = {"event_type": "stream-end", "finish_reason": "COMPLETE", "response": {"response_id": "r", **calls}}
    decoder = WIRE.decoder()
    decoder.feed(
        lines(
            {"event_type": "stream-start", "generation_id": "g"}, {"event_type": "tool-calls-generation", **calls}, end
        )
    )
    streamed = decoder.close()
    whole = {"response_id": "r", "generation_id": "g", "finish_reason": "COMPLETE", **calls}
    plain = WIRE.decode(json.dumps(whole).encode())
    assert streamed == plain
    assert WIRE.decode(json.dumps(whole | {"generation_id": "h"}).encode()).parts[1] != plain.parts[1], "one id twice"
    assert plain.finish_reason == "tool_calls"
    thought, call = plain.parts
    assert isinstance(thought, ThinkingPart)
    assert isinstance(call, ToolCallPart)
    assert (thought.text, call.name, call.arguments) == ("I will add.", "add", '{"a":1}')


def test_what_is_cited_is_kept() -> None:
    reply = {
        "text": "so",
        "citations": [{"start": 0}],
        "meta": {"billed_units": {"input_tokens": 1}},
        "finish_reason": "MAX_TOKENS",
    }
    answer = WIRE.decode(json.dumps(reply).encode())
    assert answer.extra == {"citations": [{"start": 0}], "billed_units": {"input_tokens": 1}}
    assert answer.finish_reason == "length"


def test_an_error_in_the_end_of_a_stream_comes_after_the_words_before_it() -> None:
    decoder = WIRE.decoder()
    said = {"event_type": "text-generation", "text": "so"}
    assert decoder.feed(lines(said, {"event_type": "stream-end", "finish_reason": "ERROR", "error": "broken"}))
    with pytest.raises(WireFault, match="broken") as failed:
        decoder.close()
    assert failed.value.fault.kind == "server"


def test_a_stream_that_is_cut_is_interrupted() -> None:
    decoder = WIRE.decoder()
    decoder.feed(lines({"event_type": "text-generation", "text": "so"}))
    with pytest.raises(WireFault) as failed:
        decoder.close()
    assert failed.value.fault.kind == "interrupted"


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"event_type":"stream-start"}', b'{"message": "model gone"}'])
def test_a_reply_without_an_end_is_a_fault(body: bytes) -> None:
    with pytest.raises(WireFault):
        WIRE.decode(body)
