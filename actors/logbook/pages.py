"""The logbook on disk. Pure but for reading.

Database `log` maps the moment and the call's id to a record, oldest first; `log_calls` maps the id to that key.
"""

import math
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from callboard.actors.logbook.redact import KINDS, Kind
from callboard.messages.accounting import Erase
from callboard.messages.calls import Failure
from callboard.messages.logbook import LogCall, LogRecord
from callboard.messages.settings import numbers
from callboard.messages.storing import Operation, StoreDelete, StorePut

LOG, CALLS = "log", "log_calls"
LONGEST = 262_144
"""Characters of a request or a reply; what is longer is cut."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(LogRecord)
_NOT_SAID = ("attempts", "usage", "cost", "raw", "metadata", "cache_key")
"""Members of a reply that the ledger keeps, or nobody said."""


class LogSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether requests and replies are kept, and how."""

    requests: bool = False
    redact: tuple[Kind, ...] = KINDS
    """What is taken out before anything is written."""
    keep_days: float = 30.0

    def __post_init__(self) -> None:
        numbers(self)
        if not 0 < self.keep_days < math.inf:
            raise ValueError("`keep_days` is a number of days above 0")


class Reading(Protocol):
    """The ledger's environment, read-only. Values come with their checksums verified, or not at all."""

    def get(self, database: str, key: bytes) -> bytes | None:
        """The value, or None."""
        ...

    def page(self, database: str, limit: int, after: bytes) -> list[tuple[bytes, bytes | None]]:
        """The first keys and values after this key; None for a value that cannot be read."""
        ...


def record(said: LogCall, redact: Callable[[Any], Any]) -> LogRecord:
    """What is kept of a call."""
    failure = said.outcome if isinstance(said.outcome, Failure) else None
    answer = said.outcome.partial if isinstance(said.outcome, Failure) else said.outcome
    return LogRecord(
        call=said.call,
        at=said.at,
        user=said.request.user,
        tag=said.request.tag,
        request=_told(said.request, redact),
        reply=None if answer is None else _told(answer, redact),
        fault=None if failure is None else str(redact(str(failure.fault))),
    )


def _told(said: msgspec.Struct, redact: Callable[[Any], Any]) -> str:
    plain = msgspec.to_builtins(said, enc_hook=lambda value: type(value).__name__)
    for name in _NOT_SAID:
        plain.pop(name, None)
    text = msgspec.json.encode(redact(plain)).decode()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def put(one: LogRecord) -> tuple[StorePut, StorePut]:
    """The operations that write a record, and where it is."""
    key = place(one.at, one.call)
    return StorePut(LOG, key, _encoder.encode(one)), StorePut(CALLS, one.call.encode(), key)


def drop(key: bytes) -> tuple[Operation, ...]:
    """The operations that delete a record."""
    return StoreDelete(LOG, key), StoreDelete(CALLS, key[8:])


def place(at: int, call: str) -> bytes:
    """A record's key."""
    return at.to_bytes(8, "big") + call.encode()


def find(reading: Reading, call: str) -> LogRecord | None:
    """The record of a call; None when there is none, or it cannot be read."""
    key = reading.get(CALLS, call.encode())
    return None if key is None else decode(reading.get(LOG, key))


def decode(blob: bytes | None) -> LogRecord | None:
    """A record, unless it cannot be read."""
    try:
        return None if blob is None else _decoder.decode(blob)
    except (msgspec.MsgspecError, ValueError):
        return None


def aged(keys: list[bytes], before: int) -> list[bytes]:
    """Those that are older than a moment (UTC nanoseconds)."""
    return [key for key in keys if int.from_bytes(key[:8], "big") < before]


def chosen(erase: Erase, one: LogRecord) -> bool:
    """Whether a record has everything that is named."""
    return (
        (erase.user is None or one.user == erase.user)
        and (erase.call is None or erase.call == one.call)
        and (erase.before is None or one.at < erase.before)
    )
