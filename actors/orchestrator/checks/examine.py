"""A reply through its hooks: changed where they change it, or rejected with a reason. Pure but for the hooks."""

from collections.abc import Iterable

import msgspec

from callboard.messages.chat import Part, TextPart
from callboard.messages.hooks import Hook, Sanitiser
from callboard.messages.reply import Reply


class HookFailed(Exception):
    """A hook raised: a mistake in the caller's own code."""

    def __init__(self, hook: Hook, cause: Exception) -> None:
        name = getattr(hook, "__name__", type(hook).__name__)
        super().__init__(f"the check {name} raised {type(cause).__name__}")


def examine(reply: Reply, hooks: Iterable[Hook]) -> Reply | str:
    """The reply as the hooks leave it, or why it will not do. Raises HookFailed."""
    for hook in hooks:
        try:
            if isinstance(hook, Sanitiser):
                reply = _changed(reply, hook)
                continue
            wrong = hook(reply)
        except Exception as error:
            raise HookFailed(hook, error) from error
        if wrong is not None:
            return wrong
    return reply


def _changed(reply: Reply, hook: Sanitiser) -> Reply:
    def change(part: Part) -> Part:
        return msgspec.structs.replace(part, text=hook.change(part.text)) if isinstance(part, TextPart) else part

    return msgspec.structs.replace(reply, parts=tuple(map(change, reply.parts)))
