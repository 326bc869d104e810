"""The provider's own time limits for one attempt, each with a name that its fault tells."""

import math

import msgspec
import trio

from callboard.messages.faults import Fault, FaultKind


class Timeouts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds. Running into one of them is the provider's fault; the caller's own deadline is not among them."""

    connect: float = 10.0
    first_byte: float = 60.0
    between_bytes: float = 60.0
    first_token: float = 60.0
    """Of a stream: until the first text, thinking or tool call, whatever else has come."""
    between_tokens: float = 60.0
    permit: float = 30.0
    """Waiting for the account's limits to leave room; the one among them that no provider is blamed for."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"`{name}` is a number of seconds above 0")


class Alarm:
    """One cancel scope for one attempt; its deadline moves from limit to limit, and an operator may cut it."""

    def __init__(self) -> None:
        self.scope = trio.CancelScope()
        self._name = ""
        self._seconds = math.inf
        self._cut = False

    def set(self, name: str, seconds: float) -> None:
        """From now on this limit holds."""
        self._name, self._seconds = name, seconds
        self.scope.deadline = trio.current_time() + seconds

    def pause(self) -> None:
        """No limit holds: it is not the provider that is waited for."""
        self.scope.deadline = math.inf

    def cut(self) -> None:
        """End the attempt at once, by an operator's wish."""
        self._cut = True
        self.scope.cancel()

    def fault(self) -> Fault | None:
        """What ended the block under `scope`; None when it ended by itself."""
        if not self.scope.cancelled_caught:
            return None
        if self._cut:
            return Fault(kind=FaultKind.UNAVAILABLE, message="an operator cut the attempts in flight")
        return timed_out(self._name, self._seconds)


def timed_out(name: str, seconds: float) -> Fault:
    """The provider took longer than the configured limit of this name."""
    return Fault(kind=FaultKind.TIMED_OUT, timeout=name, message=f"no {name} within {seconds:g} s")
