import json
from typing import Any

import pytest

from callboard.actors.wires.openai_responses import OpenAIResponses
from callboard.actors.wires.wire import EmbeddingWire, WireFault
from callboard.messages.chat import (
    AudioPart,
    ChatMessage,
    DocumentPart,
    ImagePart,
    OpaquePart,
    RefusalPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
    assistant,
    system,
    tool_result,
    user,
)
from callboard.messages.reply import Answer, Delta
from callboard.messages.request import Output, Request, Sampling, Thinking, Tool, ToolChoice
from callboard.messages.usage import Usage, apart

ORIGIN = "openai-responses"
TEXT = {"id": "m1", "type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hello"}]}
CALL = {"id": "f1", "type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}'}
THOUGHT = {
    "id": "r1",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "hm"}],
    "encrypted_content": "E",
}


def sent(*messages: ChatMessage, wire: OpenAIResponses | None = None, **members: Any) -> dict[str, Any]:
    request = Request(model="fast", messages=messages, **members)
    encoded = (wire or OpenAIResponses()).encode(request, "gpt-x", stream=False)
    body: dict[str, Any] = json.loads(encoded.body)
    return body


def items(*messages: ChatMessage) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sent(*messages)["input"]
    return found


def response(*output: dict[str, Any], status: str = "completed", **members: Any) -> dict[str, Any]:
    return {"id": "resp_1", "model": "gpt-x", "status": status, "output": list(output), **members}


def plain(*output: dict[str, Any], **members: Any) -> Answer:
    return OpenAIResponses().decode(json.dumps(response(*output, **members)).encode())


def framed(*events: dict[str, Any]) -> bytes:
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def added(item: dict[str, Any], index: int | None, **members: Any) -> dict[str, Any]:
    return {"type": "response.output_item.added", "item": item, "output_index": index, **members}


def ended(item: dict[str, Any], index: int | None) -> dict[str, Any]:
    return {"type": "response.output_item.done", "item": item, "output_index": index}


def piece(kind: str, delta: str, index: int | None = 0, item_id: str | None = None) -> dict[str, Any]:
    return {"type": f"response.{kind}.delta", "delta": delta, "output_index": index, "item_id": item_id}


def completed(*output: dict[str, Any]) -> dict[str, Any]:
    return {"type": "response.completed", "response": response(*output)}


def streamed(*events: dict[str, Any]) -> tuple[list[Delta], Answer]:
    decoder = OpenAIResponses().decoder()
    return decoder.feed(framed(*events)), decoder.close()


def refused(body: bytes) -> WireFault:
    with pytest.raises(WireFault) as caught:
        OpenAIResponses().decode(body)
    return caught.value


def test_it_is_a_wire_that_embeds_and_shares_the_servers_ways() -> None:
    wire: EmbeddingWire = OpenAIResponses("xai")
    assert wire.name == "xai"
    assert wire.headers("k") == {"authorization": "Bearer k"}
    assert wire.encode_models().path == "/models"


@pytest.mark.parametrize(("stream", "accept"), [(False, "application/json"), (True, "text/event-stream")])
def test_a_request_is_a_post_for_the_model_of_this_candidate(stream: bool, accept: str) -> None:
    encoded = OpenAIResponses().encode(Request(model="fast", messages=(user("hi"),)), "gpt-x", stream=stream)
    assert (encoded.method, encoded.path, encoded.headers["accept"]) == ("POST", "/responses", accept)
    body = json.loads(encoded.body)
    assert body.get("stream") is (True if stream else None)
    assert (body["model"], body["input"]) == ("gpt-x", [{"role": "user", "content": "hi"}])


def test_a_system_prompt_that_stands_first_becomes_instructions() -> None:
    body = sent(system("be brief"), user("hi"), system("still"))
    assert body["instructions"] == "be brief"
    assert [item["role"] for item in body["input"]] == ["user", "system"]


def test_a_system_prompt_with_members_of_its_own_stays_an_item() -> None:
    body = sent(ChatMessage("system", "be brief", extra={"status": "completed"}), user("hi"))
    assert "instructions" not in body
    assert body["input"][0] == {"role": "system", "content": "be brief", "status": "completed"}


