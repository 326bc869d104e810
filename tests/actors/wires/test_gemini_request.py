import json
from typing import Any, get_args

import pytest

from callboard.actors.wires.gemini import Gemini
from callboard.actors.wires.gemini_contents import UNSIGNED
from callboard.actors.wires.gemini_parts import made_id
from callboard.actors.wires.wire import WireFault
from callboard.messages.chat import (
    AudioPart,
    ChatMessage,
    DocumentPart,
    ImagePart,
    OpaquePart,
    Part,
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
from callboard.messages.request import Effort, Output, Request, Sampling, Thinking, Tool, ToolChoice

NEW, OLD = "gemini-3-pro", "gemini-2.5-flash"


def sent(*messages: ChatMessage, model: str = NEW, vertex: bool = False, **more: Any) -> dict[str, Any]:
    request = Request(model="x", messages=messages or (user("hi"),), **more)
    body: dict[str, Any] = json.loads(Gemini(vertex=vertex).encode(request, model, stream=False).body)
    return body


def parts(*said: Part, **more: Any) -> list[Any]:
    contents = sent(ChatMessage("assistant", said), **more)["contents"]
    return [part for content in contents for part in content["parts"]]


def refused(**more: Any) -> str:
    with pytest.raises(WireFault) as caught:
        sent(**more)
    assert caught.value.fault.kind == "unsupported"
    return caught.value.fault.message


def test_instructions_are_lifted_out_of_the_conversation() -> None:
    body = sent(system("a"), user("hi"), ChatMessage("developer", "b"), assistant("yes"))
    assert body["systemInstruction"] == {"parts": [{"text": "a"}, {"text": "b"}]}
    assert [content["role"] for content in body["contents"]] == ["user", "model"]


def test_attachments_go_by_url_or_as_bytes() -> None:
    said = user(
        ImagePart(url="https://x/y.png", media_type="image/png"),
        ImagePart(url="data:image/gif;base64,QQ==", detail="low"),
        AudioPart(data=b"A", media_type="audio/mp3"),
        DocumentPart(data=b"A", name="a.pdf"),
        DocumentPart(file_id="https://g/files/1"),
        TextPart("t", extra={"x": 1}),
    )
    assert sent(said)["contents"][0]["parts"] == [
        {"fileData": {"fileUri": "https://x/y.png", "mimeType": "image/png"}},
        {"inlineData": {"mimeType": "image/gif", "data": "QQ=="}},
        {"inlineData": {"mimeType": "audio/mp3", "data": "QQ=="}},
        {"inlineData": {"mimeType": "application/pdf", "data": "QQ=="}},
        {"fileData": {"fileUri": "https://g/files/1"}},
        {"text": "t", "x": 1},
    ]


def test_a_document_has_a_name_at_vertex_alone_which_geminis_own_api_refuses() -> None:
    said = user(DocumentPart(data=b"A", name="a.pdf"))
    for vertex, name in ((True, "a.pdf"), (False, None)):
        body = json.loads(Gemini(vertex=vertex).encode(Request(model="m", messages=(said,)), "m", stream=False).body)
        assert body["contents"][0]["parts"][0]["inlineData"].get("displayName") == name


def test_vertex_wants_the_media_type_of_a_url() -> None:
    with pytest.raises(WireFault, match="media type"):
        sent(user(ImagePart(url="https://x/y")), vertex=True)


def test_signatures_and_unknown_parts_go_back_to_their_origin_only() -> None:
    block = {"executableCode": {"code": "1"}}
    for origin, back in (("gemini", True), ("anthropic", False)):
        shown = parts(
            ThinkingPart(text="hm", signature="s", origin=origin),
            TextPart("a"),
            ThinkingPart(signature="s2", origin=origin),
            OpaquePart(origin=origin, block=block),
            RefusalPart("no"),
        )
        mine = [
            {"text": "hm", "thought": True, "thoughtSignature": "s"},
            {"text": "a", "thoughtSignature": "s2"},
            block,
        ]
        assert shown == [*(mine if back else [{"text": "a"}]), {"text": "no"}]


def test_a_call_of_another_model_stands_unsigned_where_a_signature_is_missed() -> None:
    calls = [ToolCallPart(id=name, name=name, signature="s", origin="openai", extra={"x": 1}) for name in "fg"]
    first, second = ({"functionCall": {"id": name, "name": name, "args": {}}} for name in "fg")
    assert parts(*calls) == [first | {"thoughtSignature": UNSIGNED}, second]
    assert parts(*calls, model=OLD) == [first, second]
    mine = ToolCallPart(id="f", name="f", signature="s", origin="gemini", extra={"x": 1})
    assert parts(mine) == [first | {"thoughtSignature": "s", "x": 1}]


def test_the_results_of_one_turn_stand_in_one_turn_under_the_names_of_their_calls() -> None:
    made = made_id(1)
    calls = assistant(ToolCallPart(id="a", name="f"), ToolCallPart(id=made, name="g", arguments='{"x": 1}'))
    contents = sent(
        calls,
        tool_result("a", "sunny"),
        tool_result(made, '{"t": 5}'),
        user("and?"),
        tool_result("a", "late", is_error=True),
    )["contents"]
    assert contents[0]["parts"][1]["functionCall"] == {"name": "g", "args": {"x": 1}}
    assert [content["role"] for content in contents] == ["model", "user", "user", "user"]
    assert contents[1]["parts"] == [
        {"functionResponse": {"id": "a", "name": "f", "response": {"result": "sunny"}}},
        {"functionResponse": {"name": "g", "response": {"t": 5}}},
    ]
    assert contents[3]["parts"][0]["functionResponse"]["response"] == {"error": "late"}


def test_pictures_in_a_result_stand_where_the_model_looks_for_them() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "QQ=="}}
    result = ToolResultPart(id="a", name="f", content=(TextPart("{}"), ImagePart(data=b"A", media_type="image/png")))
    answer = {"id": "a", "name": "f", "response": {}}
    message = ChatMessage("tool", (result,))
    assert sent(message)["contents"][0]["parts"] == [{"functionResponse": answer | {"parts": [picture]}}]
    assert sent(message, model=OLD)["contents"][0]["parts"] == [{"functionResponse": answer}, picture]


