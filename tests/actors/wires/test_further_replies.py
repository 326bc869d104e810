"""What few providers send, and seldom, whole and as a stream: nothing visible is lost, and the counts add up."""

import json
from typing import Any

import pytest

from callboard.actors.wires.anthropic import AnthropicMessages
from callboard.actors.wires.cohere import Cohere
from callboard.actors.wires.gemini import Gemini
from callboard.actors.wires.ollama import Ollama
from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.openai_responses import OpenAIResponses
from callboard.actors.wires.wire import Wire, WireFault
from callboard.messages.chat import ChatMessage, ImagePart, OpaquePart, TextPart, ThinkingPart, ToolCallPart
from callboard.messages.faults import FaultKind
from callboard.messages.reply import Answer, FinishReason
from callboard.messages.request import Request
from callboard.messages.usage import Apart, Usage

Told = dict[str, Any]
SEARCHED = Apart(web_searches=1)
PICTURE = "data:image/png;base64,AAEC"


def plain(wire: Wire, body: Told) -> Answer:
    return wire.decode(json.dumps(body).encode())


def events(wire: Wire, *told: Told, named: bool = False) -> Answer:
    decoder = wire.decoder()
    for one in told:
        name = f"event: {one['type']}\n" if named else ""
        decoder.feed(f"{name}data: {json.dumps(one)}\n\n".encode())
    return decoder.close()


def chat(message: Told, **more: Any) -> Told:
    return {"id": "r", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], **more}


def chunks(*deltas: Told, **more: Any) -> Answer:
    pieces: list[Told] = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    return events(OpenAIChat(), *pieces, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], **more})


def test_of_several_answers_the_first_counts_whatever_their_order() -> None:
    choices = [{"index": number, "message": {"content": str(number)}, "finish_reason": "stop"} for number in (1, 0, 2)]
    usage = {"prompt_tokens": 5, "completion_tokens": 9, "total_tokens": 14}
    answer = plain(OpenAIChat(), {"choices": choices, "usage": usage})
    assert answer.parts == (TextPart("0"),)
    assert answer.usage == Usage(input=5, output=9)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_spoken_answer_is_kept_with_its_transcript(streamed: bool) -> None:
    pieces: list[Told] = [{"id": "a", "transcript": "Hel"}, {"transcript": "lo"}, {"data": "AA"}, {"data": "EC"}]
    pieces.append({"expires_at": 7})
    whole = {"id": "a", "data": "AAEC", "transcript": "Hello", "expires_at": 7}
    if streamed:
        answer = chunks(*({"audio": piece} for piece in pieces))
    else:
        answer = plain(OpenAIChat(), chat({"content": None, "audio": whole}))
    assert answer.extra == {"audio": whole}


@pytest.mark.parametrize("streamed", [False, True])
def test_pictures_in_an_answer_are_parts(streamed: bool) -> None:
    images = [
        {"type": "image_url", "image_url": {"url": PICTURE}, "index": 0},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
    ]
    said = {"content": "Here", "images": images}
    answer = chunks(said) if streamed else plain(OpenAIChat(), chat(said))
    pictures = (ImagePart(data=b"\x00\x01\x02", media_type="image/png"), ImagePart(url="https://example.org/a.png"))
    assert answer.parts == (TextPart("Here"), *pictures)


def test_what_groqs_server_did_itself_is_kept() -> None:
    tools = [{"index": 0, "type": "search", "arguments": "{}", "output": "found"}]
    for answer in (
        plain(OpenAIChat("groq"), chat({"content": "So", "reasoning": "hm", "executed_tools": tools})),
        chunks({"reasoning": "hm"}, {"executed_tools": tools}, {"content": "So"}),
    ):
        assert answer.extra == {"executed_tools": tools}
        assert [type(part) for part in answer.parts] == [ThinkingPart, TextPart]


def test_groq_may_tell_usage_and_errors_beside_the_rest() -> None:
    counted = {"prompt_tokens": 5, "completion_tokens": 9, "total_tokens": 14}
    assert chunks({"content": "a"}, x_groq={"id": "q", "usage": counted}).usage == Usage(input=5, output=9)
    with pytest.raises(WireFault, match="over capacity"):
        chunks({"content": "a"}, x_groq={"id": "q", "error": "over capacity"})


