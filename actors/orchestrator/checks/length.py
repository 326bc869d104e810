"""How long a reply's text may be, in characters."""

import re

import msgspec

from callboard.messages.reply import Reply

_BOUNDS = re.compile(r"(\d*)\.\.(\d*)")


class Length(msgspec.Struct, frozen=True):
    """At least, and at most; None is no bound. A reply that asks for tools passes."""

    least: int = 0
    most: int | None = None

    def __post_init__(self) -> None:
        if self.least < 0 or (self.most is not None and self.most < self.least):
            raise ValueError("`length` is least..most, both in characters")

    def __call__(self, reply: Reply, /) -> str | None:
        """As every check."""
        size = len(reply.text)
        if reply.tool_calls or (size >= self.least and (self.most is None or size <= self.most)):
            return None
        bound = f"at least {self.least}" if size < self.least else f"at most {self.most}"
        return f"its text has {size} characters; expected {bound}"


def length(bounds: str) -> Length:
    """`10..2000`, `10..` or `..2000`. Raises ValueError."""
    found = _BOUNDS.fullmatch(bounds)
    if found is None or bounds == "..":
        raise ValueError("expected length:10..2000, length:10.. or length:..2000")
    return Length(int(found[1] or 0), int(found[2]) if found[2] else None)
