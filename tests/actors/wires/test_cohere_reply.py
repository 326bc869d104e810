import json
from typing import Any

import pytest

from callboard.actors.wires.cohere import Cohere
from callboard.actors.wires.wire import StreamDecoder, WireFault
from callboard.messages.chat import OpaquePart, TextPart, ThinkingPart, ToolCallPart
from callboard.messages.faults import FaultKind
from callboard.messages.reply import Answer, Delta, FinishReason
from callboard.messages.usage import Apart, Usage

WIRE = Cohere()
PLAN = {"type": "tool_plan"}


def plain(message: Any, **members: Any) -> Answer:
    return WIRE.decode(json.dumps({"id": "r", "message": message, "finish_reason": "COMPLETE", **members}).encode())


def event(kind: str, index: int | None = None, **message: Any) -> dict[str, Any]:
    return {"type": kind, "index": index, "delta": {"message": message}}


def end(reason: str = "COMPLETE", **delta: Any) -> dict[str, Any]:
    return {"type": "message-end", "delta": {"finish_reason": reason, **delta}}


def fed(*events: Any, done: bytes = b"") -> tuple[list[Delta], StreamDecoder]:
    decoder = WIRE.decoder()
    body = b"".join(b"event: x\ndata: " + json.dumps(one).encode() + b"\n\n" for one in events)
    return decoder.feed(body + done), decoder


def kind_of(*events: Any) -> FaultKind:
    with pytest.raises(WireFault) as caught:
        fed(*events)[1].close()
    return caught.value.fault.kind


def test_text_thinking_plan_and_calls_become_parts_in_this_order() -> None:
    content = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}]
    answer = plain({"content": content, "tool_plan": "first f", "tool_calls": calls})
    assert answer.parts == (
        ThinkingPart(text="hm", origin="cohere"),
        TextPart("ab"),
        ThinkingPart(text="first f", origin="cohere", extra=PLAN),
        ToolCallPart(id="c", name="f", arguments='{"x":1}', origin="cohere"),
    )
    assert (answer.id, answer.finish_reason) == ("r", FinishReason.STOP)


def test_a_stream_of_the_same_reply_gives_the_same_parts_and_tells_of_each_piece() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
    deltas, decoder = fed(
        {"type": "message-start", "id": "r", "delta": {"message": {"content": [], "tool_plan": ""}}},
        event("content-start", 0, content={"type": "thinking", "thinking": ""}),
        event("content-delta", 0, content={"thinking": "hm"}),
        event("content-end", 0),
        event("content-delta", 1, content={"text": "a"}),
        event("tool-plan-delta", tool_plan="first f"),
        event("tool-call-start", 0, tool_calls=call),
        event("tool-call-delta", 0, tool_calls={"function": {"arguments": '{"x"'}}),
        event("tool-call-delta", 0, tool_calls={"function": {"arguments": ":1}"}}),
        event("tool-call-end", 0),
        end("TOOL_CALL"),
    )
    assert deltas == [
        Delta(thinking="hm"),
        Delta(text="a"),
        Delta(thinking="first f"),
        Delta(tool_index=0, tool_id="c", tool_name="f"),
        Delta(tool_index=0, arguments='{"x"'),
        Delta(tool_index=0, arguments=":1}"),
    ]
    answer = decoder.close()
    assert answer.parts == (
        ThinkingPart(text="hm", origin="cohere"),
        TextPart("a"),
        ThinkingPart(text="first f", origin="cohere", extra=PLAN),
        ToolCallPart(id="c", name="f", arguments='{"x":1}', origin="cohere"),
    )
    assert (answer.id, answer.finish_reason) == ("r", FinishReason.TOOL_CALLS)


def test_pieces_of_parallel_calls_are_told_apart_by_index() -> None:
    def start(index: int, name: str) -> dict[str, Any]:
        return event("tool-call-start", index, tool_calls={"id": name, "function": {"name": name, "arguments": ""}})

    def more(index: int, piece: str) -> dict[str, Any]:
        return event("tool-call-delta", index, tool_calls={"function": {"arguments": piece}})

    _, decoder = fed(start(0, "f"), start(1, "g"), more(0, "{"), more(1, '{"y":2}'), more(0, "}"), end())
    calls = [part for part in decoder.close().parts if isinstance(part, ToolCallPart)]
    assert [(call.name, call.arguments) for call in calls] == [("f", "{}"), ("g", '{"y":2}')]


@pytest.mark.parametrize("done", [b"", b"data: [DONE]\n\n"])
def test_the_stream_is_done_at_message_end_whether_or_not_done_follows(done: bytes) -> None:
    _, decoder = fed(event("content-delta", 0, content={"text": "a"}), end(), done=done)
    assert decoder.done
    assert decoder.close().parts == (TextPart("a"),)


