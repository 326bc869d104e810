"""What recordings of well-behaved servers lack: the odd things that imitations of OpenAI send."""

import json
from typing import Any

import pytest
from tests.proportion import in_proportion

from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.wire import WireFault
from callboard.messages.chat import OpaquePart, RefusalPart, TextPart, ThinkingPart, ToolCallPart
from callboard.messages.reply import Answer, Delta, FinishReason
from callboard.messages.usage import Usage

WIRE = OpenAIChat()
Json = dict[str, Any]


def chunk(delta: Json | None = None, finish: Any = None, **more: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return b"data: " + json.dumps({"id": "c1", "model": "m", "choices": choices, **more}).encode() + b"\n\n"


def stream(*events: bytes) -> tuple[list[Delta], Answer]:
    decoder = WIRE.decoder()
    deltas = [delta for event in events for delta in decoder.feed(event)]
    return deltas, decoder.close()


def calls(*pieces: Json) -> tuple[ToolCallPart, ...]:
    """The tool calls of a stream of `tool_calls` items, checked against its deltas."""
    deltas, answer = stream(*(chunk({"tool_calls": [piece]}) for piece in pieces), chunk({}, "tool_calls"))
    found = tuple(part for part in answer.parts if isinstance(part, ToolCallPart))
    for index, call in enumerate(found):
        own = [delta for delta in deltas if delta.tool_index == index]
        assert "".join(delta.arguments for delta in own) in (call.arguments, "" if call.arguments == "{}" else None)
        assert [delta.tool_name for delta in own if delta.tool_name] == [call.name]
    return found


def function(name: str | None = None, arguments: Any = None, **more: Any) -> Json:
    members = {"name": name, "arguments": arguments}
    return {"function": {key: value for key, value in members.items() if value is not None}, **more}


def call(call_id: str, name: str, arguments: str) -> ToolCallPart:
    return ToolCallPart(id=call_id, name=name, arguments=arguments, origin="openai")


def test_a_plain_reply_is_read_whole() -> None:
    body = {
        "id": "chatcmpl-1",
        "model": "gpt-x",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi", "reasoning_content": "hm"},
                     "finish_reason": "stop", "logprobs": {"content": [{"token": "Hi"}], "refusal": None}}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9},
    }  # fmt: skip
    assert WIRE.decode(json.dumps(body).encode(), keep_raw=True) == Answer(
        parts=(ThinkingPart(text="hm", origin="openai"), TextPart("Hi")),
        finish_reason=FinishReason.STOP,
        usage=Usage(input=7, output=2),
        model="gpt-x",
        id="chatcmpl-1",
        extra={"logprobs": {"content": [{"token": "Hi"}]}},
        raw=body,
    )


def test_role_and_empty_deltas_are_worth_nothing() -> None:
    deltas, answer = stream(
        chunk({"role": "assistant", "content": ""}), chunk({}), chunk(), chunk({"content": None}), chunk({}, "stop")
    )
    assert deltas == []
    assert answer.parts == ()


def test_only_the_first_of_several_choices_is_read() -> None:
    def choice(index: int, text: str) -> Json:
        return {"index": index, "delta": {"content": text}, "message": {"content": text}, "finish_reason": "stop"}

    body = json.dumps({"choices": [choice(0, "a"), choice(1, "b")]}).encode()
    assert WIRE.decode(body).parts == stream(b"data: " + body + b"\n\n")[1].parts == (TextPart("a"),)


@pytest.mark.parametrize("done", [b"data: [DONE]\n\n", b"data: [DONE] \n\n", b"data:[DONE]", b"data: [DONE]\r\n\r\n"])
def test_done_is_seen_with_blanks_around_it_and_without_its_last_line(done: bytes) -> None:
    decoder = WIRE.decoder()
    decoder.feed(chunk({"content": "a"}) + done)
    assert decoder.close().parts == (TextPart("a"),)
    assert decoder.done


def test_bytes_after_done_are_ignored() -> None:
    decoder = WIRE.decoder()
    decoder.feed(chunk({"content": "a"}) + b"data: [DONE]\n\ndata: rubbish\n\n")
    assert decoder.feed(b"data: more rubbish\n\n") == []
    assert decoder.close().parts == (TextPart("a"),)


@pytest.mark.parametrize(
    ("before", "kind"),
    [
        ([], "malformed_reply"),
        ([chunk(usage={"prompt_tokens": 1})], "malformed_reply"),
        ([b'data: {"message": "the engine is overloaded", "type": "overloaded_error"}\n\n'], "overloaded"),
    ],
)
def test_a_stream_that_is_done_before_it_has_begun_is_no_answer(before: list[bytes], kind: str) -> None:
    with pytest.raises(WireFault) as refused:
        stream(*before, b"data: [DONE]\n\n")
    assert refused.value.fault.kind == kind


