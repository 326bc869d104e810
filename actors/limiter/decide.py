"""The limiter's decisions: several limits at once, all or nothing. Pure; `now` is monotonic nanoseconds."""

import msgspec

from callboard.actors.limiter.blocks import Block, Blocks, Scope, quota_fault
from callboard.actors.limiter.line import Line, Waiting
from callboard.actors.limiter.rate import Rate
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.limiting import Hasten, Permit, Reserve

MINUTE = 60_000_000_000
HOLD = 60 * MINUTE
"""After so long a permit that nobody has settled is taken back. Longer than calls last: one underway keeps its own."""
PRIORITIES = ("critical", "normal", "background")


class LimitSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one account. None: the provider sets none."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrency: int = 512
    """Requests in flight at once."""
    start_full: bool = True
    """Whether the first incarnation starts with whole buckets; later ones always start empty."""


class Held(msgspec.Struct, frozen=True):
    """One permit given out."""

    tokens: int
    expires: int


Settled = tuple[int, Permit | Fault]
"""A reservation's id and what it gets."""


class Limiter:
    """All limits of one account, and who waits for them."""

    def __init__(self, spec: LimitSpec, incarnation: int, now: int) -> None:
        self._spec = spec
        self._incarnation = incarnation
        full = spec.start_full and incarnation == 1
        self._requests = _rate(spec.requests_per_minute, now, full=full)
        self._tokens = _rate(spec.tokens_per_minute, now, full=full)
        self._lines = {priority: Line() for priority in PRIORITIES}
        self._waiting: dict[int, Waiting] = {}
        self._held: dict[int, Held] = {}
        self._look_for_expired_at = now + HOLD
        self._blocks = Blocks()
        self._places = 0
        self.granted = 0
        self.denied = 0

    def reserve(self, asker: int, wish: Reserve, now: int) -> list[Settled]:
        """One more wants in. What it and others get at once; if it is not among them it waits."""
        fault = self._hopeless(wish, now)
        if fault is not None:
            self.denied += 1
            return [(asker, fault)]
        self._stand(asker, wish)
        return self.grant(now)

    def settle(self, permit: Permit, tokens: int | None, now: int) -> list[Settled]:
        """A request has ended. What others get for it. Unknown permits and those of former lives are ignored."""
        held = self._held.pop(permit.id, None) if permit.incarnation == self._incarnation else None
        if held is not None:
            self._reconcile(permit.id, held, tokens, now)
        return self.grant(now)

    def left(self, asker: int, now: int) -> list[Settled]:
        """Whoever waited under this id has gone. What others get for it."""
        if asker not in self._waiting:
            return []
        self._leave(asker)
        return self.grant(now)

    def hasten(self, wish: Hasten, now: int) -> list[Settled]:
        """One who waits has become more or less urgent. What it and others get for it."""
        found = [waiting for waiting in self._waiting.values() if waiting.wish.attempt == wish.attempt]
        for waiting in found:
            self._leave(waiting.id)
            self._stand(waiting.id, msgspec.structs.replace(waiting.wish, priority=wish.priority))
        return self.grant(now)

    def block(self, scope: Scope, block: Block, now: int) -> list[Settled]:
        """The provider said to stop. Those who wait in vain from now on are told so; others may get past them."""
        self._blocks.add(scope, block)
        struck = [waiting for waiting in self._waiting.values() if block.strikes(scope, waiting.wish)]
        return [*self._deny_hopeless(struck, now), *self.grant(now)]

    def unblock(self, now: int) -> list[Settled]:
        """An operator lifts every block."""
        self._blocks.clear()
        return self.grant(now)

    def grant(self, now: int) -> list[Settled]:
        """Everybody who can go now goes: by priority, first come first served within one; nobody overtakes."""
        self._expire(now)
        settled: list[Settled] = []
        while (waiting := self._next(now)) is not None and self._has_room(waiting.wish, now):
            self._leave(waiting.id)
            settled.append((waiting.id, self._permit(waiting.wish, now)))
        return settled

    def wake_at(self, now: int) -> int | None:
        """When time alone will change something for those who wait; None when nothing will."""
        if not self._waiting:
            return None
        times = [self._blocks.paused_until(model, now) for line in self._lines.values() for model in line.models]
        following = self._next(now)
        if following is not None:
            times.append(self._earliest(following.wish, now))
        if self._full:
            times.append(self._look_for_expired_at)
        return min((time for time in times if time > now), default=None)

    def facts(self, now: int) -> dict[str, object]:
        """For the status."""
        return {
            "in_flight": len(self._held),
            "waiting": len(self._waiting),
            "granted": self.granted,
            "denied": self.denied,
            "blocked": self._blocks.facts(now),
        }

    @property
    def _full(self) -> bool:
        return len(self._held) >= self._spec.concurrency

    def _next(self, now: int) -> Waiting | None:
        """Whose turn it is. Those of a paused model are passed over; nobody else is."""
        firsts = (line.first(lambda model: self._paused(model, now)) for line in self._lines.values())
        return next((first for first in firsts if first is not None), None)

    def _paused(self, model: str, now: int) -> bool:
        return self._blocks.paused_until(model, now) > now

    def _has_room(self, wish: Reserve, now: int) -> bool:
        return not self._full and self._earliest(wish, now) <= now

    def _stand(self, asker: int, wish: Reserve) -> None:
        self._places += 1
        waiting = self._waiting[asker] = Waiting(asker, wish, self._places)
        self._lines[wish.priority].add(waiting)

    def _leave(self, asker: int) -> None:
        waiting = self._waiting.pop(asker)
        self._lines[waiting.wish.priority].remove(waiting)

    def _permit(self, wish: Reserve, now: int) -> Permit:
        self.granted += 1
        permit = Permit(self.granted, self._incarnation)
        if self._requests is not None:
            self._requests.reserve(permit.id, 1, now)
        if self._tokens is not None:
            self._tokens.reserve(permit.id, wish.tokens, now)
        self._held[permit.id] = Held(wish.tokens, now + HOLD)
        return permit

    def _reconcile(self, permit: int, held: Held, tokens: int | None, now: int) -> None:
        if self._requests is not None:
            self._requests.settle(permit, 1, 0 if tokens is None else 1, now)
        if self._tokens is not None:
            self._tokens.settle(permit, held.tokens, tokens or 0, now)

    def _expire(self, now: int) -> None:
        if now < self._look_for_expired_at:
            return
        for permit, held in list(self._held.items()):
            if held.expires <= now:
                del self._held[permit]
                self._reconcile(permit, held, held.tokens, now)
        self._look_for_expired_at = min((held.expires for held in self._held.values()), default=now + HOLD)

    def _earliest(self, wish: Reserve, now: int) -> int:
        """When the rates and the account's pause let this one through."""
        times = [self._blocks.paused_until(None, now)]
        if self._requests is not None:
            times.append(self._requests.earliest(1, now))
        if self._tokens is not None:
            times.append(self._tokens.earliest(wish.tokens, now))
        return max(times)

    def _hopeless(self, wish: Reserve, now: int) -> Fault | None:
        """Why waiting would be in vain: a used-up quota, or no room before the deadline."""
        quota = self._blocks.quota(wish.model, now)
        if quota is not None:
            return quota_fault(quota, wish.model, now)
        earliest = max(self._earliest(wish, now), self._blocks.paused_until(wish.model, now))
        if earliest <= now or earliest < wish.deadline:
            return None
        return Fault(
            kind=FaultKind.RATE_LIMITED,
            message="the account's rate limit leaves no room before the deadline",
            model=wish.model,
            retry_after=(earliest - now) / 1e9,
        )

    def _deny_hopeless(self, struck: list[Waiting], now: int) -> list[Settled]:
        denied: list[Settled] = []
        for waiting in struck:
            fault = self._hopeless(waiting.wish, now)
            if fault is not None:
                self._leave(waiting.id)
                denied.append((waiting.id, fault))
        self.denied += len(denied)
        return denied


def _rate(limit: int | None, now: int, *, full: bool) -> Rate | None:
    if limit is None:
        return None
    return Rate.full(limit, MINUTE) if full else Rate(limit, MINUTE, now)