def test_a_stream_without_message_end_was_interrupted_even_after_done() -> None:
    _, decoder = fed(event("content-delta", 0, content={"text": "a"}), done=b"data: [DONE]\n\n")
    with pytest.raises(WireFault) as caught:
        decoder.close()
    assert caught.value.fault.kind == FaultKind.INTERRUPTED
    assert decoder.partial().parts == (TextPart("a"),)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("COMPLETE", "stop"), ("STOP_SEQUENCE", "stop"), ("MAX_TOKENS", "length"), ("TOOL_CALL", "tool_calls"),
        ("ERROR", "error"), ("TIMEOUT", "error"), ("TIRED", "other"), (7, "other"), (None, None),
    ],
)  # fmt: skip
def test_a_reason_to_finish_is_the_same_in_a_stream_and_outside(reason: Any, finish: str | None) -> None:
    assert plain({}, finish_reason=reason).finish_reason == finish
    assert fed({"type": "message-start", "id": "r"}, end(reason))[1].close().finish_reason == finish


def test_an_error_inside_message_end_comes_after_the_deltas_before_it() -> None:
    told = end("ERROR", error="the model tripped", error_type="OOPS")
    deltas, decoder = fed({"type": "message-start", "id": "r"}, event("content-delta", 0, content={"text": "a"}), told)
    assert deltas == [Delta(text="a")]
    with pytest.raises(WireFault) as caught:
        decoder.close()
    fault = caught.value.fault
    assert (fault.kind, fault.code, fault.message) == (FaultKind.SERVER, "OOPS", "the model tripped")
    assert (fault.provider, fault.request_id) == ("cohere", "r")


@pytest.mark.parametrize("data", [b'{"message": "too hot"}', b"too hot"])
def test_an_error_event_is_a_fault(data: bytes) -> None:
    with pytest.raises(WireFault) as caught:
        WIRE.decoder().feed(b"event: error\ndata: " + data + b"\n\n")
    assert (caught.value.fault.kind, caught.value.fault.message) == (FaultKind.SERVER, "too hot")


@pytest.mark.parametrize(
    ("usage", "read"),
    [
        (
            {"tokens": {"input_tokens": 9, "output_tokens": 5, "reasoning_tokens": 2, "image_tokens": 100},
             "cached_tokens": 4, "billed_units": {"input_tokens": 1, "output_tokens": 1}},
            Usage(input=5, cached_read=4, output=3, reasoning=2, apart=Apart(image_input=100)),
        ),
        ({"billed_units": {"input_tokens": 3.0, "output_tokens": 2.0}}, Usage(input=3, output=2)),
        ({"tokens": {"input_tokens": 3}, "cached_tokens": 9}, Usage(cached_read=3)),
        ({}, None),
        (None, None),
        ("many", None),
    ],
)  # fmt: skip
def test_tokens_are_counted_as_the_model_read_them_and_never_twice(usage: Any, read: Usage | None) -> None:
    assert plain({}, usage=usage).usage == read
    assert fed(end(usage=usage))[1].close().usage == read


def test_citations_log_probabilities_and_billed_units_are_kept_beside_the_answer() -> None:
    cited, sure, billed = {"start": 0, "end": 4, "text": "Ruby"}, {"text": "a", "logprobs": [-0.1]}, {"input_tokens": 1}
    whole = plain({"citations": [cited]}, logprobs=[sure], usage={"billed_units": billed})
    logged = event("content-delta", 0, content={"text": "a"})
    logged["delta"]["logprobs"] = sure
    _, decoder = fed(logged, event("citation-start", 0, citations=cited), end(usage={"billed_units": billed}))
    assert whole.extra == decoder.close().extra
    assert whole.extra == {"citations": [cited], "logprobs": [sure], "billed_units": billed}


def test_the_whole_reply_is_kept_on_demand_only() -> None:
    body = b'{"message": {}, "news": 1}'
    assert WIRE.decode(body, keep_raw=True).raw == {"message": {}, "news": 1}
    assert WIRE.decode(body).raw is None
    decoder = WIRE.decoder(keep_raw=True)
    decoder.feed(b'data: {"type": "message-start", "id": "r"}\n\ndata: {"type": "message-end"}\n\n')
    assert decoder.close().raw == [{"type": "message-start", "id": "r"}, {"type": "message-end"}]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"{}", b'{"message": 7}'])
def test_a_plain_reply_without_a_message_is_malformed(body: bytes) -> None:
    with pytest.raises(WireFault) as caught:
        WIRE.decode(body)
    assert caught.value.fault.kind == FaultKind.MALFORMED_REPLY


def test_an_error_in_place_of_a_plain_reply_is_a_fault() -> None:
    with pytest.raises(WireFault) as caught:
        WIRE.decode(b'{"error": "out of order"}')
    assert (caught.value.fault.kind, caught.value.fault.message) == (FaultKind.SERVER, "out of order")


@pytest.mark.parametrize("index", [0, None])
def test_a_piece_of_a_call_that_was_never_started_is_malformed(index: int | None) -> None:
    assert kind_of(event("tool-call-delta", index, tool_calls={})) == FaultKind.MALFORMED_REPLY


def test_blocks_of_a_later_day_are_kept_and_events_skipped() -> None:
    smell = {"type": "smell", "data": "x"}
    parts = plain({"content": [smell, {"type": "text", "text": "a"}]}).parts
    assert parts == (OpaquePart(origin="cohere", block=smell), TextPart("a"))
    assert plain({"content": "a"}).parts == (TextPart("a"),)
    deltas, _ = fed({"type": "weather"}, {"type": None}, event("content-delta", 0, content={"smell": "x"}))
    assert deltas == []
