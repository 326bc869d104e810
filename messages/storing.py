"""What is said to the store, and by it."""

import msgspec

from callboard.messages.base import Ask, Tell

VERSION = 1
"""Of the records that are written now. To be raised when an older callboard would misread one: it refuses the store."""


class StorePut(msgspec.Struct, frozen=True, gc=False):
    """Write one value under one key of a named database."""

    database: str
    key: bytes
    value: bytes
    version: int = VERSION


class StoreDelete(msgspec.Struct, frozen=True, gc=False):
    """Delete one key; absent is fine."""

    database: str
    key: bytes


Operation = StorePut | StoreDelete


class Commit(Ask[None], frozen=True):
    """Write these in one transaction of the ledger's environment; answered when they are on disk."""

    operations: tuple[Operation, ...]
    share: float = 1.0
    """Refused when with these the file held more than this share of what it may hold."""


class CacheCommit(Ask[None], frozen=True):
    """Write these in one transaction of the cache's environment; answered when they are written, with all before."""

    operations: tuple[Operation, ...]


class CacheWrite(Tell, frozen=True):
    """Write these to the cache's environment some time soon; may be lost."""

    operations: tuple[Operation, ...]