def test_a_stream_that_is_done_is_whole_also_without_a_reason_to_finish() -> None:
    answer = stream(chunk({"content": "a"}), b"data: [DONE]\n\n")[1]
    assert (answer.text, answer.finish_reason) == ("a", None)


def test_a_reason_to_finish_ends_a_stream_without_done() -> None:
    assert stream(chunk({"content": "a"}), chunk({}, "stop"))[1].finish_reason == FinishReason.STOP


def test_a_stream_that_just_stops_is_interrupted_and_keeps_what_came() -> None:
    decoder = WIRE.decoder()
    decoder.feed(chunk({"content": "half"}) + b'data: {"choices": [{"index": 0, "del')
    with pytest.raises(WireFault) as caught:
        decoder.close()
    assert caught.value.fault.kind == "interrupted"
    assert decoder.partial().parts == (TextPart("half"),)


def test_a_cut_after_the_reason_to_finish_costs_only_what_was_cut() -> None:
    decoder = WIRE.decoder()
    decoder.feed(chunk({"content": "all"}, "stop") + b'data: {"choices": [], "usage": {"prompt_to')
    assert decoder.close().parts == (TextPart("all"),)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("stop", "stop"), ("length", "length"), ("function_call", "tool_calls"), ("content_filter", "content_filter"),
     ("eos", "stop"), ("error", "error"), ("a_reason_of_2027", "other"), (7, "other"), ([], None), ("", None)],
)  # fmt: skip
def test_reasons_to_finish_are_known_or_other_and_never_refused(reason: Any, finish: str | None) -> None:
    assert stream(chunk({"content": "a"}, reason), b"data: [DONE]\n\n")[1].finish_reason == finish


def test_multi_line_data_and_comments_are_no_hindrance() -> None:
    deltas, _ = stream(
        b": keep-alive\n\n",
        b'data: {"choices": [{"index": 0,\ndata: "delta": {"content": "a"}}]}\n\n',
        chunk({}, "stop"),
    )
    assert deltas == [Delta(text="a")]


def test_content_may_be_blocks_of_text_and_thinking() -> None:
    blocks = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "4"},
        "?",
        {"type": "new"},
    ]
    deltas, answer = stream(chunk({"content": blocks}), chunk({"content": "2"}), chunk({}, "stop"))
    assert deltas == [Delta(thinking="hm"), Delta(text="4"), Delta(text="2")]
    new = OpaquePart(origin="openai", block={"type": "new"})
    assert answer.parts == (ThinkingPart(text="hm", origin="openai"), TextPart("4"), new, TextPart("2"))


@pytest.mark.parametrize("member", ["reasoning", "reasoning_content"])
def test_reasoning_goes_by_either_name_and_is_not_doubled(member: str) -> None:
    deltas, _ = stream(chunk({member: "a"}), chunk({"reasoning": "b", "reasoning_content": "b"}), chunk({}, "stop"))
    assert deltas == [Delta(thinking="a"), Delta(thinking="b")]


def test_a_refusal_is_a_part_of_its_own() -> None:
    deltas, answer = stream(chunk({"refusal": "I "}), chunk({"refusal": "won't"}), chunk({}, "stop"))
    assert deltas == [Delta(refusal="I "), Delta(refusal="won't")]
    assert answer.parts == (RefusalPart("I won't"),)


def test_tool_calls_are_put_together_by_index() -> None:
    assert calls(
        function("f", "", index=0, id="a"),
        function(None, '{"x"', index=0),
        function("g", '{"y":2}', index=1, id="b"),
        function(None, ":1}", index=0),
    ) == (call("a", "f", '{"x":1}'), call("b", "g", '{"y":2}'))


@pytest.mark.parametrize(
    "pieces",
    [
        (function("f", "{}", id="a"), function("g", '{"y":', id="b"), function(None, "2}", id="b")),
        (function("f", "{}", id="a"), function("g", '{"y":', id="b"), function(None, "2}")),
        (function("f", "{}", index=0, id="a"), function("g", '{"y":', index=0, id="b"), function(None, "2}", index=0)),
        (
            function("f", "{}", index=0, id="a"),
            function("g", '{"y":', index=1, id="b"),
            function(None, "2}", index=1, id="z"),
        ),
    ],
    ids=["no index", "no index, no id later", "every index 0", "a new id with every piece"],
)
def test_tool_calls_survive_servers_that_count_badly(pieces: tuple[Json, ...]) -> None:
    assert calls(*pieces) == (call("a", "f", "{}"), call("b", "g", '{"y":2}'))


