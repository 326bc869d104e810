"""A reply through its hooks: changed where they change it, or rejected with a reason. Pure but for the hooks.

A hook is the caller's own code, which may take for ever: there Ctrl-C is raised at once.
"""

from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import msgspec
import trio

from callboard.messages.chat import Part, TextPart
from callboard.messages.checks import named
from callboard.messages.hooks import Hook, Sanitiser
from callboard.messages.reply import Reply


class HookFailed(Exception):
    """A mistake in the caller's own code: a hook raised, which is the cause, or gave what it may not."""

    def __init__(self, hook: Hook, wrong: str) -> None:
        what, function = ("sanitiser", hook.change) if isinstance(hook, Sanitiser) else ("check", hook)
        name = getattr(function, "__name__", type(function).__name__)
        super().__init__(f"the {what} {name} {wrong}")


def examine(reply: Reply, hooks: Iterable[Hook]) -> Reply | str:
    """The reply as the hooks leave it, or why it will not do. Raises HookFailed."""
    for hook in hooks:
        if isinstance(hook, Sanitiser):
            reply = _changed(reply, hook)
            continue
        wrong = _given(hook, hook, reply)
        if isinstance(wrong, str):
            return wrong
        if wrong is not None:
            raise _odd(hook, wrong, "None, or a sentence that says why the reply will not do")
    return reply


def _changed(reply: Reply, hook: Sanitiser) -> Reply:
    def change(part: Part) -> Part:
        return msgspec.structs.replace(part, text=_text(hook, part.text)) if isinstance(part, TextPart) else part

    return msgspec.structs.replace(reply, parts=tuple(map(change, reply.parts)))


def _text(hook: Sanitiser, text: str) -> str:
    changed = _given(hook, hook.change, text)
    if not isinstance(changed, str):
        raise _odd(hook, changed, "the text as it is to be, a string")
    return changed


@trio.lowlevel.disable_ki_protection
def _given(hook: Hook, function: Callable[[Any], object], value: object) -> object:
    try:
        return function(value)
    except Exception as error:
        raise HookFailed(hook, f"raised {type(error).__name__}") from error


def _odd(hook: Hook, given: object, expected: str) -> HookFailed:
    if isinstance(given, Coroutine):
        given.close()  # else Python warns that nobody awaited it
    return HookFailed(hook, f"gave {named(given)}; expected {expected}")
