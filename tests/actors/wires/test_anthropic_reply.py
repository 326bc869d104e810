"""What the recordings lack: errors in a stream, events and blocks of a later day, streams that break."""

import json
from typing import Any

import pytest

from callboard.actors.wires.anthropic import AnthropicMessages
from callboard.actors.wires.wire import WireFault
from callboard.messages.chat import OpaquePart, TextPart, ThinkingPart, ToolCallPart
from callboard.messages.reply import Answer, Delta, FinishReason
from callboard.messages.usage import Apart, Usage

WIRE = AnthropicMessages()
Json = dict[str, Any]


def event(kind: str, **members: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()


def start(index: int, kind: str, **members: Any) -> bytes:
    return event("content_block_start", index=index, content_block={"type": kind, **members})


def delta(index: int, kind: str, **members: Any) -> bytes:
    return event("content_block_delta", index=index, delta={"type": kind, **members})


def stop(index: int) -> bytes:
    return event("content_block_stop", index=index)


OPEN = event(
    "message_start", message={"id": "msg_1", "model": "claude", "usage": {"input_tokens": 9, "output_tokens": 1}}
)
CLOSE = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 5}) + event("message_stop")
PING = event("ping")


def stream(*events: bytes) -> tuple[list[Delta], Answer]:
    decoder = WIRE.decoder()
    deltas = [found for piece in (OPEN, *events, CLOSE) for found in decoder.feed(piece)]
    return deltas, decoder.close()


def test_a_plain_reply_is_read_whole() -> None:
    body = {
        "id": "msg_1",
        "type": "message",
        "model": "claude",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "text", "text": "Hi", "citations": [{"cited_text": "x"}]},
            {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}, "caller": {"type": "direct"}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "container": {"id": "k"},
        "usage": {
            "input_tokens": 1, "cache_read_input_tokens": 2, "cache_creation_input_tokens": 3, "output_tokens": 9,
            "output_tokens_details": {"thinking_tokens": 4},
        },
    }  # fmt: skip
    assert WIRE.decode(json.dumps(body).encode(), keep_raw=True) == Answer(
        parts=(
            ThinkingPart(text="hm", signature="s", origin="anthropic"),
            TextPart("Hi", extra={"citations": [{"cited_text": "x"}]}),
            ToolCallPart(
                id="c", name="f", arguments='{"a":1}', origin="anthropic", extra={"caller": {"type": "direct"}}
            ),
        ),
        finish_reason=FinishReason.TOOL_CALLS,
        usage=Usage(input=1, cached_read=2, cache_write=3, output=5, reasoning=4),
        model="claude",
        id="msg_1",
        extra={"container": {"id": "k"}},
        raw=body,
    )


def test_a_stream_is_put_together_block_by_block() -> None:
    deltas, answer = stream(
        PING,
        start(0, "thinking", thinking="", signature=""),
        delta(0, "thinking_delta", thinking="h"),
        delta(0, "thinking_delta", thinking="m"),
        delta(0, "signature_delta", signature="s1"),
        delta(0, "signature_delta", signature="s2"),
        stop(0),
        start(1, "text", text=""),
        delta(1, "text_delta", text="Hi"),
        delta(1, "citations_delta", citation={"n": 1}),
        PING,
        stop(1),
        start(2, "tool_use", id="c", name="f", input={}),
        delta(2, "input_json_delta", partial_json=""),
        delta(2, "input_json_delta", partial_json='{"a": '),
        delta(2, "input_json_delta", partial_json="1.0}"),
        stop(2),
        start(3, "tool_use", id="d", name="g", input={}),
        stop(3),
    )
    assert deltas == [
        Delta(thinking="h"),
        Delta(thinking="m"),
        Delta(text="Hi"),
        Delta(tool_index=0, tool_id="c", tool_name="f"),
        Delta(tool_index=0, arguments='{"a": '),
        Delta(tool_index=0, arguments="1.0}"),
        Delta(tool_index=1, tool_id="d", tool_name="g"),
    ]
    assert answer == Answer(
        parts=(
            ThinkingPart(text="hm", signature="s1s2", origin="anthropic"),
            TextPart("Hi", extra={"citations": [{"n": 1}]}),
            ToolCallPart(id="c", name="f", arguments='{"a": 1.0}', origin="anthropic"),
            ToolCallPart(id="d", name="g", arguments="{}", origin="anthropic"),
        ),
        finish_reason=FinishReason.STOP,
        usage=Usage(input=9, output=5),
        model="claude",
        id="msg_1",
    )


def test_text_and_arguments_that_come_whole_with_their_start_are_told() -> None:
    deltas, answer = stream(
        start(0, "text", text="Hi"), start(1, "tool_use", id="c", name="f", input={"a": 1}), stop(1)
    )
    assert deltas == [
        Delta(text="Hi"),
        Delta(tool_index=0, tool_id="c", tool_name="f"),
        Delta(tool_index=0, arguments='{"a":1}'),
    ]
    assert answer.parts[1] == ToolCallPart(id="c", name="f", arguments='{"a":1}', origin="anthropic")


