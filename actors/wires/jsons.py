"""Reading other people's JSON without trusting it."""

import re
from typing import Any, TypeVar

import msgspec

from callboard.actors.wires.lines import MARK
from callboard.actors.wires.wire import WireFault, malformed
from callboard.messages.faults import Fault, FaultKind

T = TypeVar("T")

UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
MOST_VALUES = 1_000_000
"""Of one text, objects, arrays and what follows a comma counted alike. Reading as many takes some 300 ms, in which
nobody else has a turn. The log probabilities of a long reply are half as many."""
MOST_NUMBERS = 5_000_000
"""The same for embeddings, whose numbers are read much faster: 512 vectors of 8,192."""
MOST_PARTS = 10_000
"""Of one reply: blocks, tool calls, items. Each is looked at by itself, which takes much longer than reading it."""
MOST_TOKENS = 100_000_000
"""Of one attempt, and more than any model reads: a server whose count underflowed must not use up every budget."""

_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
"""A surrogate pair, half of one, or any other escape."""


def read(decoder: "msgspec.json.Decoder[T]", data: bytes, provider: str, most: int = MOST_VALUES) -> T:
    """The message in `data`. Raises WireFault(MALFORMED_REPLY) when it is not JSON or not of the expected shape, or
    holds more than `most` values. A byte order mark before it is passed over; half a surrogate pair, as of a text that
    was cut within a character, is read as U+FFFD.
    """
    if len(data) > most and _values(data) > most:
        raise malformed(f"{len(data):,} bytes that hold more than {most:,} values", provider=provider)
    try:
        return decoder.decode(data)
    except UNREADABLE as error:
        if data.startswith(MARK):  # looked for only now, as next to nobody sends one
            return read(decoder, data.lstrip(MARK), provider, most)
        if (whole := _without_halves(data)) != data:
            return read(decoder, whole, provider, most)
        # msgspec's sentence names a place and types, never the text; Unicode errors quote a byte.
        reason = str(error) if isinstance(error, msgspec.MsgspecError) else type(error).__name__
        page = "; it is a page: is base_url right?" if data.lstrip()[:1] == b"<" else ""
        raise malformed(f"{len(data):,} bytes that cannot be read: {reason}{page}", provider=provider) from None


def value_of(data: bytes) -> Any:
    """The JSON value in `data`, behind any byte order mark; None when there is none that can be read. Never raises."""
    if len(data) > MOST_VALUES and _values(data) > MOST_VALUES:
        return None
    try:
        return msgspec.json.decode(data)
    except UNREADABLE:
        return value_of(data.lstrip(MARK)) if data.startswith(MARK) else None


def object_of(data: bytes) -> dict[str, Any]:
    """The JSON object in `data`, or an empty one when there is none. Never raises."""
    return mapping(value_of(data))


def check_parts(count: int, provider: str) -> None:
    """Raises WireFault(MALFORMED_REPLY) for more than MOST_PARTS."""
    if count > MOST_PARTS:
        raise malformed(f"the reply has more than {MOST_PARTS:,} parts", provider=provider)


def write(members: dict[str, Any], provider: str) -> bytes:
    """JSON to send. Raises WireFault(INVALID_REQUEST) for values that JSON cannot hold."""
    try:
        return msgspec.json.encode(members)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        message = f"the request cannot be written as JSON ({type(error).__name__})"
        raise WireFault(Fault(kind=FaultKind.INVALID_REQUEST, message=message, provider=provider)) from None


def mapping(value: object) -> dict[str, Any]:
    """`value` when it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """`value` when it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def string(value: object) -> str | None:
    """`value` when it is a string that holds something, else None."""
    return value if isinstance(value, str) and value else None


def tokens(value: object) -> int:
    """`value` as a count of tokens; 0 when it is not one."""
    if value is None:
        return 0
    if type(value) is int and 0 <= value <= MOST_TOKENS:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return int(min(max(value, 0), MOST_TOKENS))


def joined(shown: dict[str, Any], extra: dict[str, Any] | None) -> dict[str, Any]:
    """`shown` with the members of `extra`; objects that stand in both are joined in the same way."""
    if not extra:
        return shown
    inner = {
        name: value for name, value in extra.items() if isinstance(value, dict) and isinstance(shown.get(name), dict)
    }
    return shown | extra | {name: joined(shown[name], value) for name, value in inner.items()}


def present(members: dict[str, Any]) -> dict[str, Any]:
    """`members` less those that are None."""
    return {name: value for name, value in members.items() if value is not None}


def _without_halves(data: bytes) -> bytes:
    """No more than MOST_VALUES bytes are looked through: escape by escape takes as long as reading so many values."""
    if len(data) > MOST_VALUES:
        return data
    return _ESCAPE.sub(lambda escape: rb"\ufffd" if escape[1] else escape[0], data)


def _values(data: bytes) -> int:
    """How many values there are in `data` at the most: what stands within strings is counted as well."""
    return data.count(b",") + data.count(b"[") + data.count(b"{")
