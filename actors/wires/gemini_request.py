"""A Request as the body of generateContent.

Source: ai.google.dev/api/generate-content.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from callboard.actors.wires.foreign import foreign_to, without
from callboard.actors.wires.gemini_contents import Contents
from callboard.actors.wires.gemini_schemas import to_google
from callboard.actors.wires.jsons import mapping, present
from callboard.actors.wires.wire import unsupported
from callboard.messages.request import Output, Request, Thinking, Tool, ToolChoice

_T = TypeVar("_T")
_FOREIGN = foreign_to("gemini")
_SAMPLING = {
    "max_tokens": "maxOutputTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "seed": "seed",
    "stop": "stopSequences",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}

_LEAST_MINIMAL = {"none": "minimal", "xhigh": "high"}
_LEAST_OR_MOST = {"none": "minimal", "low": "minimal", "medium": "high", "xhigh": "high"}
_LEAST_LOW = {"none": "low", "minimal": "low", "xhigh": "high"}
_LEVELS = {
    "flash-image": _LEAST_OR_MOST,
    "flash-lite-image": _LEAST_OR_MOST,
    "flash-lite": _LEAST_MINIMAL,
    "gemini-3-flash": _LEAST_MINIMAL,
    "gemini-3.5-flash": _LEAST_MINIMAL,
    "gemini-3.6-flash": _LEAST_MINIMAL,
    "gemini-3-pro": _LEAST_LOW | {"medium": "high"},
}
"""What efforts are called that a model does not know as levels, by the first of these names that its own holds. Models
since Gemini 3 cannot be kept from thinking; low is taken by all that write (ai.google.dev/gemini-api/docs/thinking)."""
_BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576}
"""Tokens, for models before Gemini 3, which know no levels (ai.google.dev/gemini-api/docs/openai#thinking)."""
_LEAST_BUDGETS = {"gemini-2.5-pro": 128}
"""Tokens; the fewest of a model that cannot be kept from thinking."""

_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY", "named": "ANY"}


def encode_body(request: Request, model: str, *, provider: str, vertex: bool) -> dict[str, Any]:
    """The JSON members to send. Raises WireFault: UNSUPPORTED, or INVALID_REQUEST for tool traffic that cannot be
    put into Gemini's shape."""
    if request.parallel_tool_calls is False:
        raise unsupported(provider, "a ban on parallel tool calls")
    contents = Contents(provider, old=is_old(model), vertex=vertex)
    for message in request.messages:
        contents.add(message)
    extra = dict(request.extra or {})
    given = extra.pop("generationConfig", None)
    config = _config(request, model, provider, mapping(given))
    body = {
        "systemInstruction": _system(contents.system, mapping(extra.pop("systemInstruction", None))),
        "contents": contents.done,
        "tools": _tools(request.tools),
        "toolConfig": _tool_config(request) | mapping(extra.pop("toolConfig", None)) or None,
        "generationConfig": given if config == {} else config,
    }
    return present(body) | extra


def is_old(model: str) -> bool:
    """Whether a model is older than Gemini 3."""
    return model.rpartition("/")[2].startswith(("gemini-1", "gemini-2"))


def _system(parts: list[dict[str, Any]], given: dict[str, Any]) -> dict[str, Any] | None:
    """An empty object in place of the list says that a lone part stands without one."""
    if given.get("parts") == {} and len(parts) == 1:
        return given | {"parts": parts[0]}
    return given | {"parts": parts} if parts else None


def _tools(tools: tuple[Tool, ...]) -> list[dict[str, Any]] | None:
    """Functions go together; a tool whose `extra` holds a member of its own name is Google's, such as its search. An
    empty object in place of the functions says that it stands beside them."""
    shown: list[dict[str, Any]] = []
    functions: dict[str, Any] = {}
    for tool in tools:
        extra = tool.extra or {}
        if tool.name not in extra:
            if not functions:
                functions["functionDeclarations"] = []
                shown.append(functions)
            functions["functionDeclarations"].append(_function(tool))
        elif functions and extra.get("functionDeclarations") == {}:
            functions |= extra | {"functionDeclarations": functions["functionDeclarations"]}
        else:
            shown.append({name: value for name, value in extra.items() if name != "functionDeclarations"})
    return shown or None


def _function(tool: Tool) -> dict[str, Any]:
    """A schema goes in Google's own notation, which every model understands, where that can hold it."""
    extra = without(_FOREIGN, tool.extra)
    google = extra.get("parameters") or to_google(tool.parameters)
    shown = {"name": tool.name, "description": tool.description, "parameters": google}
    if google is None:
        shown["parametersJsonSchema"] = tool.parameters
    return present(shown) | extra


def _tool_config(request: Request) -> dict[str, Any]:
    choice = request.tool_choice
    return {} if choice is None or not request.tools else {"functionCallingConfig": _choice(choice)}


def _choice(choice: ToolChoice) -> dict[str, Any]:
    names = [choice.name] if choice.mode == "named" else None
    return present({"mode": _MODES[choice.mode], "allowedFunctionNames": names})


def _config(request: Request, model: str, provider: str, given: dict[str, Any]) -> dict[str, Any]:
    output = {} if request.output is None else _output(request.output)
    if "responseSchema" in given:
        output.pop("responseJsonSchema", None)
    thinking = {} if request.thinking is None else _thinking(request.thinking, model)
    return _sampling(request, provider) | output | thinking | given


def _sampling(request: Request, provider: str) -> dict[str, Any]:
    members: dict[str, Any] = msgspec.to_builtins(request.sampling)
    unknown = members.keys() - _SAMPLING.keys()
    if unknown:
        raise unsupported(provider, f"sampling.{min(unknown)}")
    return {_SAMPLING[name]: value for name, value in members.items()}


def _output(output: Output) -> dict[str, Any]:
    match output.kind:
        case "text":
            return {"responseMimeType": "text/plain"}
        case "json":
            return {"responseMimeType": "application/json"}
        case "schema":
            return {"responseMimeType": "application/json", "responseJsonSchema": output.schema}


def _thinking(thinking: Thinking, model: str) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if thinking.budget_tokens is not None:
        shown = {"thinkingBudget": thinking.budget_tokens}
    elif thinking.effort is not None and is_old(model):
        shown = {"thinkingBudget": max(_BUDGETS[thinking.effort], _of_model(_LEAST_BUDGETS, model, 0))}
    elif thinking.effort is not None:
        levels = _of_model(_LEVELS, model, _LEAST_LOW)
        shown = {"thinkingLevel": levels.get(thinking.effort, thinking.effort)}
    shown |= thinking.extra or {}
    return {"thinkingConfig": shown} if shown else {}


def _of_model(told: Mapping[str, _T], model: str, otherwise: _T) -> _T:
    return next((value for name, value in told.items() if name in model), otherwise)