def test_each_block_that_starts_is_a_part_of_its_own_whatever_its_index() -> None:
    deltas, answer = stream(
        start(0, "thinking", thinking=""), delta(0, "thinking_delta", thinking="hm"), stop(0),
        start(0, "text", text=""), delta(0, "text_delta", text="One"), stop(0),
        start(0, "text", text=" and"), delta(0, "text_delta", text=" two"), stop(0),
        start(0, "tool_use", id="c", name="f", input={"a": 1}), stop(0),
    )  # fmt: skip
    assert [found.text for found in deltas if found.text] == ["One", " and", " two"]
    assert answer.parts == (
        ThinkingPart(text="hm", origin="anthropic"),
        TextPart("One"),
        TextPart(" and two"),
        ToolCallPart(id="c", name="f", arguments='{"a":1}', origin="anthropic"),
    )


def test_a_second_start_of_the_message_loses_nothing_that_was_told() -> None:
    first = start(0, "text", text="One") + stop(0) + start(1, "text", text="!") + stop(1)
    deltas, answer = stream(first, OPEN, start(0, "text", text=" and"), delta(0, "text_delta", text=" two"), stop(0))
    assert "".join(found.text for found in deltas) == "One! and two"
    assert answer.parts == (TextPart("One"), TextPart("!"), TextPart(" and two"))


def test_blocks_of_one_index_are_bounded_as_others_are() -> None:
    with pytest.raises(WireFault, match="more than 10,000 parts"):
        stream(start(0, "text", text="a") * 10_001, b"")


def test_blocks_and_deltas_of_a_later_day_are_kept_for_their_origin() -> None:
    deltas, answer = stream(
        start(0, "server_tool_use", id="s", name="web_search", input={}),
        delta(0, "input_json_delta", partial_json='{"query": "x"}'),
        stop(0),
        start(1, "compaction", content=None),
        delta(1, "compaction_delta", content="so "),
        delta(1, "compaction_delta", content="far", list=[1]),
        delta(1, "compaction_delta", list=[2]),
        start(2, "hologram", text=""),
        delta(2, "text_delta", text="words"),
        event("weather_report", index=7),
        event("content_block_stop", index=99),
        b'data: {"no": "type"}\n\n',
    )
    assert deltas == []
    assert answer.parts == (
        OpaquePart(
            origin="anthropic",
            block={"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}},
        ),
        OpaquePart(origin="anthropic", block={"type": "compaction", "content": "so far", "list": [1, 2]}),
        OpaquePart(origin="anthropic", block={"type": "hologram", "text": "words"}),
    )


def test_why_it_stopped_is_kept_in_extra() -> None:
    why = {"stop_sequence": "END", "stop_details": {"category": "x"}, "context_management": {"applied_edits": []}}
    assert WIRE.decode(json.dumps({"content": [], **why}).encode()).extra == why
    ending = event("message_delta", delta={"stop_reason": "stop_sequence", "stop_sequence": "END"}) + event(
        "message_stop"
    )
    decoder = WIRE.decoder()
    decoder.feed(OPEN + ending)
    assert decoder.close().extra == {"stop_sequence": "END"}


def test_an_empty_text_is_no_part() -> None:
    assert stream(start(0, "text", text=""), stop(0))[1].parts == ()


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("end_turn", "stop"), ("stop_sequence", "stop"), ("max_tokens", "length"), ("pause_turn", "pause"),
     ("model_context_window_exceeded", "length"), ("tool_use", "tool_calls"), ("refusal", "refusal"), ("new", "other"),
     (5, "other"), (None, None)],
)  # fmt: skip
def test_stop_reasons_are_known_or_other_and_never_refused(reason: Any, finish: str | None) -> None:
    assert WIRE.decode(json.dumps({"content": [], "stop_reason": reason}).encode()).finish_reason == finish


def test_counts_in_a_stream_are_cumulative_and_null_says_nothing() -> None:
    decoder = WIRE.decoder()
    decoder.feed(
        OPEN
        + event(
            "message_delta", delta={}, usage={"input_tokens": None, "output_tokens": 3, "cache_read_input_tokens": 2}
        )
    )
    decoder.feed(CLOSE)
    assert decoder.close().usage == Usage(input=9, cached_read=2, output=5)


def test_a_later_count_that_is_smaller_takes_nothing_back() -> None:
    decoder = WIRE.decoder()
    counts = {"input_tokens": 0, "cache_read_input_tokens": 4, "output_tokens": 7}
    decoder.feed(OPEN + event("message_delta", delta={}, usage=counts))
    decoder.feed(event("message_delta", delta={}, usage={"cache_read_input_tokens": 0}) + CLOSE)
    assert decoder.close().usage == Usage(input=9, cached_read=4, output=7)