@pytest.mark.parametrize("streamed", [False, True])
def test_mistrals_references_stand_where_they_stood_and_go_back(streamed: bool) -> None:
    reference = {"type": "reference", "reference_ids": [3, 7]}
    blocks = [{"type": "text", "text": "Paris"}, reference, {"type": "text", "text": "."}]
    answer = (
        chunks(*({"content": [block]} for block in blocks))
        if streamed
        else plain(OpenAIChat(), chat({"content": blocks}))
    )
    assert answer.parts == (TextPart("Paris"), OpaquePart(origin="openai", block=reference), TextPart("."))
    again = Request(model="m", messages=(ChatMessage("user", "q"), ChatMessage("assistant", answer.parts)))
    sent = json.loads(OpenAIChat().encode(again, "m", stream=False).body)
    assert sent["messages"][1]["content"] == blocks


@pytest.mark.parametrize("streamed", [False, True])
def test_a_call_of_a_tool_that_takes_free_text_is_a_call_and_goes_back(streamed: bool) -> None:
    call = {"id": "c", "type": "custom", "custom": {"name": "run", "input": "ls -l"}}
    if streamed:
        first = {"index": 0, "id": "c", "type": "custom", "custom": {"name": "run", "input": ""}}
        rest = [{"index": 0, "custom": {"input": piece}} for piece in ("ls ", "-l")]
        answer = chunks(*({"tool_calls": [piece]} for piece in [first, *rest]))
    else:
        answer = plain(OpenAIChat(), chat({"content": None, "tool_calls": [call]}))
    assert answer.parts == (
        ToolCallPart(id="c", name="run", arguments="ls -l", origin="openai", extra={"type": "custom"}),
    )
    again = Request(model="m", messages=(ChatMessage("user", "q"), ChatMessage("assistant", answer.parts)))
    assert json.loads(OpenAIChat().encode(again, "m", stream=False).body)["messages"][1]["tool_calls"] == [call]


def test_a_legacy_call_and_annotations_and_a_tier_do_no_harm() -> None:
    called = {"name": "f", "arguments": '{"a": 1}'}
    answer = plain(OpenAIChat(), chat({"content": None, "function_call": called}, service_tier="priority"))
    assert [(part.name, part.arguments) for part in answer.parts if isinstance(part, ToolCallPart)] == [
        ("f", '{"a": 1}')
    ]
    note = {"type": "url_citation", "url_citation": {"url": "https://example.org"}}
    answer = chunks({"content": "a"}, {"annotations": [note]}, {"annotations": [note]}, service_tier=None)
    assert answer.extra == {"annotations": [note, note]}


