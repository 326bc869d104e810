"""An answer that its caller may change, while the cache and those who share the call hold the same one. Pure."""

from typing import Any

import msgspec

from callboard.messages.calls import AnyAnswer
from callboard.messages.chat import OpaquePart, Part
from callboard.messages.reply import Answer


def owned(answer: AnyAnswer) -> AnyAnswer:
    """The answer, with dicts and lists of its own; as it is when it has none."""
    own: dict[str, Any] = {}
    if answer.extra:
        own["extra"] = copied(answer.extra)
    if answer.raw is not None:
        own["raw"] = copied(answer.raw)
    if isinstance(answer, Answer) and any(map(_changeable, answer.parts)):
        own["parts"] = tuple(map(_part, answer.parts))
    return msgspec.structs.replace(answer, **own) if own else answer


def copied(value: Any) -> Any:
    """A copy of dicts and lists, however deep they are nested; all else cannot be changed."""
    root = [value]
    copies: list[Any] = [root]
    while copies:
        one = copies.pop()
        for place, held in one.items() if isinstance(one, dict) else enumerate(one):
            if isinstance(held, dict | list):
                one[place] = held.copy()
                copies.append(one[place])
    return root[0]


def _changeable(part: Part) -> bool:
    return isinstance(part, OpaquePart) or bool(part.extra)


def _part(part: Part) -> Part:
    if isinstance(part, OpaquePart):
        return msgspec.structs.replace(part, block=copied(part.block))
    return msgspec.structs.replace(part, extra=copied(part.extra)) if part.extra else part