@pytest.mark.parametrize(
    "later",
    [
        {"cache_creation_input_tokens": 5},
        {"cache_creation_input_tokens": 5, "cache_creation": None},
        {"cache_creation_input_tokens": 5, "cache_creation": {"ephemeral_1h_input_tokens": 2}},
        {},
    ],
)
def test_what_is_kept_for_an_hour_is_neither_lost_nor_doubled_when_a_stream_counts_again(later: Json) -> None:
    written = {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 2}
    usage = {"input_tokens": 9, "output_tokens": 1, "cache_creation_input_tokens": 5, "cache_creation": written}
    decoder = WIRE.decoder()
    decoder.feed(event("message_start", message={"id": "msg_1", "model": "claude", "usage": usage}))
    decoder.feed(event("message_delta", delta={}, usage={"output_tokens": 3, **later}))
    decoder.feed(CLOSE)
    told = decoder.close().usage
    assert told == Usage(input=9, cache_write=3, output=5, apart=Apart(cache_write_1h=2))


def test_raw_is_every_event_of_a_stream() -> None:
    decoder = WIRE.decoder(keep_raw=True)
    decoder.feed(OPEN + start(0, "text", text="") + delta(0, "text_delta", text="a") + CLOSE)
    kinds = [found["type"] for found in decoder.close().raw]
    assert kinds == ["message_start", "content_block_start", "content_block_delta", "message_delta", "message_stop"]


def test_a_second_message_in_one_stream_is_not_read() -> None:
    deltas, answer = stream(start(0, "text", text="a"), CLOSE, OPEN, start(0, "text", text="b"))
    assert (deltas, answer.parts) == ([Delta(text="a")], (TextPart("a"),))


@pytest.mark.parametrize(
    ("kind", "fault"),
    [("overloaded_error", "overloaded"), ("api_error", "server"), ("rate_limit_error", "rate_limited"),
     ("invalid_request_error", "invalid_request"), ("timeout_error", "server"), ("an_error_of_2027", "server")],
)  # fmt: skip
def test_an_error_inside_a_stream_ends_it_and_keeps_what_came(kind: str, fault: str) -> None:
    decoder = WIRE.decoder()
    decoder.feed(OPEN + start(0, "text", text="half"))
    with pytest.raises(WireFault) as caught:
        decoder.feed(event("error", error={"type": kind, "message": "Overloaded"}, request_id="req_1"))
    assert caught.value.fault.kind == fault
    assert (caught.value.fault.code, caught.value.fault.request_id) == (kind, "req_1")
    assert decoder.partial().parts == (TextPart("half"),)


def test_a_stream_that_just_stops_is_interrupted() -> None:
    decoder = WIRE.decoder()
    decoder.feed(OPEN + start(0, "text", text="half") + b"event: content_bl")
    with pytest.raises(WireFault) as caught:
        decoder.close()
    assert caught.value.fault.kind == "interrupted"


@pytest.mark.parametrize(
    "events",
    [
        delta(0, "text_delta", text="a"),
        start(0, "text", text="") + event("content_block_delta", index=0),
        b"data: rubbish\n\n",
        b'data: {"type": "content_block_start", "index": "x"}\n\n',
        b'data: {"type": "content_block_delta", "index": 0, "delta": 5}\n\n',
        b"data: \xff\n\n",
        b"data: " + b'{"a":' * 50_000 + b"\n\n",
    ],
)
def test_rubbish_in_a_stream_is_malformed(events: bytes) -> None:
    decoder = WIRE.decoder()
    decoder.feed(OPEN)
    with pytest.raises(WireFault) as caught:
        decoder.feed(events)
    assert caught.value.fault.kind == "malformed_reply"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "malformed_reply"),
        (b"[]", "malformed_reply"),
        (b"{}", "malformed_reply"),
        (b'{"content": 5}', "malformed_reply"),
        (b'{"type": "error", "error": {"type": "overloaded_error", "message": "x"}}', "overloaded"),
    ],
)
def test_a_plain_reply_that_is_none_is_a_fault(body: bytes, kind: str) -> None:
    with pytest.raises(WireFault) as caught:
        WIRE.decode(body)
    assert caught.value.fault.kind == kind


def test_a_block_of_the_wrong_shape_costs_only_itself() -> None:
    body = {"content": [5, {"type": "text", "text": 7}, {"type": "tool_use"}, {"type": "text", "text": "a"}]}
    assert WIRE.decode(json.dumps(body).encode()).parts == (
        OpaquePart(origin="anthropic", block={}),
        ToolCallPart(id="call_0", name="", origin="anthropic"),
        TextPart("a"),
    )


def test_citations_that_are_no_list_cost_nothing() -> None:
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "", "citations": 7}}
    cited = {"type": "content_block_delta", "index": 0, "delta": {"type": "citations_delta", "citation": {"a": 1}}}
    decoder = AnthropicMessages().decoder()
    for event in (start, cited):
        decoder.feed(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
    (part,) = decoder.partial().parts
    assert isinstance(part, TextPart)
    assert part.extra == {"citations": [{"a": 1}]}
