import json
from typing import Any

import pytest

from callboard.actors.wires.gemini import Gemini
from callboard.actors.wires.gemini_inbound import decode_request
from callboard.actors.wires.gemini_parts import is_made
from callboard.messages.chat import ChatMessage, ImagePart, TextPart, ThinkingPart, ToolCallPart, ToolResultPart
from callboard.messages.request import Output, Request, Thinking, Tool, ToolChoice
from callboard.messages.validate import InvalidRequest, check

HELLO = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def read(body: dict[str, Any], model: str = "gemini-3") -> Request:
    return decode_request(json.dumps(HELLO | body).encode(), model)


def back(body: dict[str, Any], model: str = "gemini-3") -> Any:
    return json.loads(Gemini().encode(read(body, model), model, stream=False).body)


def test_both_spellings_of_a_member_are_read_alike() -> None:
    spelled = {
        "generation_config": {"max_output_tokens": 5, "thinking_config": {"thinking_budget": 7}},
        "contents": [{"role": "user", "parts": [{"inline_data": {"mime_type": "image/png", "data": "QQ=="}}]}],
        "tools": [{"function_declarations": [{"name": "f", "parameters_json_schema": {"type": "object"}}]}],
    }
    request = decode_request(json.dumps(spelled).encode(), "m")
    assert request.sampling.max_tokens == 5
    assert request.thinking == Thinking(budget_tokens=7)
    assert request.messages[0].parts == (ImagePart(data=b"A", media_type="image/png"),)
    assert request.tools == (Tool(name="f", parameters={"type": "object"}),)
    assert request.extra is None


def test_names_of_the_callers_own_keep_their_spelling() -> None:
    properties = {"snake_case": {"type": "STRING"}}
    call = {"functionCall": {"name": "f", "args": {"snake_case": 1}}}
    body = {
        "contents": [{"role": "model", "parts": [call]}],
        "tools": [
            {"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT", "properties": properties}}]}
        ],
    }
    assert back(body, "gemini-2.5-flash") == body


@pytest.mark.parametrize(
    "system",
    [{"parts": [{"text": "a"}]}, {"parts": {"text": "a"}}, {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]}],
)
def test_instructions_come_in_three_shapes(system: dict[str, Any]) -> None:
    assert read({"systemInstruction": system}).messages[0].text in ("a", "ab")
    assert back({"systemInstruction": system})["systemInstruction"] == system


def test_results_without_ids_answer_the_calls_of_their_names_in_turn() -> None:
    calls = [{"functionCall": {"name": name, "args": {"n": n}}} for n, name in enumerate("ffg")]
    results = [{"functionResponse": {"name": name, "response": {"n": n}}} for n, name in enumerate("ffg")]
    body = {
        "contents": [{"role": "model", "parts": calls}, {"role": "user", "parts": [results[2], results[0], results[1]]}]
    }
    request = read(body)
    check(request)
    said, answered = request.messages
    ids = [part.id for part in said.parts if isinstance(part, ToolCallPart)]
    answers = [part.id for part in answered.parts if isinstance(part, ToolResultPart)]
    assert answered.role == "tool"
    assert answers == [ids[2], ids[0], ids[1]]
    assert len(set(ids)) == 3
    assert all(map(is_made, ids))
    assert back(body, "gemini-2.5-flash") == body


def test_what_a_user_says_beside_results_is_a_message_of_its_own() -> None:
    result = {"functionResponse": {"id": "a", "name": "f", "response": {"x": 1}}}
    messages = read({"contents": [{"role": "user", "parts": [result, {"text": "and?"}]}]}).messages
    assert messages == (
        ChatMessage("tool", (ToolResultPart(id="a", name="f", content='{"x":1}'),)),
        ChatMessage("user", "and?"),
    )


def test_pictures_of_a_result_are_read_from_within_and_from_beside() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "QQ=="}}
    answer = {"id": "a", "name": "f", "response": {}}
    within = [{"functionResponse": answer | {"parts": [picture]}}]
    beside = [{"functionResponse": answer}, picture]
    for parts, model in ((within, "gemini-3"), (beside, "gemini-2.5-pro")):
        body = {"contents": [{"role": "user", "parts": parts}]}
        (part,) = read(body).messages[0].parts
        assert isinstance(part, ToolResultPart)
        assert part.content == (TextPart("{}"), ImagePart(data=b"A", media_type="image/png"))
        assert back(body, model) == body


def test_thoughts_and_signatures_belong_to_the_origin_that_is_named() -> None:
    parts = [{"text": "hm", "thought": True}, {"text": "a", "thoughtSignature": "s"}]
    request = decode_request(json.dumps({"contents": [{"role": "model", "parts": parts}]}).encode(), "m", "vertex")
    assert request.messages[0].parts == (
        ThinkingPart(text="hm", origin="vertex"),
        TextPart("a"),
        ThinkingPart(signature="s", origin="vertex"),
    )


