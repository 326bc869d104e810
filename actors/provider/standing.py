"""What the provider has told the account not to do, and until when: for the whole account (None) or one model. Pure.

The limiter acts on it; here it is kept for whoever asks how the account fares. Times are monotonic nanoseconds.
"""

from collections.abc import Mapping

import msgspec

from callboard.runtime.clock import NEVER

Scope = str | None
MODELS = 512
"""Models of which a restriction is kept at most: callers may name any."""


class Restriction(msgspec.Struct, frozen=True, kw_only=True):
    """A rate limit that was run into, or a quota that is used up. `until` None: until a call succeeds again."""

    quota: bool
    until: int | None
    why: str

    def over(self, now: int) -> bool:
        """Whether its time has passed."""
        return self.until is not None and self.until <= now

    def outdone_by(self, other: "Restriction") -> bool:
        """Whether the other says more: a quota says more than a limit, a later end more than an earlier one."""
        if self.quota != other.quota:
            return other.quota
        return self.until is not None and (other.until is None or other.until > self.until)


class Standing:
    """All that hold for one account."""

    def __init__(self) -> None:
        self._by_scope: dict[Scope, Restriction] = {}

    def restrict(self, scope: Scope, restriction: Restriction, now: int) -> bool:
        """One more was told. Whether an episode begins with it: nothing of its kind held before."""
        known = self._by_scope.get(scope)
        begins = known is None or known.over(now) or (restriction.quota and not known.quota)
        if begins or (known is not None and known.outdone_by(restriction)):
            if known is None:
                self._make_room(now)
            self._by_scope[scope] = restriction
        return begins

    def succeeded(self, model: str) -> bool:
        """A call got through: what held for its model and for the account is over. Whether anything was."""
        before = len(self._by_scope)
        self._by_scope.pop(model, None)
        self._by_scope.pop(None, None)
        return len(self._by_scope) < before

    def clear(self) -> None:
        """An operator lifts all."""
        self._by_scope.clear()

    def __bool__(self) -> bool:
        return bool(self._by_scope)

    def _make_room(self, now: int) -> None:
        """What is over goes, and with too many models the one whose restriction ends first; the account's stays."""
        held = self._by_scope = {scope: one for scope, one in self._by_scope.items() if not one.over(now)}
        models = [scope for scope in held if scope is not None]
        if len(models) >= MODELS:
            del held[min(models, key=lambda model: NEVER if (until := held[model].until) is None else until)]

    def view(self) -> Mapping[Scope, Restriction]:
        """As it is now, for others to read."""
        return dict(self._by_scope)
