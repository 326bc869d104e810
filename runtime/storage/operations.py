"""What a commit may do. Checked when made, so that one bad write never spoils the commit of its group."""

from typing import TypeAlias

import msgspec

MAX_KEY = 511
"""Bytes; LMDB's own bound."""


class Put(msgspec.Struct, frozen=True, gc=False):
    """Store `value` under `key`, in place of what was there. ValueError for a key not of 1 to 511 bytes."""

    database: str
    key: bytes
    value: bytes

    def __post_init__(self) -> None:
        key, value = self.key, self.value
        if isinstance(key, bytes) and isinstance(value, bytes) and 0 < len(key) <= MAX_KEY:
            return
        _check_key(key)
        if not isinstance(value, bytes):
            raise TypeError(f"a value is bytes, not {type(self.value).__name__}")


class Delete(msgspec.Struct, frozen=True, gc=False):
    """Remove `key`; it need not be there. ValueError for a key not of 1 to 511 bytes."""

    database: str
    key: bytes

    def __post_init__(self) -> None:
        _check_key(self.key)


class DeleteRange(msgspec.Struct, frozen=True):
    """Remove the first `limit` keys from `start` on, before `stop`; b"" and None leave an end open."""

    database: str
    start: bytes
    stop: bytes | None
    limit: int

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ValueError(f"a range deletes at least one key, not {self.limit}")


Operation: TypeAlias = Put | Delete | DeleteRange


def weight(operation: Operation) -> int:
    """How many keys an operation may change."""
    return operation.limit if isinstance(operation, DeleteRange) else 1


def size(operation: Operation) -> int:
    """Bytes that an operation writes, more or less."""
    return len(operation.key) + len(operation.value) if isinstance(operation, Put) else 0


def _check_key(key: bytes) -> None:
    if not isinstance(key, bytes):
        raise TypeError(f"a key is bytes, not {type(key).__name__}")
    if not 1 <= len(key) <= MAX_KEY:
        raise ValueError(f"a key has 1 to {MAX_KEY} bytes, not {len(key)}")