@pytest.mark.parametrize(
    ("schema", "plain"),
    [
        ({"parameters": {"type": "OBJECT", "properties": {"x": {"type": "STRING"}}}}, True),
        ({"parameters": {"type": "object", "properties": {"x": {"type": "STRING"}}}}, False),
        ({"parameters": {"type": "OBJECT", "properties": {"x": {"type": "STRING"}}, "new": 1}}, False),
        ({"parametersJsonSchema": {"type": "object", "properties": {}, "additionalProperties": False}}, True),
    ],
)
def test_schemas_are_read_as_json_schema_and_written_as_they_came(schema: dict[str, Any], plain: bool) -> None:
    body = {"tools": [{"functionDeclarations": [{"name": "f", **schema}]}]}
    request = read(body)
    check(request)
    (tool,) = request.tools
    assert (tool.parameters or {})["type"] == "object"
    assert (tool.extra is None) == plain
    assert back(body) == HELLO | body


def test_googles_own_tools_are_kept_whole() -> None:
    body = {"tools": [{"googleSearch": {}}, {"functionDeclarations": [{"name": "f"}]}, {"urlContext": {"a": 1}}]}
    assert [tool.name for tool in read(body).tools] == ["googleSearch", "f", "urlContext"]
    assert back(body) == HELLO | body


@pytest.mark.parametrize(
    ("calling", "choice"),
    [
        ({"mode": "AUTO"}, ToolChoice()),
        ({"mode": "ANY"}, ToolChoice(mode="required")),
        ({"mode": "NONE"}, ToolChoice(mode="none")),
        ({"mode": "ANY", "allowedFunctionNames": ["f"]}, ToolChoice(mode="named", name="f")),
        ({"mode": "ANY", "allowedFunctionNames": ["f", "g"]}, None),
        ({"mode": "VALIDATED"}, None),
    ],
)
def test_the_choice_of_a_tool_is_read_or_left_as_it_is(calling: dict[str, Any], choice: ToolChoice | None) -> None:
    functions = [{"name": "f"}, {"name": "g"}]
    body = {"tools": [{"functionDeclarations": functions}], "toolConfig": {"functionCallingConfig": calling, "x": 1}}
    assert read(body).tool_choice == choice
    assert back(body) == HELLO | body


@pytest.mark.parametrize(
    ("config", "output"),
    [
        ({"responseMimeType": "text/plain"}, Output(kind="text")),
        ({"responseMimeType": "application/json"}, Output(kind="json")),
        (
            {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}},
            Output(schema={"type": "object"}),
        ),
        (
            {"responseMimeType": "application/json", "responseSchema": {"type": "OBJECT"}},
            Output(schema={"type": "object"}),
        ),
        ({"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING"}}, None),
    ],
)
def test_structured_output_is_read_or_left_as_it_is(config: dict[str, Any], output: Output | None) -> None:
    body = {"generationConfig": config}
    assert read(body).output == output
    assert back(body) == HELLO | body


@pytest.mark.parametrize(
    ("model", "config", "thinking"),
    [
        ("gemini-3", {"thinkingLevel": "low"}, Thinking(effort="low")),
        ("gemini-3", {"thinkingLevel": "HIGH"}, Thinking(effort="high", extra={"thinkingLevel": "HIGH"})),
        ("gemini-3", {"thinkingBudget": 0}, Thinking(extra={"thinkingBudget": 0})),
        ("gemini-2.5-pro", {"thinkingBudget": -1}, Thinking(extra={"thinkingBudget": -1})),
        ("gemini-2.5-flash", {"thinkingBudget": 0}, Thinking(effort="none")),
        ("gemini-2.5-pro", {"thinkingBudget": 9}, Thinking(budget_tokens=9)),
        ("gemini-2.5-pro", {"includeThoughts": True}, Thinking(extra={"includeThoughts": True})),
    ],
)
def test_thinking_is_read_and_written_as_it_came(model: str, config: dict[str, Any], thinking: Thinking) -> None:
    body = {"generationConfig": {"thinkingConfig": config}}
    assert read(body, model).thinking == thinking
    assert back(body, model) == HELLO | body


def test_a_whole_number_may_be_written_with_a_point() -> None:
    request = read({"generationConfig": {"topK": 40.0, "maxOutputTokens": 5.0}})
    assert (request.sampling.top_k, request.sampling.max_tokens) == (40, 5)


def test_the_rest_is_left_over() -> None:
    body = {"safetySettings": [], "cachedContent": "c", "generationConfig": {"candidateCount": 1}}
    assert read(body).extra == body


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"contents": 1}', b'{"contents": [1]}', b'{"contents": [{"parts": 1}]}', b'{"systemInstruction": 1}',
     b'{"systemInstruction": {"parts": [1]}}', b'{"tools": [{"functionDeclarations": [{}]}]}', b"[" * 100_000,
     b'{"contents": [{"parts": [{"functionResponse": {}}]}]}', b'{"generationConfig": 1}'],
)  # fmt: skip
def test_what_cannot_be_taken_apart_is_an_invalid_request(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        decode_request(body, "m")
