"""What the shelf's list says of each entry, so that finding what is to go reads no reply. Pure."""

from collections.abc import Callable

import msgspec

from callboard.messages.caching import Entry, Forget, Labels


class Place(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One entry: its key, its bytes, when it was stored (UTC nanoseconds), and what it can be found by."""

    key: bytes
    size: int = 0
    stored: int = 0
    model: str = ""
    """`provider/model`."""
    tag: str = ""
    user: str = ""
    partition: str = ""


_decoder = msgspec.msgpack.Decoder(Place)
_encoder = msgspec.msgpack.Encoder()


def place(key: bytes, entry: Entry, size: int, labels: Labels) -> Place:
    """Where this entry of so many bytes is listed."""
    model = f"{entry.provider}/{entry.model}"
    return Place(key, size, entry.stored, model, labels.tag or "", labels.user or "", labels.partition)


def encode(one: Place) -> bytes:
    """As it is written."""
    return _encoder.encode(one)


def decode(blob: bytes) -> Place:
    """What was written; an earlier version wrote the key alone."""
    try:
        return _decoder.decode(blob)
    except (msgspec.MsgspecError, ValueError):
        return Place(blob)


def wanted(forget: Forget) -> Callable[[Place], bool]:
    """Whether an entry is to be forgotten: it has everything that is named."""
    named = {
        name: value
        for name in ("key", "model", "tag", "user", "partition")
        if (value := getattr(forget, name)) is not None
    }

    def matches(one: Place) -> bool:
        older = forget.stored_before is None or one.stored < forget.stored_before
        return older and all(getattr(one, name) == value for name, value in named.items())

    return matches