def test_a_result_that_names_no_function_is_refused() -> None:
    with pytest.raises(WireFault) as caught:
        sent(tool_result("unheard", "x"))
    assert caught.value.fault.kind == "invalid_request"


def test_functions_go_together_and_googles_own_tools_as_they_are() -> None:
    schema = {"type": "object", "properties": {"x": {"type": "array", "items": {"anyOf": [{"type": "string"}]}}}}
    strict = {"type": "object", "properties": {}, "additionalProperties": False}
    body = sent(
        tools=(
            Tool(name="f", description="d", parameters=schema),
            Tool(name="googleSearch", extra={"googleSearch": {}}),
            Tool(name="g", parameters=strict),
            Tool(name="h", extra={"behavior": "BLOCKING"}),
        )
    )
    capitals = {"type": "OBJECT", "properties": {"x": {"type": "ARRAY", "items": {"anyOf": [{"type": "STRING"}]}}}}
    assert body["tools"] == [
        {
            "functionDeclarations": [
                {"name": "f", "description": "d", "parameters": capitals},
                {"name": "g", "parametersJsonSchema": strict},
                {"name": "h", "behavior": "BLOCKING"},
            ]
        },
        {"googleSearch": {}},
    ]


@pytest.mark.parametrize(
    "keyword",
    [
        {"$ref": "#"},
        {"properties": {"y": True}},
        {"items": False},
        {"type": ["string", "null"]},
        {"const": 1},
        {"type": "integer", "enum": [1, 2]},
        {"type": "string", "enum": ["a", None]},
        {"type": "string", "enum": "a"},
        {"type": "string", "format": "uri"},
        {"type": "number", "format": "int32"},
        {"type": "string", "format": ["uri"]},
        {"type": "array"},
    ],
)
def test_a_schema_beyond_googles_notation_goes_as_json_schema(keyword: dict[str, Any]) -> None:
    schema = {"type": "object", "properties": {"x": {"type": "object"} | keyword}}
    (tool,) = sent(tools=(Tool(name="f", parameters=schema),))["tools"]
    assert tool["functionDeclarations"] == [{"name": "f", "parametersJsonSchema": schema}]