@pytest.mark.parametrize(
    ("model", "reasons"),
    [
        *((name, True) for name in ("gpt-5", "gpt-5.6-luna", "gpt-6.1-sol", "o3", "openai/o4-mini", "gpt-10")),
        *((name, False) for name in ("gpt-4o", "gpt-4.1", "gpt-5-chat-latest", "gpt-5.2-chat-latest", "grok-4")),
    ],
)
def test_what_a_model_reasons_unasked_comes_encrypted_so_that_it_can_go_back(model: str, reasons: bool) -> None:
    request = Request(model="fast", messages=(user("hi"),))
    for stateless in (True, False):
        wire = OpenAIResponses(stateless=stateless)
        body = json.loads(wire.encode(request, model, stream=False).body)
        assert ("include" in body) is (reasons and stateless)
    quiet = Request(model="fast", messages=(user("hi"),), thinking=Thinking(effort="none"))
    assert "include" not in json.loads(OpenAIResponses().encode(quiet, model, stream=False).body)


def test_nothing_is_stored_and_reasoning_comes_encrypted_unless_the_caller_says_otherwise() -> None:
    body = sent(user("hi"), thinking=Thinking(effort="low"))
    assert body["store"] is False
    assert body["include"] == ["reasoning.encrypted_content"]
    assert "include" not in sent(user("hi"))
    assert "include" not in sent(user("hi"), thinking=Thinking(effort="none"))
    assert sent(user("hi"), extra={"store": True})["store"] is True
    assert "store" not in sent(user("hi"), wire=OpenAIResponses(stateless=False))


def test_parts_have_the_protocols_own_names() -> None:
    (item,) = items(
        user(
            "look",
            ImagePart(data=b"\0\1\2", media_type="image/png", detail="low"),
            ImagePart(url="https://example.org/a.png"),
            DocumentPart(data=b"\0\1\2", media_type="application/pdf", name="a.pdf"),
            DocumentPart(url="https://example.org/a.pdf"),
            DocumentPart(file_id="file-1"),
            TextPart("x", extra={"cache_control": {}, "own": 1}),
        )
    )
    assert item["content"] == [
        {"type": "input_text", "text": "look"},
        {"type": "input_image", "image_url": "data:image/png;base64,AAEC", "detail": "low"},
        {"type": "input_image", "image_url": "https://example.org/a.png"},
        {"type": "input_file", "file_data": "data:application/pdf;base64,AAEC", "filename": "a.pdf"},
        {"type": "input_file", "file_url": "https://example.org/a.pdf"},
        {"type": "input_file", "file_id": "file-1"},
        {"type": "input_text", "text": "x", "own": 1},
    ]