BLOCKS: list[Told] = [
    {"type": "thinking", "thinking": "hm", "signature": "s"},
    {"type": "server_tool_use", "id": "st", "name": "web_search", "input": {"query": "q"}},
    {"type": "web_search_tool_result", "tool_use_id": "st", "content": [{"type": "web_search_result", "url": "u"}]},
    {"type": "mcp_tool_use", "id": "m", "name": "f", "server_name": "s", "input": {"a": 1}},
    {"type": "mcp_tool_result", "tool_use_id": "m", "is_error": False, "content": [{"type": "text", "text": "7"}]},
    {"type": "bash_code_execution_tool_result", "tool_use_id": "b", "content": {"stdout": "x", "return_code": 0}},
    {"type": "container_upload", "file_id": "f"},
    {"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}},
    {"type": "compaction", "content": "what was said before"},
    {"type": "text", "text": "So", "citations": [{"type": "web_search_result_location", "url": "u"}]},
]
ANTHROPIC_USAGE = {
    "input_tokens": 10, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 3, "output_tokens": 20,
    "output_tokens_details": {"thinking_tokens": 8}, "server_tool_use": {"web_search_requests": 1},
    "iterations": [{"type": "message", "input_tokens": 10, "output_tokens": 20}], "service_tier": "standard",
}  # fmt: skip


EDITS = {"applied_edits": [{"type": "clear_tool_uses_20250919", "cleared_tool_uses": 2}]}


def grown() -> list[Told]:
    """The same message as events: blocks that Anthropic streams in pieces begin empty."""
    told: list[Told] = [{"type": "message_start", "message": {"id": "r", "usage": {"input_tokens": 1}}}]
    for index, block in enumerate(BLOCKS):
        start, deltas = dict(block), []
        if "input" in block:
            text = json.dumps(block["input"])
            start["input"] = {}
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", text[:3], text[3:])]
        elif block["type"] == "compaction":
            start["content"] = None
            deltas = [{"type": "compaction_delta", "content": piece} for piece in ("what was ", "said before")]
        elif block["type"] == "text":
            start = {"type": "text", "text": ""}
            deltas = [
                {"type": "citations_delta", "citation": block["citations"][0]},
                {"type": "text_delta", "text": "So"},
            ]
        told.append({"type": "content_block_start", "index": index, "content_block": start})
        told += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        told.append({"type": "content_block_stop", "index": index})
    end = {"stop_reason": "pause_turn", "container": {"id": "k"}}
    last = {"type": "message_delta", "delta": end, "context_management": EDITS, "usage": ANTHROPIC_USAGE}
    return [*told, last, {"type": "message_stop"}]


@pytest.mark.parametrize("streamed", [False, True])
def test_blocks_of_anthropics_servers_stay_and_go_back_as_they_came(streamed: bool) -> None:
    wire = AnthropicMessages()
    beside = {"container": {"id": "k"}, "context_management": EDITS, "usage": ANTHROPIC_USAGE}
    whole = {"content": BLOCKS, "stop_reason": "pause_turn", **beside}
    answer = events(wire, *grown(), named=True) if streamed else plain(wire, whole)
    assert answer.finish_reason is FinishReason.PAUSE
    assert answer.extra == {"container": {"id": "k"}, "context_management": EDITS}
    assert answer.usage == Usage(
        input=10, cached_read=5, cache_write=3, output=12, reasoning=8, apart=Apart(web_searches=1)
    )
    assert [part.text for part in answer.parts if isinstance(part, TextPart)] == ["So"]
    again = Request(model="m", messages=(ChatMessage("user", "q"), ChatMessage("assistant", answer.parts)))
    assert json.loads(wire.encode(again, "m", stream=False).body)["messages"][1]["content"] == BLOCKS


def test_a_compaction_that_stops_the_turn_pauses_it() -> None:
    body = {"content": [{"type": "compaction", "content": "c"}], "stop_reason": "compaction"}
    assert plain(AnthropicMessages(), body).finish_reason is FinishReason.PAUSE


PARTS: list[Told] = [
    {"text": "hm", "thought": True},
    {"executableCode": {"language": "PYTHON", "code": "print(1)"}},
    {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
    {"text": "So"},
    {"inlineData": {"mimeType": "image/png", "data": "AAEC"}},
]


@pytest.mark.parametrize("streamed", [False, True])
def test_geminis_code_pictures_and_grounds_are_kept(streamed: bool) -> None:
    beside = {
        "groundingMetadata": {"webSearchQueries": ["q"], "groundingChunks": [{"web": {"uri": "u"}}]},
        "urlContextMetadata": {"urlMetadata": [{"retrievedUrl": "u"}]},
        "logprobsResult": {"chosenCandidates": [{"token": "So"}]},
        "avgLogprobs": -0.1,
    }
    counts = {
        "promptTokenCount": 10, "cachedContentTokenCount": 4, "toolUsePromptTokenCount": 6,
        "candidatesTokenCount": 5, "thoughtsTokenCount": 3, "totalTokenCount": 24,
    }  # fmt: skip
    ends = {"finishReason": "STOP", **beside}
    if streamed:
        pieces: list[Told] = [{"candidates": [{"content": {"parts": [part]}}]} for part in PARTS]
        last = {"candidates": [{"content": {}, **ends}], "usageMetadata": counts}
        answer = events(Gemini(), *pieces, last)
    else:
        answer = plain(Gemini(), {"candidates": [{"content": {"parts": PARTS}, **ends}], "usageMetadata": counts})
    assert answer.parts == (
        ThinkingPart(text="hm", origin="gemini"),
        OpaquePart(origin="gemini", block=PARTS[1]),
        OpaquePart(origin="gemini", block=PARTS[2]),
        TextPart("So"),
        ImagePart(data=b"\x00\x01\x02", media_type="image/png"),
    )
    assert (answer.extra, answer.finish_reason) == (beside, FinishReason.STOP)
    assert answer.usage == Usage(input=12, cached_read=4, output=5, reasoning=3, apart=SEARCHED)
    assert answer.usage.total == counts["totalTokenCount"]


@pytest.mark.parametrize("streamed", [False, True])
def test_items_of_openais_servers_stay_beside_the_text(streamed: bool) -> None:
    done = {"status": "completed"}
    items: list[Told] = [
        {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "web_search_call", "id": "ws", **done, "action": {"type": "search", "query": "q"}},
        {"type": "code_interpreter_call", "id": "ci", **done, "code": "1", "outputs": [{"type": "logs", "logs": "1"}]},
        {"type": "image_generation_call", "id": "ig", **done, "result": "AAEC"},
        {"type": "mcp_call", "id": "mc", "name": "f", "arguments": "{}", "output": "7", "server_label": "s"},
        {"type": "compaction", "id": "cp", "encrypted_content": "E"},
        {"type": "message", "id": "ms", **done, "content": [
            {"type": "output_text", "text": "So", "annotations": [{"type": "url_citation", "url": "u"}]}]},
    ]  # fmt: skip
    usage = {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
             "output_tokens": 9, "output_tokens_details": {"reasoning_tokens": 3}, "total_tokens": 19}  # fmt: skip
    response = {"id": "r", "status": "completed", "output": items, "usage": usage, "service_tier": "flex"}
    wire = OpenAIResponses()
    if streamed:
        told = [
            {"type": "response.output_item.done", "output_index": at, "item": item} for at, item in enumerate(items)
        ]
        answer = events(wire, *told, {"type": "response.completed", "response": response}, named=True)
    else:
        answer = plain(wire, response)
    kept = [part.block for part in answer.parts if isinstance(part, OpaquePart)]
    assert kept == items[1:6]
    assert [part.text for part in answer.parts if isinstance(part, TextPart | ThinkingPart)] == ["hm", "So"]
    assert answer.extra == {"annotations": [{"type": "url_citation", "url": "u"}]}
    assert answer.usage == Usage(
        input=4, cached_read=4, cache_write=2, output=6, reasoning=3, apart=Apart(web_searches=1)
    )


def test_coheres_citations_are_kept_with_what_they_cite() -> None:
    cited = {"start": 0, "end": 2, "text": "So", "sources": [{"type": "document", "id": "d", "document": {"t": "x"}}]}
    counts = {
        "billed_units": {"input_tokens": 5, "output_tokens": 2},
        "tokens": {"input_tokens": 50, "output_tokens": 2},
    }
    message = {"content": [{"type": "text", "text": "So"}], "citations": [cited]}
    whole = plain(Cohere(), {"id": "r", "message": message, "finish_reason": "COMPLETE", "usage": counts})
    streamed = events(
        Cohere(),
        {"type": "message-start", "id": "r", "delta": {"message": {"role": "assistant"}}},
        {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "So"}}}},
        {"type": "citation-start", "index": 0, "delta": {"message": {"citations": cited}}},
        {"type": "citation-end", "index": 0},
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": counts}},
    )
    assert whole == streamed
    assert (whole.extra or {})["citations"] == [cited]
    assert whole.usage == Usage(input=50, output=2)