@pytest.mark.parametrize(
    ("choice", "shown"),
    [
        (ToolChoice(), {"mode": "AUTO"}),
        (ToolChoice(mode="none"), {"mode": "NONE"}),
        (ToolChoice(mode="required"), {"mode": "ANY"}),
        (ToolChoice(mode="named", name="f"), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
    ],
)
def test_tools_may_be_left_forbidden_forced_and_chosen(choice: ToolChoice, shown: dict[str, Any]) -> None:
    body = sent(tools=(Tool(name="f"),), tool_choice=choice, extra={"toolConfig": {"retrievalConfig": {}}})
    assert body["toolConfig"] == {"functionCallingConfig": shown, "retrievalConfig": {}}


def test_sampling_has_googles_names() -> None:
    sampling = Sampling(
        max_tokens=1, temperature=0.5, top_p=0.5, top_k=2, seed=3, stop=("x",), presence_penalty=0.1,
        frequency_penalty=0.2, logprobs=True, top_logprobs=4,
    )  # fmt: skip
    assert sent(sampling=sampling, extra={"generationConfig": {"candidateCount": 1}})["generationConfig"] == {
        "maxOutputTokens": 1,
        "temperature": 0.5,
        "topP": 0.5,
        "topK": 2,
        "seed": 3,
        "stopSequences": ["x"],
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "responseLogprobs": True,
        "logprobs": 4,
        "candidateCount": 1,
    }


@pytest.mark.parametrize(
    ("output", "config"),
    [
        (Output(kind="text"), {"responseMimeType": "text/plain"}),
        (Output(kind="json"), {"responseMimeType": "application/json"}),
        (
            Output(schema={"type": "object"}, name="n"),
            {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}},
        ),
    ],
)
def test_output_may_be_text_json_or_follow_a_schema(output: Output, config: dict[str, Any]) -> None:
    assert sent(output=output)["generationConfig"] == config


@pytest.mark.parametrize(
    ("model", "thinking", "config"),
    [
        (
            NEW,
            Thinking(effort="low", extra={"includeThoughts": True}),
            {"thinkingLevel": "low", "includeThoughts": True},
        ),
        (NEW, Thinking(effort="xhigh"), {"thinkingLevel": "high"}),
        (NEW, Thinking(budget_tokens=5), {"thinkingBudget": 5}),
        (OLD, Thinking(effort="none"), {"thinkingBudget": 0}),
        ("models/gemini-2.5-pro", Thinking(effort="medium"), {"thinkingBudget": 8192}),
    ],
)
def test_effort_is_a_level_or_for_older_models_a_budget(model: str, thinking: Thinking, config: dict[str, Any]) -> None:
    assert sent(model=model, thinking=thinking)["generationConfig"] == {"thinkingConfig": config}


@pytest.mark.parametrize(
    ("models", "levels"),
    [
        (
            (
                "gemini-3.1-pro-preview",
                "gemini-3.7-flash",
                "gemini-3.8-flash",
                "gemini-flash-latest",
                "google/gemini-4",
            ),
            ("low", "low", "low", "medium", "high", "high"),
        ),
        (
            ("gemini-3-flash-preview", "gemini-3.5-flash", "models/gemini-3.6-flash", "gemini-3.1-flash-lite-preview"),
            ("minimal", "minimal", "low", "medium", "high", "high"),
        ),
        (("gemini-3-pro-preview", NEW), ("low", "low", "low", "high", "high", "high")),
        (
            ("gemini-3.1-flash-image", "gemini-3.1-flash-lite-image"),
            ("minimal", "minimal", "minimal", "high", "high", "high"),
        ),
    ],
)
def test_an_effort_is_the_nearest_level_that_the_model_takes(models: tuple[str, ...], levels: tuple[str, ...]) -> None:
    efforts = get_args(Effort)
    for model in models:
        bodies = [sent(model=model, thinking=Thinking(effort=effort)) for effort in efforts]
        told = [body["generationConfig"]["thinkingConfig"]["thinkingLevel"] for body in bodies]
        assert told == list(levels), model