@pytest.mark.parametrize("more", [{"id": "a"}, {"id": "a", "index": 0}, {"index": 0}])
def test_each_call_of_a_plain_reply_is_one_whatever_its_id_and_index(more: Json) -> None:
    message = {"tool_calls": [function("f", "{}", **more), function("g", '{"y":2}', **more)]}
    body = {"choices": [{"message": message, "finish_reason": "tool_calls"}]}
    parts = WIRE.decode(json.dumps(body).encode()).parts
    assert [(part.name, part.arguments) for part in parts if isinstance(part, ToolCallPart)] == [
        ("f", "{}"),
        ("g", '{"y":2}'),
    ]


def test_the_message_of_a_plain_reply_counts_and_not_the_empty_delta_beside_it() -> None:
    body = {"choices": [{"delta": {"content": ""}, "message": {"content": "Hi"}, "finish_reason": "stop"}]}
    assert WIRE.decode(json.dumps(body).encode()).parts == (TextPart("Hi"),)


def test_ten_thousand_calls_by_id_alone_hold_nobody_up() -> None:
    def read(count: int) -> None:
        told = [{"id": f"call {number}", **function("f", "{}")} for number in range(count)]
        body = json.dumps({"choices": [{"message": {"tool_calls": told}}]}).encode()
        assert len(WIRE.decode(body).parts) == count

    in_proportion(read, 10_000)


def test_calls_without_ids_get_ids_and_late_names_are_taken() -> None:
    first, second = calls(function("f", "{}"), function("f", "{}"))
    assert (first.name, second.name, len({first.id, second.id, ""})) == ("f", "f", 3)
    assert calls(function("f", "{}"), function("f", "{}")) == (first, second), "the same bytes gave other ids"
    assert calls(function(None, "{", index=0, id="a"), function("f", "}", index=0)) == (call("a", "f", "{}"),)


def test_two_turns_do_not_share_the_id_of_a_call_that_came_without_one() -> None:
    def turn(reply: str) -> ToolCallPart:
        message = {"tool_calls": [function("f", "{}")]}
        (part,) = WIRE.decode(json.dumps({"id": reply, "choices": [{"message": message}]}).encode()).parts
        assert isinstance(part, ToolCallPart)
        return part

    assert turn("chatcmpl-1").id != turn("chatcmpl-2").id


@pytest.mark.parametrize(
    ("arguments", "text"), [(None, "{}"), ("", "{}"), ({"a": 1}, '{"a":1}'), ('{"a": 1}', '{"a": 1}')]
)
def test_arguments_are_json_text_whatever_came(arguments: Any, text: str) -> None:
    assert calls({"index": 0, "id": "a", "function": {"name": "f", "arguments": arguments}}) == (call("a", "f", text),)


def test_a_tool_call_may_lack_its_function_and_a_list_of_calls_may_be_null() -> None:
    _, answer = stream(
        chunk({"tool_calls": None}), chunk({"tool_calls": [{"index": 0, "id": "a", "function": None}]}, "stop")
    )
    assert answer.parts == (call("a", "", "{}"),)


def test_the_legacy_function_call_is_a_tool_call_and_an_empty_one_is_none() -> None:
    named = chunk({"function_call": {"name": "f", "arguments": '{"a"'}})
    _, answer = stream(named, chunk({"function_call": {"arguments": ":1}"}}), chunk({}, "function_call"))
    (made,) = answer.parts
    assert isinstance(made, ToolCallPart)
    assert made == call(made.id, "f", '{"a":1}')
    assert stream(chunk({"content": "a", "function_call": {"name": "", "arguments": ""}}, "stop"))[1].parts == (
        TextPart("a"),
    )


def test_googles_thought_signature_stays_with_its_call() -> None:
    signed = function("f", "{}", index=0, id="a", extra_content={"google": {"thought_signature": "s"}})
    assert calls(signed)[0].extra == {"extra_content": {"google": {"thought_signature": "s"}}}


def test_log_probabilities_annotations_and_citations_are_kept() -> None:
    def token(text: str) -> bytes:
        choice = {
            "index": 0,
            "delta": {"content": text, "annotations": [text]},
            "logprobs": {"content": [{"token": text}]},
        }
        return b"data: " + json.dumps({"choices": [choice], "citations": [text]}).encode() + b"\n\n"

    assert stream(token("a"), token("b"), chunk({}, "stop"))[1].extra == {
        "logprobs": {"content": [{"token": "a"}, {"token": "b"}]},
        "annotations": ["a", "b"],
        "citations": ["b"],
    }


