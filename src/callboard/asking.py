"""From what a caller writes to a checked Request."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TypeAlias, TypedDict, Unpack

import msgspec

from callboard import arguments
from callboard.actors.orchestrator.checks.names import hooks
from callboard.errors import InvalidRequest
from callboard.messages.chat import ChatMessage
from callboard.messages.chat import system as system_message
from callboard.messages.chat import user as user_message
from callboard.messages.checks import is_async, named
from callboard.messages.checks import text as checked_text
from callboard.messages.hooks import Hook, Sanitiser, Wishes
from callboard.messages.priority import Priority
from callboard.messages.request import (
    CacheControl,
    CacheUse,
    Effort,
    Output,
    Request,
    Sampling,
    Thinking,
    Tool,
    ToolChoice,
)
from callboard.messages.validate import MAKE_A_MESSAGE, check
from callboard.messages.validate import InvalidRequest as Nonsense

Prompt: TypeAlias = str | ChatMessage | Sequence[ChatMessage] | Request


class Options(TypedDict, total=False):
    """What may be said of a request besides its messages; see `Request` and `Sampling` for units and defaults.

    None is as if left out.
    """

    system: str | None
    tools: Iterable[Tool] | None
    tool_choice: ToolChoice | str | None
    parallel_tool_calls: bool | None
    output: Output | Literal["text", "json"] | None
    max_tokens: int | None
    temperature: float | None
    top_p: float | None
    top_k: int | None
    min_p: float | None
    seed: int | None
    stop: str | Iterable[str] | None
    presence_penalty: float | None
    frequency_penalty: float | None
    logprobs: bool | None
    top_logprobs: int | None
    thinking: Thinking | Effort | None
    user: str | None
    tag: str | None
    metadata: dict[str, str] | None
    priority: Priority | None
    cache: CacheControl | CacheUse | None
    wait: bool | None
    keep_raw: bool | None
    extra: dict[str, Any] | None


OPTIONS = frozenset(Options.__annotations__)
SAMPLING = frozenset(Sampling.__struct_fields__)
_KNOWN = OPTIONS | arguments.BOUNDS | {"checks", "repair"}
_HINTS = {
    **arguments.ELSEWHERE,
    "max_completion_tokens": "say max_tokens",
    "max_output_tokens": "say max_tokens",
    "response_format": "say output=callboard.Output(...)",
    "response_model": "say output=callboard.Output(...)",
    "reasoning_effort": "say thinking",
    "stop_sequences": "say stop",
    "instructions": "say system",
    "functions": "say tools",
    "messages": "they are the first argument",
    "n": "one call has one reply; call again for another",
    "stream": "call board.stream(...)",
    "hedge": "only plain calls are hedged",
    "buffer": "only streams are buffered",
}
"""What other libraries, and other methods here, call an option, and what to do here."""


def build(prompt: Prompt, model: str | None, **options: Unpack[Options]) -> Request:
    """The request, checked in full. Raises InvalidRequest."""
    arguments.names(options, OPTIONS, _KNOWN, _HINTS)
    try:
        request = _asked(prompt, model)
        if options or model not in (None, request.model):
            request = _changed(request, model, dict(options))
        check(request)
    except Nonsense as error:
        raise InvalidRequest(str(error)) from None
    return request


def wishes(request: Request, checks: Iterable[str | Hook], **more: bool) -> Wishes:
    """What is wanted besides an answer. Raises InvalidRequest for checks that are none, or cannot be used here, and for
    one of `more` that is neither True nor False.
    """
    if isinstance(checks, str) or not isinstance(checks, Iterable):
        raise InvalidRequest("checks: expected several, in a list or tuple")
    for name, value in more.items():
        if not isinstance(value, bool):
            raise InvalidRequest(f"{name}: expected True or False, got {named(value)}")
    wanted = Wishes(checks=tuple(checks), **more)
    for one in wanted.checks:
        if not isinstance(one, str):
            _hook(one.change if isinstance(one, Sanitiser) else one)
    try:
        hooks(wanted.checks, request)
    except ValueError as error:
        raise InvalidRequest(f"checks: {error}") from None
    return wanted


def _hook(function: object) -> None:
    if not callable(function):
        raise InvalidRequest(f"checks: expected names and functions, got {named(function)}")
    if is_async(function):
        name = getattr(function, "__name__", type(function).__name__)
        raise InvalidRequest(f"checks: {name} is async; a check or a sanitiser cannot wait")


def _asked(prompt: Prompt, model: str | None) -> Request:
    if isinstance(prompt, Request):
        return prompt
    if model is None:
        raise InvalidRequest("model: missing; name a provider/model or an alias of the configuration")
    return Request(model=model, messages=_messages(prompt))


def _messages(prompt: str | ChatMessage | Sequence[ChatMessage]) -> tuple[ChatMessage, ...]:
    match prompt:
        case str():
            return (user_message(prompt),)
        case ChatMessage():
            return (prompt,)
        case list() | tuple():
            return tuple(prompt)
        case _:
            raise InvalidRequest(f"messages: expected text or ChatMessages, got {named(prompt)}{MAKE_A_MESSAGE}")


def _changed(request: Request, model: str | None, options: dict[str, Any]) -> Request:
    changes = {
        name: _LONG_FORMS[name](value) if name in _LONG_FORMS else value
        for name, value in options.items()
        if value is not None
    }
    if model is not None:
        changes["model"] = model
    if "system" in changes:
        text = changes.pop("system")
        checked_text("system", text)
        changes["messages"] = (system_message(text), *request.messages)
    if not SAMPLING.isdisjoint(changes):
        sampling = {name: changes.pop(name) for name in SAMPLING & changes.keys()}
        changes["sampling"] = msgspec.structs.replace(request.sampling, **sampling)
    return msgspec.structs.replace(request, **changes)


def _tools(tools: Any) -> Any:
    return _several("tools", tools)


def _stop(stop: Any) -> Any:
    return (stop,) if isinstance(stop, str) else _several("stop", stop)


def _tool_choice(choice: Any) -> Any:
    match choice:
        case "auto" | "none" | "required":
            return ToolChoice(mode=choice)
        case str():
            return ToolChoice(mode="named", name=choice)
        case _:
            return choice


def _output(output: Any) -> Any:
    return msgspec.structs.replace(Output(), kind=output) if isinstance(output, str) else output


def _thinking(thinking: Any) -> Any:
    return msgspec.structs.replace(Thinking(), effort=thinking) if isinstance(thinking, str) else thinking


def _cache(cache: Any) -> Any:
    return msgspec.structs.replace(CacheControl(), use=cache) if isinstance(cache, str) else cache


_LONG_FORMS: dict[str, Callable[[Any], Any]] = {
    "tools": _tools,
    "stop": _stop,
    "tool_choice": _tool_choice,
    "output": _output,
    "thinking": _thinking,
    "cache": _cache,
}
"""Options that may be said in short, and what they are then."""


def _several(name: str, values: Any) -> tuple[Any, ...]:
    if isinstance(values, str | bytes | dict):
        raise InvalidRequest(f"{name}: expected several, in a list or tuple, got {named(values)}")
    try:
        return tuple(values)
    except TypeError:
        raise InvalidRequest(f"{name}: expected several, in a list or tuple, got {named(values)}") from None
