"""What an attempt's end means for circuits and limiter: two tables and some functions."""

from collections.abc import Mapping

from callboard.messages.faults import Fault, FaultKind
from callboard.messages.limiting import Permit, SlowDown
from callboard.runtime.circuit.circuit import SUCCESS, Outcome
from callboard.runtime.clock import ns

ENDPOINT = "endpoint"
"""The key of the circuit that all models of an account share."""

_REACHED = {ENDPOINT: Outcome.SUCCESS}
_BROKEN_MODEL = {ENDPOINT: Outcome.SUCCESS, "model": Outcome.FAULT}

OUTCOMES: Mapping[FaultKind, Mapping[str, Outcome]] = {
    FaultKind.CONNECTION: {ENDPOINT: Outcome.FAULT},
    FaultKind.TIMED_OUT: {"model": Outcome.FAULT},
    FaultKind.SERVER: _BROKEN_MODEL,
    FaultKind.OVERLOADED: _BROKEN_MODEL,
    FaultKind.MALFORMED_REPLY: _BROKEN_MODEL,
    FaultKind.INTERRUPTED: _BROKEN_MODEL,
    FaultKind.RATE_LIMITED: _REACHED,
    FaultKind.QUOTA_EXHAUSTED: _REACHED,
    FaultKind.UNAUTHORIZED: _REACHED,
    FaultKind.FORBIDDEN: _REACHED,
    FaultKind.NOT_FOUND: _REACHED,
    FaultKind.INVALID_REQUEST: _REACHED,
    FaultKind.CONTEXT_TOO_LONG: _REACHED,
    FaultKind.CONTENT_BLOCKED: _REACHED,
    FaultKind.REJECTED: {},
    FaultKind.UNSUPPORTED: {},
    FaultKind.UNAVAILABLE: {},
    FaultKind.BUDGET: {},
    FaultKind.DEADLINE: {},
    FaultKind.INTERNAL: {},
}
"""What each fault says about the account's endpoint and about the model; what is not named says nothing."""

LIMIT_FAULTS = {FaultKind.RATE_LIMITED, FaultKind.QUOTA_EXHAUSTED}
PAYMENT_REQUIRED = 402


def model_key(model: str) -> str:
    """The key of one model's circuit."""
    return f"{ENDPOINT} {model}"


def outcomes(fault: Fault | None, model: str) -> dict[str, Outcome]:
    """What an attempt that ran to its end says, by circuit key."""
    if fault is None:
        return {ENDPOINT: SUCCESS, model_key(model): SUCCESS}
    if fault.kind is FaultKind.TIMED_OUT and fault.timeout == "connect":
        return {ENDPOINT: Outcome.FAULT}
    if fault.kind in LIMIT_FAULTS and fault.status is None:
        return {}  # our own limiter refused it: the provider was never asked
    named = OUTCOMES[fault.kind]
    return {ENDPOINT if key == ENDPOINT else model_key(model): outcome for key, outcome in named.items()}


def blocked_until(fault: Fault, now: int, utc: int) -> int | None:
    """The monotonic nanoseconds before which the provider wants to hear nothing; None: it does not say."""
    if fault.resets_at is not None:
        return now + max(0, fault.resets_at - utc)
    return None if fault.retry_after is None else now + ns(fault.retry_after)


def limited(fault: Fault, model: str) -> str | None:
    """Whose limit a fault is about: what is to be paid for (402) is the account's (None), the rest the model's."""
    return None if fault.status == PAYMENT_REQUIRED else model


def slow_down(fault: Fault, model: str, permit: Permit, now: int, utc: int) -> SlowDown | None:
    """What the limiter has to hear of the end of the request that had this permit: nothing unless it was a limit's."""
    if fault.kind not in LIMIT_FAULTS or fault.status is None:
        return None
    return SlowDown(
        model=limited(fault, model),
        until=blocked_until(fault, now, utc),
        quota=fault.kind is FaultKind.QUOTA_EXHAUSTED,
        why=fault.kind.value,
        permit=permit,
    )