def test_raw_is_every_event_of_a_stream() -> None:
    decoder = WIRE.decoder(keep_raw=True)
    decoder.feed(chunk({"content": "a"}) + chunk({}, "stop") + b"data: [DONE]\n\n")
    raw = decoder.close().raw
    assert [event["choices"][0]["delta"] for event in raw] == [{"content": "a"}, {}]


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (b'data: {"error": {"message": "slow down", "code": 429}}\n\n', "rate_limited"),
        (b'data: {"error": {"message": "x", "code": 502}, "choices": []}\n\n', "server"),
        (b'data: {"error": "it broke"}\n\n', "server"),
        (b'data: {"error": {"message": "x", "code": "y"}, "status_code": 429}\n\n', "rate_limited"),
        (b'data: {"error": {"message": "x", "type": "invalid_request_error"}}\n\n', "invalid_request"),
        (b'data: {"error": {"message": "x", "code": "context_length_exceeded"}}\n\n', "context_too_long"),
        (b'data: {"choices": [{"index": 0, "error": {"code": 503, "message": "x"}}]}\n\n', "overloaded"),
        (b'event: error\ndata: {"message": "x", "status_code": 503}\n\n', "overloaded"),
        (b"event: error\ndata: upstream died\n\n", "server"),
        (b"data: rubbish\n\n", "malformed_reply"),
        (b'data: {"choices": 5}\n\n', "malformed_reply"),
        (b'data: {"id": "\xff"}\n\n', "malformed_reply"),
        (b"data: " + b"[" * 100_000 + b"\n\n", "malformed_reply"),
        (b'data: {"x": ' + b"[" * 100_000 + b"\n\n", "malformed_reply"),
    ],
)  # fmt: skip
def test_an_error_or_rubbish_in_a_stream_is_a_fault(event: bytes, kind: str) -> None:
    decoder = WIRE.decoder()
    with pytest.raises(WireFault) as caught:
        decoder.feed(event)
    assert caught.value.fault.kind == kind
    assert caught.value.fault.provider == "openai"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "malformed_reply"),
        (b"<html>", "malformed_reply"),
        (b"[]", "malformed_reply"),
        (b"{}", "malformed_reply"),
        (b'{"choices": []}', "malformed_reply"),
        (b'{"error": {"code": 429, "message": "x"}}', "rate_limited"),
    ],
)
def test_a_plain_reply_that_is_none_is_a_fault(body: bytes, kind: str) -> None:
    with pytest.raises(WireFault) as caught:
        WIRE.decode(body)
    assert caught.value.fault.kind == kind


def test_what_cannot_be_read_is_not_quoted() -> None:
    with pytest.raises(WireFault) as caught:
        WIRE.decode(b'{"choices": [{"index": 0, "message": {"tool_calls": "my secret"}}]}')
    assert "secret" not in str(caught.value)
    assert "tool_calls" in str(caught.value)


USED = {"prompt_tokens": 120, "completion_tokens": 20}
ERROR = {"code": 502, "message": "x"}


@pytest.mark.parametrize(
    "last",
    [
        {"error": ERROR, "usage": USED},
        {"choices": [{"index": 0, "error": ERROR}], "usage": USED},
        {"x_groq": {"error": "over capacity", "usage": USED}},
        {"x_groq": {"error": "over capacity"}, "usage": USED},
    ],
)
def test_what_a_stream_says_was_used_beside_its_error_is_kept(last: Json) -> None:
    decoder = WIRE.decoder()
    decoder.feed(chunk({"content": "a"}))
    with pytest.raises(WireFault):
        decoder.feed(b"data: %b\n\n" % json.dumps(last).encode())
    assert decoder.partial().usage == Usage(input=120, output=20)


def test_an_error_event_keeps_what_it_says_was_used() -> None:
    decoder = WIRE.decoder()
    with pytest.raises(WireFault):
        decoder.feed(b"event: error\ndata: %b\n\n" % json.dumps({"error": ERROR, "usage": USED}).encode())
    assert decoder.partial().usage == Usage(input=120, output=20)


@pytest.mark.parametrize(
    "body",
    [
        {"choices": [{"index": 0, "finish_reason": "error", "message": {"content": "a"}, "error": ERROR}]},
        {"choices": [{"index": 0, "message": {"content": "a"}}], "error": ERROR},
        {"error": ERROR},
        {"choices": []},
    ],
)
def test_a_fault_carries_what_a_plain_reply_says_was_used_and_nothing_where_it_says_nothing(body: Json) -> None:
    with pytest.raises(WireFault) as caught:
        WIRE.decode(json.dumps(body | {"usage": USED}).encode())
    assert caught.value.partial is not None
    assert caught.value.partial.usage == Usage(input=120, output=20)
    for unused in ({}, {"usage": None}, {"usage": {"prompt_tokens": 0, "completion_tokens": 0}}):
        with pytest.raises(WireFault) as caught:
            WIRE.decode(json.dumps(body | unused).encode())
        assert caught.value.partial is None
