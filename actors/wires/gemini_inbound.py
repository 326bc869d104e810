"""The body of generateContent as a Request: what gemini_request.py writes, read back.

Source: ai.google.dev/api/generate-content. Protocol Buffers' JSON lets every member be written in camelCase or in
snake_case; both are read, and camelCase is written. The model stands in the request's path, not in its body.
"""

import re
from typing import Any, Literal, get_args

import msgspec

from callboard.actors.wires.gemini_parts import made_id, read_part
from callboard.actors.wires.gemini_request import is_old
from callboard.actors.wires.gemini_schemas import from_google, to_google
from callboard.actors.wires.inbound import Members, members_of, sampling
from callboard.actors.wires.jsons import string
from callboard.messages.chat import ChatMessage, Extra, Part, TextPart, ToolResultPart
from callboard.messages.request import Effort, Output, Request, Sampling, Thinking, Tool, ToolChoice
from callboard.messages.validate import InvalidRequest

_SAMPLING = {
    "maxOutputTokens": "max_tokens",
    "temperature": "temperature",
    "topP": "top_p",
    "topK": "top_k",
    "seed": "seed",
    "stopSequences": "stop",
    "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
    "responseLogprobs": "logprobs",
    "logprobs": "top_logprobs",
}
_WHOLE = ("maxOutputTokens", "topK", "seed", "logprobs")
_MODES: dict[str, Literal["auto", "none", "required"]] = {"AUTO": "auto", "NONE": "none", "ANY": "required"}
_EFFORTS = get_args(Effort)
_SNAKE = re.compile(r"_([a-z0-9])")
_JSON_OF_OTHERS = frozenset(
    {"args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema"}
    | {"labels", "responseFormat", "customMetadata"}
)
"""Members whose inside belongs to the caller."""


def decode_request(body: bytes, model: str, origin: str = "gemini") -> Request:
    """The Request to `model`, as the path names it; whether it asks for a stream the path tells as well.

    Raises InvalidRequest for what cannot be taken apart; validate.check judges the rest.
    """
    members = members_of(msgspec.json.encode(_camel(members_of(body).rest() or {})))
    talk = _Talk(origin)
    system = _system(members, talk)
    for content in members.objects("contents"):
        talk.add(content)
    bare = members.peek("generationConfig") == {}
    config = members.object("generationConfig")
    request = Request(
        model=model,
        messages=(*system, *talk.done),
        tools=_tools(members),
        tool_choice=_tool_choice(members),
        output=_output(config),
        sampling=_sampling(config),
        thinking=_thinking(config, model),
    )
    members.put("generationConfig", {} if bare else config.rest())
    return msgspec.structs.replace(request, extra=members.rest())


