"""Everything that callboard raises to its users.

CallboardError
├─ ConfigError            yours: the configuration, or a credential that is missing or refused
├─ StoreError             the store cannot be used
│  └─ StoreOwned          another process is using it
├─ InvalidRequest         yours: the request makes no sense; nothing was sent
├─ RuntimeStopped         the runtime is not running (any more)
└─ CallError              the call ended without a reply: see `fault` and `attempts`
   ├─ DeadlineExceeded    its time ran out
   ├─ Unavailable         no provider takes calls now: see `retry_after`
   └─ Interrupted         a stream broke after it had begun: see `partial`
"""

from callboard.messages.calls import Failure
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.reply import Answer, AttemptRecord

STOPPED = "the runtime has stopped; a board is used inside its block, `async with callboard.open(...) as board`"


class CallboardError(Exception):
    """The base of all that callboard raises."""


class ConfigError(CallboardError):
    """The configuration is wrong: the sentence names the file, the key and what was expected."""


class StoreError(CallboardError):
    """The store cannot be opened or read. The sentence says what to do; nothing was changed."""


class StoreOwned(StoreError):
    """Another process is using the store; the sentence says which."""


class InvalidRequest(CallboardError, ValueError):
    """The request makes no sense: the sentence names the field. Nothing was sent."""


class RuntimeStopped(CallboardError):
    """The runtime has stopped or given up; the cause says why."""


class CallError(CallboardError):
    """The call ended without a reply. `fault.kind` says which fault, `attempts` tells the whole story."""

    def __init__(self, failure: Failure) -> None:
        made = sum(attempt.outcome != "skipped" for attempt in failure.attempts)
        call = f" [call {failure.id}, {made} attempt{'' if made == 1 else 's'}]" if failure.id else ""
        super().__init__(f"{failure.fault}{call}")
        self.id = failure.id
        """In the ledger; empty where it was no call, but a question about a server's models."""
        self.fault: Fault = failure.fault
        self.attempts: tuple[AttemptRecord, ...] = failure.attempts


class DeadlineExceeded(CallError, TimeoutError):
    """The call's time ran out. No provider is blamed for that."""


class Unavailable(CallError):
    """No provider takes calls now. `retry_after`: seconds until one may; None when only an operator can tell."""

    @property
    def retry_after(self) -> float | None:
        """Seconds."""
        return self.fault.retry_after


class Interrupted(CallError):
    """A stream broke after its first piece. `partial` is what had come, with a Reply's `text`, `tool_calls` and
    `message`; it was not repeated by another provider.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.partial: Answer | None = failure.partial


def error_of(failure: Failure) -> CallError:
    """The exception for a failure, with its cause where that is known."""
    error = _kind_of(failure)(failure)
    error.__cause__ = None if failure.cause is None else failure.cause.take()
    return error


def _kind_of(failure: Failure) -> type[CallError]:
    match failure.fault.kind:
        case FaultKind.DEADLINE:
            return DeadlineExceeded
        case FaultKind.UNAVAILABLE:
            return Unavailable
        case FaultKind.INTERRUPTED if failure.partial is not None:
            return Interrupted
        case _:
            return CallError


__all__ = [
    "CallError",
    "CallboardError",
    "ConfigError",
    "DeadlineExceeded",
    "Interrupted",
    "InvalidRequest",
    "RuntimeStopped",
    "StoreError",
    "StoreOwned",
    "Unavailable",
    "error_of",
]