def test_a_model_that_cannot_be_kept_from_thinking_gets_the_fewest_tokens() -> None:
    body = sent(model="models/gemini-2.5-pro", thinking=Thinking(effort="none"))
    assert body["generationConfig"] == {"thinkingConfig": {"thinkingBudget": 128}}


def test_what_gemini_cannot_do_is_refused_before_it_is_sent() -> None:
    assert "min_p" in refused(sampling=Sampling(min_p=0.1))
    assert "parallel" in refused(tools=(Tool(name="f"),), parallel_tool_calls=False)


def test_extra_members_are_sent_untouched() -> None:
    body = sent(extra={"safetySettings": [{"category": "c"}], "generationConfig": {}})
    assert body["safetySettings"] == [{"category": "c"}]
    assert body["generationConfig"] == {}


@pytest.mark.parametrize(
    "held",
    [
        {"type": "string", "enum": ["a", "b"]},
        {"type": "string", "format": "date-time"},
        {"type": "integer", "format": "int64"},
        {"type": "array", "items": {"type": "number", "format": "double"}},
    ],
)
def test_values_that_google_knows_stay_in_its_notation(held: dict[str, Any]) -> None:
    schema = {"type": "object", "properties": {"x": held}}
    (tool,) = sent(tools=(Tool(name="f", parameters=schema),))["tools"]
    assert "parameters" in tool["functionDeclarations"][0]


def test_an_unsigned_call_of_an_older_gemini_is_taken_for_one_of_another_models() -> None:
    calls = [ToolCallPart(id=name, name=name, origin="gemini") for name in "fg"]
    first, second = ({"functionCall": {"id": name, "name": name, "args": {}}} for name in "fg")
    assert parts(*calls) == [first | {"thoughtSignature": UNSIGNED}, second]
    assert parts(*calls, model=OLD) == [first, second]


def test_turns_of_the_model_in_a_row_are_one() -> None:
    block = {"type": "server_tool_use", "id": "s"}
    paused = assistant(TextPart("I look."), OpaquePart(origin="anthropic", block=block))
    call = ToolCallPart(id="c", name="f", origin="anthropic")
    contents = sent(
        user("q"), paused, assistant(call), tool_result(call, "1"), user("and?"), assistant("so"), model=OLD
    )
    shown = [(content["role"], [next(iter(part)) for part in content["parts"]]) for content in contents["contents"]]
    assert shown == [
        ("user", ["text"]),
        ("model", ["text", "functionCall"]),
        ("user", ["functionResponse"]),
        ("user", ["text"]),
        ("model", ["text"]),
    ]


def test_a_blank_text_is_not_sent_where_it_is_refused() -> None:
    said = (TextPart(""), ToolCallPart(id="c", name="f", signature="s", origin="vertex"))
    for more in ({"model": OLD}, {"vertex": True}):
        assert [next(iter(part)) for part in parts(*said, **more)] == ["functionCall"]
        assert parts(TextPart("", extra={"x": 1}), **more) == [{"text": "", "x": 1}]
        contents = sent(user("q"), assistant(""), user("r"), **more)["contents"]
        assert [content["role"] for content in contents] == ["user", "user"]


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"type": "string"}}},
        {"type": "array", "items": {}, "properties": {"a": {"type": "string"}}},
        {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a", "b"]},
        {"type": "object", "required": ["b"]},
        {"type": "object", "properties": {"a": {"type": "string", "enum": ["", "x"]}}},
        {"type": "object", "properties": {"a": {"anyOf": [{"properties": {}}]}}},
    ],
)
def test_a_schema_that_google_refuses_in_its_own_notation_goes_as_it_is(schema: dict[str, Any]) -> None:
    (tool,) = sent(tools=(Tool(name="f", parameters=schema),))["tools"]
    assert tool["functionDeclarations"] == [{"name": "f", "parametersJsonSchema": schema}]