def _camel(value: Any) -> Any:
    if isinstance(value, list):
        return [_camel(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    named = {_SNAKE.sub(lambda found: found[1].upper(), name): inner for name, inner in value.items()}
    return {name: inner if name in _JSON_OF_OTHERS else _camel(inner) for name, inner in named.items()}


def _system(members: Members, talk: "_Talk") -> list[ChatMessage]:
    """What stands beside the parts is left in the request's `extra`, and so is a lone part's lack of a list."""
    system = members.object("systemInstruction")
    given = system.take("parts")
    parts = [talk.part(part) for part in (given if isinstance(given, list) else [given] if given else [])]
    if isinstance(given, dict):
        system.put("parts", {})
    members.put("systemInstruction", system.rest())
    return [ChatMessage("system", _short([part for group in parts for part in group]))] if parts else []


def _short(parts: list[Part]) -> str | tuple[Part, ...]:
    """A lone text is a string."""
    match parts:
        case [TextPart(text, extra=None)] if text:
            return text
        case _:
            return tuple(parts)


class _Talk:
    """The conversation as it is read. Results that came without ids answer the calls of their names in turn."""

    def __init__(self, origin: str) -> None:
        self.done: list[ChatMessage] = []
        self._origin = origin
        self._waiting: dict[str, list[str]] = {}
        self._made = 0

    def add(self, content: Members) -> None:
        """A turn; results become a `tool` message of their own."""
        role = "assistant" if content.take("role") == "model" else "user"
        results: list[ToolResultPart] = []
        said: list[Part] = []
        for part in content.objects("parts"):
            read = self._result(part) if part.peek("functionResponse") is not None else None
            if read is not None:
                results.append(read)
            elif results and not said and part.peek("inlineData"):
                results[-1] = _beside(results[-1], self.part(part.rest()))
            else:
                said += self.part(part.rest())
        extra = content.rest()
        if results:
            self.done.append(ChatMessage("tool", tuple(results), extra=extra))
        if said or not results:
            self._say(role, said, extra)

    def _say(self, role: str, said: list[Part], extra: Extra | None) -> None:
        self.done.append(ChatMessage("assistant" if role == "assistant" else "user", _short(said), extra=extra))

    def part(self, part: Any) -> list[Part]:
        """Any part but a result."""
        if not isinstance(part, dict):
            raise InvalidRequest("parts", "expected objects")
        return read_part(part, self._origin, lambda: self._new_id(part["functionCall"].get("name")))

    def _result(self, part: Members) -> ToolResultPart:
        response = part.object("functionResponse")
        name, given = response.text("name"), response.take("id")
        waiting = self._waiting.get(name)
        call_id = string(given) or (waiting.pop(0) if waiting else self._new_id(None))
        text = msgspec.json.encode(response.take("response") or {}).decode()
        content: list[Part] = [TextPart(text)]
        for inner in response.objects("parts"):
            content += self.part(inner.rest())
        shown = text if len(content) == 1 else tuple(content)
        response.put("part", part.rest())
        return ToolResultPart(id=call_id, name=name, content=shown, extra=response.rest())

    def _new_id(self, name: Any) -> str:
        self._made += 1
        call_id = made_id("request", self._made)
        if name is not None:
            self._waiting.setdefault(str(name), []).append(call_id)
        return call_id


def _beside(result: ToolResultPart, media: list[Part]) -> ToolResultPart:
    """Models before Gemini 3 are shown a result's pictures behind it."""
    content = (TextPart(result.content),) if isinstance(result.content, str) else result.content
    return msgspec.structs.replace(result, content=(*content, *media))


def _tools(members: Members) -> tuple[Tool, ...]:
    """What stands beside functions is marked by an empty object in their place."""
    tools: list[Tool] = []
    for entry in members.objects("tools"):
        functions = [_function(function) for function in entry.objects("functionDeclarations")]
        rest = entry.rest()
        tools += functions
        if rest is not None:
            beside: dict[str, Any] = {"functionDeclarations": {}} if functions else {}
            tools.append(Tool(name=next(iter(rest)), extra=rest | beside))
    return tuple(tools)


def _function(function: Members) -> Tool:
    """A schema that would not be written as it came stays beside the JSON Schema that it was read into."""
    name, description = function.text("name"), function.take("description")
    schema, google = function.take("parametersJsonSchema"), function.take("parameters")
    if schema is None and isinstance(google, dict):
        schema = from_google(google)
        google = None if to_google(schema) == google else google
    function.put("parameters", google)
    return Tool(name=name, description=description, parameters=schema, extra=function.rest())


def _tool_choice(members: Members) -> ToolChoice | None:
    """What has no name here stays beside the choice that it was read into, to be sent as it is."""
    told = members.peek("toolConfig")
    config = members.object("toolConfig")
    calling = config.object("functionCallingConfig")
    choice = _choice(calling)
    if choice is None or calling.rest():
        members.put("toolConfig", told)
    else:
        members.put("toolConfig", config.rest())
    return choice


def _choice(calling: Members) -> ToolChoice | None:
    match calling.peek("mode"), calling.peek("allowedFunctionNames"):
        case "ANY", [str(name)]:
            choice = ToolChoice(mode="named", name=name)
        case ("AUTO" | "NONE" | "ANY") as mode, None:
            choice = ToolChoice(mode=_MODES[mode])
        case _:
            return None
    calling.take("mode")
    calling.take("allowedFunctionNames")
    return choice


def _sampling(config: Members) -> Sampling:
    """JSON has but one kind of number: 40.0 is a whole one."""
    for name in _WHOLE:
        value = config.peek(name)
        if isinstance(value, float) and value.is_integer():
            config.put(name, int(value))
    return sampling(config, _SAMPLING)


def _output(config: Members) -> Output | None:
    """A `responseSchema` stays beside the JSON Schema that it was read into, to be sent as it is."""
    google, schema = config.peek("responseSchema"), config.peek("responseJsonSchema")
    match config.peek("responseMimeType"):
        case "application/json":
            config.take("responseMimeType")
        case "text/plain" if google is None and schema is None:
            config.take("responseMimeType")
            return Output(kind="text")
        case _:
            return None
    if isinstance(schema, dict) and google is None:
        return Output(schema=config.take("responseJsonSchema"))
    if isinstance(google, dict) and schema is None:
        return Output(schema=from_google(google))
    return Output(kind="json")


def _thinking(config: Members, model: str) -> Thinking | None:
    """What is not in callboard's words stays as it is: a level `HIGH` beside the effort that it was read into, a
    budget of -1, which leaves it to the model, and at models that cannot be kept from thinking one of 0."""
    thinking = config.object("thinkingConfig")
    level, budget = thinking.peek("thinkingLevel"), thinking.peek("thinkingBudget")
    effort: Any = level.lower() if isinstance(level, str) and level.lower() in _EFFORTS else None
    if effort is not None and effort == level:
        thinking.take("thinkingLevel")
    if budget == 0 and effort is None and is_old(model):
        effort = "none"
        thinking.take("thinkingBudget")
    bound = thinking.take("thinkingBudget") if isinstance(budget, int) and budget > 0 else None
    rest = thinking.rest()
    return Thinking(effort=effort, budget_tokens=bound, extra=rest) if effort or bound or rest else None
