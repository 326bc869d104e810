"""What the ledger keeps of a call, for what reads or writes such records: one that went well, changed as told."""

from typing import Any

import msgspec

from callboard.messages.accounting import AttemptSettled, CallEnded
from callboard.messages.usage import Usage

ATTEMPT = AttemptSettled(
    id="a-1",
    call="a",
    provider="p",
    model="m",
    at=0,
    outcome="ok",
    fault=None,
    usage=Usage(),
    cost=None,
    estimated=False,
    duration=0,
)
CALL = CallEnded(
    id="a",
    at=0,
    outcome="ok",
    fault=None,
    provider="p",
    model="m",
    asked="m",
    stream=False,
    cached=False,
    shared=False,
    attempts=1,
    usage=Usage(),
    cost=None,
    estimated=False,
    duration=0,
)


def settled(**members: Any) -> AttemptSettled:
    """An attempt's record with these members."""
    return msgspec.structs.replace(ATTEMPT, **members)


def ended(**members: Any) -> CallEnded:
    """A call's record with these members."""
    return msgspec.structs.replace(CALL, **members)
