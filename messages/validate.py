"""Whether a Request makes sense, before anything is sent: a mistake of the caller's never leaves the process.

Structs do not check the types of what they are built from, so this does. A sentence names the field and never quotes
the conversation. What only some providers refuse is their wires' business.
"""

import re
from collections.abc import Iterable
from typing import TypeVar, assert_never, get_args

from callboard.messages import checks
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
)
from callboard.messages.checks import InvalidRequest
from callboard.messages.request import (
    NOTHING_SAID,
    Effort,
    Output,
    Request,
    Sampling,
    Thinking,
    Tool,
    ToolChoice,
)
from callboard.messages.validate_work import check_work

__all__ = ["InvalidRequest", "check"]

T = TypeVar("T")

MOST_STOPS = 16
MAKE_A_MESSAGE = '; make it with callboard.user("..."), system, assistant or tool_result'
MAKE_A_CHOICE = '; say "auto", "none", "required" or the name of a tool'
MAKE_AN_OUTPUT = '; say "json" or callboard.Output(schema={JSON Schema})'
MAKE_A_THOUGHT = '; say "low", "medium" or "high", or callboard.Thinking(budget_tokens=...)'
MAKE_A_TOOL = "; callboard.Tool(name=..., description=..., parameters={JSON Schema})"
_TOOL_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_OUTPUT_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_OURS = ("model", "messages", "stream")

_SHOWN = frozenset({TextPart, ImagePart, AudioPart, DocumentPart, OpaquePart})
_SPEAKS: dict[str, frozenset[type]] = {
    "system": frozenset({TextPart, OpaquePart}),
    "developer": frozenset({TextPart, OpaquePart}),
    "user": _SHOWN,
    "assistant": _SHOWN | {ThinkingPart, ToolCallPart, RefusalPart},
    "tool": frozenset({ToolResultPart}),
}
"""In which parts each role may speak."""

_RANGES: tuple[tuple[str, type, float, float], ...] = (
    ("max_tokens", int, 1, 2**31),
    ("temperature", float, 0, 2),
    ("top_p", float, 0, 1),
    ("top_k", int, 0, 2**31),
    ("min_p", float, 0, 1),
    ("seed", int, -(2**63), 2**63 - 1),
    ("presence_penalty", float, -2, 2),
    ("frequency_penalty", float, -2, 2),
    ("top_logprobs", int, 0, 20),
)
"""Members of Sampling: whole numbers or not, and between what."""


def check(request: Request) -> None:
    """Raises InvalidRequest at the first thing that is wrong."""
    if not isinstance(request, Request):
        raise InvalidRequest("request", f"expected a Request, got {checks.named(request)}")
    check_work(request, _OURS)
    _conversation(request.messages)
    if request.tools != ():
        _tools(request.tools)
    if request.sampling is not NOTHING_SAID:
        checks.inside("sampling", _sampling, checks.typed("sampling", request.sampling, Sampling))
    if request.tool_choice is not None:
        choice = checks.typed("tool_choice", request.tool_choice, ToolChoice, MAKE_A_CHOICE)
        checks.inside("tool_choice", _tool_choice, choice, request.tools)
    if request.output is not None:
        checks.inside("output", _output, checks.typed("output", request.output, Output, MAKE_AN_OUTPUT))
    if request.thinking is not None:
        checks.inside("thinking", _thinking, checks.typed("thinking", request.thinking, Thinking, MAKE_A_THOUGHT))
    checks.flag("parallel_tool_calls", request.parallel_tool_calls)


def _conversation(messages: tuple[ChatMessage, ...]) -> None:
    if not checks.each("messages", messages, ChatMessage, "ChatMessage", MAKE_A_MESSAGE):
        raise InvalidRequest("messages", "is empty; give at least one ChatMessage")
    called: set[str] = set()
    for number, message in enumerate(messages):
        try:
            _message(message, called)
        except InvalidRequest as error:
            raise error.within(f"messages[{number}]") from None


def _message(message: ChatMessage, called: set[str]) -> None:
    speaks = _SPEAKS.get(message.role) if isinstance(message.role, str) else None
    if speaks is None:
        raise InvalidRequest("role", f"expected one of {', '.join(_SPEAKS)}")
    if isinstance(message.content, str):
        checks.text("content", message.content)
        if message.role == "tool":
            raise InvalidRequest("content", "a tool message holds ToolResultParts, not a string")
    else:
        _parts(message.content, speaks, f"from the {message.role}", called)
        if not message.content and message.role != "assistant":
            raise InvalidRequest("content", "is empty")
    if message.name is not None:
        checks.filled("name", message.name)
    if message.extra is not None:
        checks.members(message.extra)


def _parts(parts: tuple[Part, ...], allowed: Iterable[type], where: str, called: set[str]) -> None:
    if not isinstance(parts, tuple):
        raise InvalidRequest("content", f"expected a string or a tuple of parts, got {checks.named(parts)}")
    for number, part in enumerate(parts):
        if type(part) not in allowed:
            raise InvalidRequest(f"content[{number}]", f"{checks.named(part)} cannot come {where}")
        try:
            _part(part, called)
        except InvalidRequest as error:
            raise error.within(f"content[{number}]") from None


