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
    since: int
    """When it was told the last time."""

    def over(self, now: int) -> bool:
        """Whether its time has passed."""
        return self.until is not None and self.until <= now

    def outdone_by(self, other: "Restriction") -> bool:
        """Whether the other says more: a quota says more than a limit, a later end more than an earlier one."""
        if self.quota != other.quota:
            return other.quota
        return self.until is not None and (other.until is None or other.until > self.until)


class Standing:
    """All that hold for one account. `held` is what held before, in a former life."""

    def __init__(self, held: Mapping[Scope, Restriction]) -> None:
        self._by_scope = dict(held)

    def restrict(self, scope: Scope, restriction: Restriction, now: int) -> bool:
        """One more was told. Whether an episode begins with it: nothing of its kind held before."""
        known = self._by_scope.get(scope)
        begins = known is None or known.over(now) or (restriction.quota and not known.quota)
        if begins or (known is not None and known.outdone_by(restriction)):
            if known is None:
                self._make_room(now)
            self._by_scope[scope] = restriction
        elif known is not None and known.quota == restriction.quota:
            self._by_scope[scope] = msgspec.structs.replace(known, since=restriction.since)
        return begins

    def succeeded(self, model: str, began: int) -> bool:
        """A call got through: what was told before it began, of its model and of the account, is over. Whether
        anything was. What was told since holds: the call was underway when others were refused.
        """
        ended = [scope for scope in (model, None) if (one := self._by_scope.get(scope)) and one.since <= began]
        for scope in ended:
            del self._by_scope[scope]
        return bool(ended)

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
