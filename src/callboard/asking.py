"""From what a caller writes to a checked Request."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias, TypedDict, Unpack

import msgspec

from callboard.errors import InvalidRequest
from callboard.messages.chat import ChatMessage
from callboard.messages.chat import system as system_message
from callboard.messages.chat import user as user_message
from callboard.messages.request import (
    CacheControl,
    CacheUse,
    Effort,
    Output,
    Priority,
    Request,
    Sampling,
    Thinking,
    Tool,
    ToolChoice,
)
from callboard.messages.validate import InvalidRequest as Nonsense
from callboard.messages.validate import check

Prompt: TypeAlias = str | ChatMessage | Sequence[ChatMessage] | Request


class Options(TypedDict, total=False):
    """What may be said of a request besides its messages; see `Request` and `Sampling` for units and defaults."""

    system: str
    tools: Iterable[Tool]
    tool_choice: ToolChoice | str
    parallel_tool_calls: bool
    output: Output
    max_tokens: int
    temperature: float
    top_p: float
    top_k: int
    min_p: float
    seed: int
    stop: str | Iterable[str]
    presence_penalty: float
    frequency_penalty: float
    logprobs: bool
    top_logprobs: int
    thinking: Thinking | Effort
    user: str
    tag: str
    metadata: dict[str, str]
    priority: Priority
    cache: CacheControl | CacheUse
    wait: bool
    keep_raw: bool
    extra: dict[str, Any]


SAMPLING = frozenset(Sampling.__struct_fields__)


def build(prompt: Prompt, model: str | None, **options: Unpack[Options]) -> Request:
    """The request, checked in full. Raises InvalidRequest."""
    try:
        request = prompt if isinstance(prompt, Request) else _request(prompt, model, dict(options))
        if isinstance(prompt, Request) and (model is not None or options):
            request = _changed(prompt, model, dict(options))
        check(request)
    except Nonsense as error:
        raise InvalidRequest(str(error)) from None
    return request


def _request(prompt: str | ChatMessage | Sequence[ChatMessage], model: str | None, options: dict[str, Any]) -> Request:
    if model is None:
        raise InvalidRequest("model: missing; name a provider/model or an alias of the configuration")
    messages = _messages(prompt)
    if "system" in options:
        messages = (system_message(options.pop("system")), *messages)
    return _changed(Request(model=model, messages=messages), None, options)


def _messages(prompt: str | ChatMessage | Sequence[ChatMessage]) -> tuple[ChatMessage, ...]:
    match prompt:
        case str():
            return (user_message(prompt),)
        case ChatMessage():
            return (prompt,)
        case list() | tuple():
            return tuple(prompt)
        case _:
            raise InvalidRequest(f"messages: expected text or ChatMessages, got {type(prompt).__name__}")


def _changed(request: Request, model: str | None, options: dict[str, Any]) -> Request:
    sampling = {name: options.pop(name) for name in list(options) if name in SAMPLING}
    if isinstance(sampling.get("stop"), str):
        sampling["stop"] = (sampling["stop"],)
    elif sampling.get("stop") is not None:
        sampling["stop"] = tuple(sampling["stop"])
    unknown = options.keys() - set(Request.__struct_fields__)
    if unknown:
        raise InvalidRequest(f"{min(unknown)}: no such option; provider-specific ones go into extra={{...}}")
    changes = {name: _short_form(name, value) for name, value in options.items()}
    if model is not None:
        changes["model"] = model
    return msgspec.structs.replace(request, sampling=msgspec.structs.replace(request.sampling, **sampling), **changes)


def _short_form(name: str, value: Any) -> Any:
    match name, value:
        case "tools", _:
            return tuple(value)
        case "tool_choice", "auto" | "none" | "required":
            return ToolChoice(mode=value)
        case "tool_choice", str():
            return ToolChoice(mode="named", name=value)
        case "thinking", str(effort):
            return msgspec.structs.replace(Thinking(), effort=effort)
        case "cache", str(use):
            return msgspec.structs.replace(CacheControl(), use=use)
        case _:
            return value