def _part(part: Part, called: set[str]) -> None:
    match part:
        case TextPart() | RefusalPart():
            checks.text("text", part.text)
        case ImagePart():
            _source(part, "an image", ("url", "data"))
            checks.maybe_text("detail", part.detail)
        case AudioPart():
            _source(part, "a recording", ("url", "data"))
        case DocumentPart():
            _source(part, "a document", ("url", "data", "file_id"))
            checks.maybe_text("name", part.name)
        case ThinkingPart():
            checks.text("text", part.text)
            for name in ("signature", "redacted", "origin"):
                checks.maybe_text(name, getattr(part, name))
        case ToolCallPart():
            _call(part)
            called.add(part.id)
        case ToolResultPart():
            _result(part, called)
        case OpaquePart():
            checks.filled("origin", part.origin)
            checks.inside("block", checks.json_object, part.block)
            called.add(str(part.block.get("id")))
            return
        case _:
            assert_never(part)
    if part.extra is not None:
        checks.members(part.extra)


def _source(part: ImagePart | AudioPart | DocumentPart, what: str, names: tuple[str, ...]) -> None:
    given = [name for name in names if getattr(part, name) is not None]
    if len(given) != 1:
        several = ", not both" if len(given) > 1 else ""
        raise InvalidRequest("", f"{what} needs a {' or '.join(names)}{several}")
    checks.maybe_text("media_type", part.media_type)
    if part.data is None:
        checks.filled(given[0], getattr(part, given[0]))
    elif not isinstance(part.data, bytes):
        raise InvalidRequest("data", f"expected bytes, got {checks.named(part.data)}")
    elif not part.data:
        raise InvalidRequest("data", "is empty")
    elif not part.media_type:
        raise InvalidRequest("media_type", "is needed with data, such as `image/png`")


def _call(part: ToolCallPart) -> None:
    """What a model writes need be no name and no JSON, and its own message must go back to it all the same."""
    checks.filled("id", part.id)
    checks.text("name", part.name)
    checks.text("arguments", part.arguments)
    for name in ("signature", "origin"):
        checks.maybe_text(name, getattr(part, name))


def _result(part: ToolResultPart, called: set[str]) -> None:
    checks.filled("id", part.id)
    if part.id not in called:
        raise InvalidRequest("id", "no tool call with this id comes before its result")
    if isinstance(part.content, str):
        checks.text("content", part.content)
    else:
        _parts(part.content, _SHOWN, "in a tool's result", called)
    checks.maybe_text("name", part.name)
    checks.flag("is_error", part.is_error)


def _tools(tools: tuple[Tool, ...]) -> None:
    names: set[str] = set()
    for number, tool in enumerate(checks.each("tools", tools, Tool, "Tool", MAKE_A_TOOL)):
        try:
            _tool(tool)
            if tool.name in names:
                raise InvalidRequest("name", f"another tool is called {tool.name!r}")
        except InvalidRequest as error:
            raise error.within(f"tools[{number}]") from None
        names.add(tool.name)


def _tool(tool: Tool) -> None:
    if not isinstance(tool.name, str) or not _TOOL_NAME.fullmatch(tool.name):
        raise InvalidRequest("name", "expected 1 to 128 letters, digits and _ . : -")
    checks.maybe_text("description", tool.description)
    checks.flag("strict", tool.strict)
    if tool.parameters is not None:
        checks.inside("parameters", checks.json_object, tool.parameters)
        if tool.parameters.get("type", "object") != "object":
            raise InvalidRequest("parameters.type", "expected `object`: arguments have names")
    if tool.extra is not None:
        checks.members(tool.extra)


def _tool_choice(choice: ToolChoice, tools: tuple[Tool, ...]) -> None:
    checks.one_of("mode", choice.mode, ("auto", "none", "required", "named"))
    if choice.mode == "named":
        if not any(tool.name == choice.name for tool in tools):
            raise InvalidRequest("name", "expected the name of one of the request's tools")
    elif choice.name is not None:
        raise InvalidRequest("name", "goes with mode `named`")
    elif choice.mode == "required" and not tools:
        raise InvalidRequest("mode", "`required` needs tools")


def _output(output: Output) -> None:
    checks.one_of("kind", output.kind, ("text", "json", "schema"))
    if output.kind == "schema":
        if output.schema is None:
            raise InvalidRequest("schema", "is needed with kind `schema`")
        checks.inside("schema", checks.json_object, output.schema)
    elif output.schema is not None:
        raise InvalidRequest("schema", "goes with kind `schema`")
    if output.name is not None and not (isinstance(output.name, str) and _OUTPUT_NAME.fullmatch(output.name)):
        raise InvalidRequest("name", "expected 1 to 64 letters, digits and _ -")
    checks.maybe_text("description", output.description)
    checks.flag("strict", output.strict)


def _sampling(sampling: Sampling) -> None:
    for name, kind, low, high in _RANGES:
        value = getattr(sampling, name)
        if value is not None:
            checks.number(name, value, kind, low, high)
    checks.flag("logprobs", sampling.logprobs)
    if sampling.top_logprobs and not sampling.logprobs:
        raise InvalidRequest("top_logprobs", "needs logprobs=True")
    if sampling.stop is not None:
        for number, stop in enumerate(checks.each("stop", sampling.stop, str, "strings")):
            checks.filled(f"stop[{number}]", stop)
        if len(sampling.stop) > MOST_STOPS:
            raise InvalidRequest("stop", f"holds {len(sampling.stop)} strings; at most {MOST_STOPS} are allowed")


def _thinking(thinking: Thinking) -> None:
    if thinking.effort is not None:
        checks.one_of("effort", thinking.effort, get_args(Effort))
        if thinking.budget_tokens is not None:
            raise InvalidRequest("", "takes effort or budget_tokens, not both")
    elif thinking.budget_tokens is not None:
        checks.number("budget_tokens", thinking.budget_tokens, int, 1, 2**31)
    elif not thinking.extra:
        raise InvalidRequest("", "needs effort or budget_tokens")
    if thinking.extra is not None:
        checks.members(thinking.extra)