def test_ollamas_calls_log_probabilities_and_thoughts() -> None:
    call = {"id": "c", "function": {"index": 0, "name": "f", "arguments": {"a": 1}}}
    lines: list[Told] = [
        {"message": {"role": "assistant", "content": "", "thinking": "hm"}},
        {"message": {"role": "assistant", "content": "So"}, "logprobs": [{"token": "So", "logprob": -0.1}]},
        {"message": {"role": "assistant", "content": "", "tool_calls": [call]}},
        {"message": {"content": ""}, "done": True, "done_reason": "stop", "prompt_eval_count": 5, "eval_count": 9},
    ]
    decoder = Ollama().decoder()
    for line in lines:
        decoder.feed(json.dumps(line).encode() + b"\n")
    answer = decoder.close()
    assert [type(part) for part in answer.parts] == [ThinkingPart, TextPart, ToolCallPart]
    assert (answer.extra or {})["logprobs"] == [{"token": "So", "logprob": -0.1}]
    assert answer.usage == Usage(input=5, output=9)


ODD: list[Any] = [[], "many", {"prompt_tokens": None, "completion_tokens": "7"}, {"prompt_tokens_details": []}]
ODD += [{"input_tokens": None}, {"output_tokens_details": 7}]


@pytest.mark.parametrize("usage", ODD)
def test_an_odd_count_of_tokens_costs_no_reply(usage: Any) -> None:
    assert plain(OpenAIChat(), chat({"content": "a"}, usage=usage)).parts == (TextPart("a"),)
    body = {"content": [{"type": "text", "text": "a"}], "stop_reason": "end_turn", "usage": usage}
    assert plain(AnthropicMessages(), body).parts == (TextPart("a"),)
    body = {"candidates": [{"content": {"parts": [{"text": "a"}]}}], "usageMetadata": usage}
    assert plain(Gemini(), body).parts == (TextPart("a"),)
    assert plain(Cohere(), {"message": {"content": "a"}, "usage": usage}).parts == (TextPart("a"),)
    response = {"status": "completed", "output": [{"type": "message", "content": [{"type": "text", "text": "a"}]}]}
    assert plain(OpenAIResponses(), response | {"usage": usage}).parts == (TextPart("a"),)


def test_a_body_of_status_200_may_hold_an_error_of_its_own() -> None:
    for wire, body in ((OpenAIChat("mistral"), {"detail": "Too slow"}), (OpenAIChat("vllm"), {"message": "Too slow"})):
        with pytest.raises(WireFault, match="Too slow") as caught:
            plain(wire, body)
        assert caught.value.fault.kind is FaultKind.SERVER