def test_a_turn_becomes_items_in_its_own_order() -> None:
    call = ToolCallPart(id="c1", name="f", arguments="{}")
    turn = assistant(TextPart("a"), RefusalPart("no"), call, TextPart("b"))
    assert items(user("hi"), turn, tool_result(call, "7"))[1:] == [
        {"role": "assistant", "content": [{"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "no"}]},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"role": "assistant", "content": [{"type": "output_text", "text": "b"}]},
        {"type": "function_call_output", "call_id": "c1", "output": "7"},
    ]


def test_a_tools_result_may_hold_pictures() -> None:
    result = ToolResultPart(id="c1", content=(TextPart("see"), ImagePart(url="https://example.org/a.png")))
    (item,) = items(ChatMessage("tool", (result,)))
    assert item["output"] == [
        {"type": "input_text", "text": "see"},
        {"type": "input_image", "image_url": "https://example.org/a.png"},
    ]


@pytest.mark.parametrize("origin", [None, "openai", "anthropic", "xai-responses"])
def test_reasoning_and_blocks_of_other_origins_stay_behind(origin: str | None) -> None:
    block = OpaquePart(origin=origin or "x", block={"type": "web_search_call"})
    thought = ThinkingPart(text="t", redacted="E", origin=origin)
    assert items(user("hi"), assistant(thought, block, "a"))[1:] == [
        {"role": "assistant", "content": [{"type": "output_text", "text": "a"}]}
    ]


def test_a_calls_own_members_go_back_only_to_their_origin() -> None:
    call = ToolCallPart(id="c", name="f", origin=ORIGIN, extra={"namespace": "n"})
    other = ToolCallPart(id="c", name="f", origin="gemini", extra={"namespace": "n"})
    assert items(assistant(call))[0]["namespace"] == "n"
    assert "namespace" not in items(assistant(other))[0]


def test_reasoning_that_nothing_names_is_not_sent() -> None:
    assert items(user("hi"), assistant(ThinkingPart(text="t", origin=ORIGIN)))[1:] == []
    stored = ThinkingPart(text="t", origin=ORIGIN, extra={"id": "rs_1"})
    assert items(user("hi"), assistant(stored))[1:] == [{"type": "reasoning", "summary": [], "id": "rs_1"}]


def test_what_another_account_has_encrypted_is_not_sent_to_this_one() -> None:
    east, west = (OpenAIResponses("azure-v1", account=name) for name in ("east", "west"))
    turn = ChatMessage("assistant", east.decode(json.dumps(response(THOUGHT, CALL)).encode()).parts)
    assert [item["type"] for item in sent(user("hi"), turn, wire=east)["input"][1:]] == ["reasoning", "function_call"]
    assert [item["type"] for item in sent(user("hi"), turn, wire=west)["input"][1:]] == ["function_call"]


@pytest.mark.parametrize("model", ["gpt-4.1-mini", "openai/gpt-4o", "gpt-5-chat-latest", "gpt-5-mini", "o3"])
def test_a_model_that_does_not_reason_is_given_no_reasoning(model: str) -> None:
    request = Request(model="m", messages=(user("hi"), ChatMessage("assistant", plain(THOUGHT, TEXT).parts)))
    told = json.loads(OpenAIResponses().encode(request, model, stream=False).body)["input"]
    assert any(item.get("type") == "reasoning" for item in told) == (model in ("gpt-5-mini", "o3"))


def test_another_servers_long_id_of_a_call_is_shortened_and_its_own_is_not() -> None:
    long = "call_" + "x" * 90
    other, own = (ToolCallPart(id=long, name="f", origin=origin) for origin in ("gemini", ORIGIN))
    call, result = items(assistant(other), tool_result(other, "42"))
    assert (len(call["call_id"]), result["call_id"]) == (52, call["call_id"])
    assert [item["call_id"] for item in items(assistant(own), tool_result(own, "42"))] == [long, long]


def test_a_reply_goes_back_as_it_came_and_its_phase_with_it() -> None:
    search = {"type": "web_search_call", "id": "ws", "action": {"query": "q"}}
    answer = plain(THOUGHT, search, TEXT | {"phase": "commentary"}, CALL)
    assert items(user("hi"), ChatMessage("assistant", answer.parts))[1:] == [
        {name: value for name, value in THOUGHT.items() if name != "id"},
        search,
        {"type": "message", "phase": "commentary", "role": "assistant", "content": TEXT["content"]},
        {name: value for name, value in CALL.items() if name != "id"},
    ]


def test_tools_choice_output_and_sampling_have_their_own_places() -> None:
    schema = {"type": "object"}
    body = sent(
        user("hi"),
        tools=(
            Tool(name="f", description="d", parameters=schema, strict=True),
            Tool(name="w", extra={"type": "web_search"}),
        ),
        tool_choice=ToolChoice(mode="named", name="f"),
        parallel_tool_calls=False,
        output=Output(schema=schema, name="o", strict=True),
        sampling=Sampling(max_tokens=9, temperature=0.5, top_p=0.9, logprobs=True, top_logprobs=2),
        thinking=Thinking(effort="high", extra={"summary": "auto"}),
        user="ann",
        extra={"text": {"verbosity": "low"}, "truncation": "auto"},
    )
    function = {"type": "function", "name": "f", "description": "d", "parameters": schema, "strict": True}
    assert body["tools"] == [function, {"type": "web_search"}]
    assert (body["tool_choice"], body["parallel_tool_calls"]) == ({"type": "function", "name": "f"}, False)
    text = {"verbosity": "low", "format": {"type": "json_schema", "name": "o", "schema": schema, "strict": True}}
    assert body["text"] == text
    assert (body["max_output_tokens"], body["temperature"], body["top_p"], body["top_logprobs"]) == (9, 0.5, 0.9, 2)
    assert body["include"] == ["reasoning.encrypted_content", "message.output_text.logprobs"]
    assert body["reasoning"] == {"effort": "high", "summary": "auto"}
    assert (body["user"], body["truncation"]) == ("ann", "auto")


@pytest.mark.parametrize(("kind", "form"), [("json", "json_object"), ("text", "text")])
def test_plain_formats_are_named(kind: Any, form: str) -> None:
    assert sent(user("hi"), output=Output(kind=kind))["text"] == {"format": {"type": form}}


@pytest.mark.parametrize(
    "members",
    [
        {"sampling": Sampling(stop=("x",))},
        {"sampling": Sampling(seed=1)},
        {"thinking": Thinking(budget_tokens=9)},
        {"messages": (user(AudioPart(data=b"x", media_type="audio/wav")),)},
    ],
)
def test_what_the_protocol_has_no_name_for_is_refused_before_it_is_sent(members: dict[str, Any]) -> None:
    request = Request(**{"model": "m", "messages": (user("hi"),), **members})
    with pytest.raises(WireFault) as caught:
        OpenAIResponses().encode(request, "m", stream=False)
    assert caught.value.fault.kind == "unsupported"


def test_a_plain_response_becomes_an_answer() -> None:
    note = {"type": "url_citation", "url": "https://example.org"}
    cited = TEXT | {
        "content": [{"type": "output_text", "text": "hello", "annotations": [note], "logprobs": [{"t": 1}]}]
    }
    usage = {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens": 8,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 18,
    }
    answer = plain(THOUGHT, cited, CALL, usage=usage)
    assert answer.parts == (
        ThinkingPart(text="hm", redacted="E", origin=ORIGIN, extra={"summary": THOUGHT["summary"]}),
        TextPart("hello"),
        ToolCallPart(id="c1", name="f", arguments='{"a":1}', origin=ORIGIN),
    )
    assert answer.finish_reason == "tool_calls"
    assert answer.usage == Usage(input=6, cached_read=4, output=5, reasoning=3)
    assert (answer.id, answer.model) == ("resp_1", "gpt-x")
    assert answer.extra == {"annotations": [note], "logprobs": [{"t": 1}]}


@pytest.mark.parametrize(
    ("members", "finish"),
    [
        ({}, "stop"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content_filter"),
        ({"status": "incomplete"}, "other"),
        ({"status": "cancelled"}, "error"),
        ({"status": "queued"}, None),
    ],
)
def test_the_status_tells_why_it_stopped(members: dict[str, Any], finish: str | None) -> None:
    assert plain(TEXT, **members).finish_reason == finish


def test_a_refusal_is_a_part_of_its_own() -> None:
    item = {"type": "message", "content": [{"type": "refusal", "refusal": "I will not"}]}
    assert plain(item).parts == (RefusalPart("I will not"),)
    deltas, answer = streamed(
        added({"type": "message"}, 0), piece("refusal", "I will not"), ended(item, 0), completed()
    )
    assert (deltas, answer.parts) == ([Delta(refusal="I will not")], (RefusalPart("I will not"),))
    deltas, _ = streamed(added({"type": "message"}, 0), ended(item, 0), completed())
    assert deltas == [Delta(refusal="I will not")], "what no piece brought is told at the end"


def test_a_failed_response_is_a_fault_whole_or_streamed() -> None:
    error = {"code": "rate_limit_exceeded", "message": "slow"}
    failed = response(status="failed", error=error)
    assert refused(json.dumps(failed).encode()).fault.kind == "rate_limited"
    assert refused(json.dumps({"error": {"code": "server_error", "message": "oh"}}).encode()).fault.kind == "server"
    for event in ({"type": "response.failed", "response": failed}, {"type": "error", **error}):
        with pytest.raises(WireFault) as caught:
            OpenAIResponses().decoder().feed(framed(event))
        assert (caught.value.fault.kind, caught.value.fault.message) == ("rate_limited", "slow")


def test_what_a_failed_response_says_was_used_is_kept_whole_or_streamed() -> None:
    counts = {"input_tokens": 120, "output_tokens": 50, "output_tokens_details": {"reasoning_tokens": 50}}
    failed = response(status="failed", error={"code": "server_error", "message": "oh"}, usage=counts)
    whole = refused(json.dumps(failed).encode()).partial
    decoder = OpenAIResponses().decoder()
    with pytest.raises(WireFault):
        decoder.feed(framed({"type": "response.failed", "response": failed}))
    assert whole is not None
    assert whole.usage == decoder.partial().usage == Usage(input=120, reasoning=50)
    assert refused(json.dumps(failed | {"usage": None}).encode()).partial is None


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("invalid_prompt", "invalid_request"),
        ("image_file_not_found", "invalid_request"),
        ("image_content_policy_violation", "content_blocked"),
        ("vector_store_timeout", "server"),
    ],
)
def test_a_mistake_of_the_callers_is_not_the_servers_fault(code: str, kind: str) -> None:
    body = json.dumps(response(status="failed", error={"code": code, "message": "no"})).encode()
    assert refused(body).fault.kind == kind


def test_an_error_event_that_is_not_json_is_still_an_error() -> None:
    with pytest.raises(WireFault) as caught:
        OpenAIResponses().decoder().feed(b"event: error\ndata: upstream lost\n\n")
    assert (caught.value.fault.kind, caught.value.fault.message) == ("server", "upstream lost")


@pytest.mark.parametrize("body", [b"", b"7", b"{}", b'{"output": 7}', b"<html>"])
def test_a_body_without_output_is_malformed(body: bytes) -> None:
    assert refused(body).fault.kind == "malformed_reply"


def test_raw_is_the_whole_reply_on_demand() -> None:
    body = json.dumps(response(TEXT)).encode()
    assert OpenAIResponses().decode(body, keep_raw=True).raw == response(TEXT)
    decoder = OpenAIResponses().decoder(keep_raw=True)
    decoder.feed(framed(added(TEXT, 0), completed(TEXT)))
    assert decoder.close().raw == [added(TEXT, 0), completed(TEXT)]


def test_pieces_are_deltas_and_the_items_end_is_the_answer() -> None:
    call = CALL | {"arguments": ""}
    deltas, answer = streamed(
        added({"type": "reasoning"}, 0),
        piece("reasoning_summary_text", "hm"),
        ended(THOUGHT, 0),
        added(call, 1),
        piece("function_call_arguments", '{"a"', 1),
        piece("function_call_arguments", ":1}", 1),
        ended(CALL, 1),
        completed(),
    )
    assert deltas == [
        Delta(thinking="hm"),
        Delta(tool_index=0, tool_id="c1", tool_name="f"),
        Delta(tool_index=0, arguments='{"a"'),
        Delta(tool_index=0, arguments=":1}"),
    ]
    assert answer.parts == plain(THOUGHT, CALL).parts


def test_an_items_end_without_an_index_is_known_by_its_id() -> None:
    _, answer = streamed(
        added({"type": "message", "id": "m1"}, 0), piece("output_text", "hello"), ended(TEXT, None), completed(TEXT)
    )
    assert answer.parts == (TextPart("hello"),)


def test_what_no_piece_brought_is_told_when_the_item_or_the_response_ends() -> None:
    told = [Delta(tool_index=0, tool_id="c1", tool_name="f"), Delta(tool_index=0, arguments='{"a":1}')]
    assert streamed(ended(CALL, 0), completed())[0] == told
    assert streamed(completed(TEXT, CALL)) == ([Delta(text="hello"), *told], plain(TEXT, CALL))


@pytest.mark.parametrize(
    ("action", "searches"),
    [
        ({"type": "search", "query": "a", "queries": ["a", "b"]}, 1),
        ({"type": "search", "query": "a"}, 1),
        ({"query": "a"}, 1),
        (None, 1),
        ({"type": "open_page", "url": "https://example.org"}, 0),
    ],
)
def test_searches_of_the_web_are_counted_and_looking_at_what_was_found_is_none(action: Any, searches: int) -> None:
    search, counts = (
        {"type": "web_search_call", "id": "ws", "status": "completed"},
        {"input_tokens": 3, "output_tokens": 2},
    )
    whole = plain(search | {"action": action}, usage=counts)
    assert whole.usage == Usage(input=3, output=2, apart=apart(web_searches=searches))
    end = {"type": "response.completed", "response": response(usage=counts)}
    _, grown = streamed(added(search, 0), ended(search | {"action": action}, 0), end)
    assert grown.usage == whole.usage


@pytest.mark.parametrize(("told", "searches"), [(3, 3), (0, 0), ("many", 0)])
def test_the_servers_own_count_of_searches_goes_before_its_items(told: Any, searches: int) -> None:
    search = {"type": "web_search_call", "id": "ws", "action": {"type": "search", "query": "a"}}
    counts = {"input_tokens": 3, "output_tokens": 2}
    answer = plain(search, usage=counts, tool_usage={"web_search": {"num_requests": told}})
    assert answer.usage == Usage(input=3, output=2, apart=apart(web_searches=searches))


def test_two_calls_are_counted_apart() -> None:
    other = CALL | {"id": "f2", "call_id": "c2"}
    deltas, answer = streamed(added(CALL, 0), added(other, 1), ended(CALL, 0), ended(other, 1), completed())
    assert [(delta.tool_index, delta.tool_id) for delta in deltas if delta.tool_id] == [(0, "c1"), (1, "c2")]
    assert [part.id for part in answer.parts if isinstance(part, ToolCallPart)] == ["c1", "c2"]


def test_calls_that_share_their_ids_and_come_with_the_response_are_each_a_call() -> None:
    other = CALL | {"name": "g"}
    _, answer = streamed(completed(CALL, other))
    assert answer.parts == plain(CALL, other).parts
    assert [part.name for part in answer.parts if isinstance(part, ToolCallPart)] == ["f", "g"]


@pytest.mark.parametrize("index", [0, None])
def test_an_item_that_was_not_ended_ends_with_the_response(index: int | None) -> None:
    announced = TEXT | {"content": []}
    hel = piece("output_text", "hel", index, "m1")
    deltas, answer = streamed(added(announced, index), hel, completed(TEXT, CALL))
    assert deltas[0] == Delta(text="hel")
    assert answer.parts == plain(TEXT, CALL).parts


def test_an_item_whose_end_says_less_than_its_pieces_keeps_them() -> None:
    empty = TEXT | {"content": []}
    _, answer = streamed(added(empty, 0), piece("output_text", "hello"), ended(empty, 0), completed())
    assert answer.parts == (TextPart("hello"),)


def test_text_that_nobody_announced_is_a_message() -> None:
    deltas, answer = streamed(piece("output_text", "hel", 0, "m"), piece("output_text", "lo", None, "m"), completed())
    assert deltas == [Delta(text="hel"), Delta(text="lo")]
    assert answer.parts == (TextPart("hello"),)


def test_a_stream_without_its_end_is_interrupted_and_keeps_what_came() -> None:
    decoder = OpenAIResponses().decoder()
    created = {"type": "response.created", "response": {"id": "resp_1", "model": "gpt-x"}}
    decoder.feed(
        framed(created, added(TEXT, 0), piece("output_text", "hel"), piece("refusal", "no")) + b"data: [DONE]\n\n"
    )
    with pytest.raises(WireFault) as caught:
        decoder.close()
    assert caught.value.fault.kind == "interrupted"
    partial = decoder.partial()
    assert (partial.parts, partial.id) == ((TextPart("hel"), RefusalPart("no")), "resp_1")


def test_events_of_a_later_day_change_nothing() -> None:
    assert streamed({"type": "response.hologram.delta", "delta": "x"}, completed(TEXT))[1] == plain(TEXT)


@pytest.mark.parametrize(
    ("document", "shown"),
    [
        (DocumentPart(data=b"x"), "document.pdf"),
        (DocumentPart(data=b"x", name="a.pdf"), "a.pdf"),
        (DocumentPart(url="https://example.org/a.pdf", name="a.pdf"), None),
    ],
)
def test_a_document_has_a_name_beside_its_bytes_and_none_beside_a_url(
    document: DocumentPart, shown: str | None
) -> None:
    assert items(user("hi", document))[0]["content"][1].get("filename") == shown
