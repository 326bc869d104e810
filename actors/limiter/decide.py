"""The limiter's decisions: several limits at once, all or nothing. Pure; `now` is monotonic nanoseconds."""

from collections import deque
from collections.abc import Iterator

import msgspec

from callboard.actors.limiter.rate import Rate
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.limiting import Permit, Reserve

MINUTE = 60_000_000_000
GRACE = 60_000_000_000
"""How long after its deadline an unsettled permit is taken back."""
PRIORITIES = ("critical", "normal", "background")


class LimitSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one account. None: the provider sets none."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrency: int = 512
    """Requests in flight at once."""
    start_full: bool = True
    """Whether the first incarnation starts with whole buckets; later ones always start empty."""


class Waiting(msgspec.Struct, frozen=True):
    """One reservation that waits for room."""

    id: int
    wish: Reserve


class Block(msgspec.Struct, frozen=True):
    """Nothing before `until` (None: until an operator resets it). A quota is refused at once, a rate waited for."""

    until: int | None
    quota: bool
    why: str

    def over(self, now: int) -> bool:
        """Whether it has passed."""
        return self.until is not None and self.until <= now


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
        self._queues: dict[str, deque[Waiting]] = {priority: deque() for priority in PRIORITIES}
        self._held: dict[int, Held] = {}
        self._blocks: dict[str | None, Block] = {}
        self._next_permit = 1
        self.granted = 0
        self.denied = 0

    def reserve(self, asker: int, wish: Reserve, now: int) -> list[Settled]:
        """One more wants in. What it and others get at once; if it is not among them it waits."""
        fault = self._hopeless(wish, now)
        if fault is not None:
            self.denied += 1
            return [(asker, fault)]
        self._queues[wish.priority].append(Waiting(asker, wish))
        return self.grant(now)

    def settle(self, permit: Permit, tokens: int | None, now: int) -> list[Settled]:
        """A request has ended. What others get for it. Unknown permits and those of former lives are ignored."""
        held = self._held.pop(permit.id, None) if permit.incarnation == self._incarnation else None
        if held is not None:
            self._reconcile(held, tokens, now)
        return self.grant(now)

    def left(self, asker: int, now: int) -> list[Settled]:
        """Whoever waited under this id has gone. What others get for it."""
        for queue in self._queues.values():
            for waiting in queue:
                if waiting.id == asker:
                    queue.remove(waiting)
                    return self.grant(now)
        return []

    def block(self, model: str | None, block: Block, now: int) -> list[Settled]:
        """The provider said to stop. An earlier, longer block is never shortened."""
        known = self._blocks.get(model)
        if known is not None and (known.until is None or (block.until is not None and block.until <= known.until)):
            return []
        self._blocks[model] = block
        return list(self._deny_blocked(now))

    def unblock(self, now: int) -> list[Settled]:
        """An operator lifts every block."""
        self._blocks.clear()
        return self.grant(now)

    def grant(self, now: int) -> list[Settled]:
        """Everybody who can go now goes: by priority, first come first served within one."""
        self._expire(now)
        settled: list[Settled] = []
        for queue in self._queues.values():
            stuck = self._grant_from(queue, now, settled)
            if stuck:
                break
        return settled

    def wake_at(self, now: int) -> int | None:
        """When time alone will change something for those who wait; None when nobody waits."""
        if not any(self._queues.values()):
            return None
        heads = (self._first_unblocked(queue, now) for queue in self._queues.values())
        times = [self._earliest(waiting.wish, now) for waiting in heads if waiting is not None]
        times.extend(block.until for block in self._blocks.values())
        times.extend(held.expires for held in self._held.values() if self._full)
        later = [time for time in times if time is not None and time > now]
        return min(later, default=None)

    def facts(self, now: int) -> dict[str, object]:
        """For the status."""
        return {
            "in_flight": len(self._held),
            "waiting": sum(map(len, self._queues.values())),
            "granted": self.granted,
            "denied": self.denied,
            "blocked": {model or "account": block.why for model, block in self._blocks.items() if not block.over(now)},
        }

    @property
    def _full(self) -> bool:
        return len(self._held) >= self._spec.concurrency

    def _grant_from(self, queue: deque[Waiting], now: int, settled: list[Settled]) -> bool:
        """True when the account as a whole has no more room, so that nobody behind may overtake."""
        passed_over: list[Waiting] = []
        stuck = False
        while queue and not stuck:
            waiting = queue.popleft()
            if self._model_blocked(waiting.wish.model, now):
                passed_over.append(waiting)
            elif self._full or self._earliest(waiting.wish, now) != now:
                passed_over.append(waiting)
                stuck = True
            else:
                settled.append((waiting.id, self._permit(waiting.wish, now)))
        queue.extendleft(reversed(passed_over))
        return stuck

    def _permit(self, wish: Reserve, now: int) -> Permit:
        if self._requests is not None:
            self._requests.take(1, now)
        if self._tokens is not None:
            self._tokens.take(wish.tokens, now)
        permit = Permit(self._next_permit, self._incarnation)
        self._next_permit += 1
        self._held[permit.id] = Held(wish.tokens, wish.deadline + GRACE)
        self.granted += 1
        return permit

    def _reconcile(self, held: Held, tokens: int | None, now: int) -> None:
        if tokens is None and self._requests is not None:
            self._requests.give_back(1)
        if self._tokens is None:
            return
        difference = held.tokens - (tokens or 0)
        if difference > 0:
            self._tokens.give_back(difference)
        elif difference < 0:
            self._tokens.charge(-difference, now)

    def _expire(self, now: int) -> None:
        if not self._full:
            return
        for permit, held in list(self._held.items()):
            if held.expires <= now:
                del self._held[permit]

    def _earliest(self, wish: Reserve, now: int) -> int | None:
        """When the rates and the account's block let this one through; None: only an operator can tell."""
        times = [now]
        block = self._blocks.get(None)
        if block is not None and not block.over(now):
            if block.until is None:
                return None
            times.append(block.until)
        if self._requests is not None:
            times.append(self._requests.earliest(1, now))
        if self._tokens is not None:
            times.append(self._tokens.earliest(wish.tokens, now))
        return max(times)

    def _first_unblocked(self, queue: deque[Waiting], now: int) -> Waiting | None:
        return next((waiting for waiting in queue if not self._model_blocked(waiting.wish.model, now)), None)

    def _model_blocked(self, model: str, now: int) -> bool:
        block = self._blocks.get(model)
        if block is None:
            return False
        if block.over(now):
            del self._blocks[model]
            return False
        return True

    def _hopeless(self, wish: Reserve, now: int) -> Fault | None:
        """Why waiting would be in vain: a used-up quota, or no room before the deadline."""
        for block in (self._blocks.get(None), self._blocks.get(wish.model)):
            if block is not None and not block.over(now) and (block.quota or block.until is None):
                return _quota_fault(wish, block, now)
        model_block = self._blocks.get(wish.model)
        earliest = self._earliest(wish, now)
        if model_block is not None and model_block.until is not None and earliest is not None:
            earliest = max(earliest, model_block.until)
        if earliest is not None and earliest > wish.deadline:
            return Fault(
                kind=FaultKind.RATE_LIMITED,
                message="the account's rate limit leaves no room before the deadline",
                model=wish.model,
                retry_after=(earliest - now) / 1e9,
            )
        return None

    def _deny_blocked(self, now: int) -> Iterator[Settled]:
        for queue in self._queues.values():
            for waiting in list(queue):
                fault = self._hopeless(waiting.wish, now)
                if fault is not None:
                    queue.remove(waiting)
                    self.denied += 1
                    yield waiting.id, fault


def _rate(limit: int | None, now: int, *, full: bool) -> Rate | None:
    if limit is None:
        return None
    return Rate.full(limit, MINUTE) if full else Rate(limit, MINUTE, now)


def _quota_fault(wish: Reserve, block: Block, now: int) -> Fault:
    return Fault(
        kind=FaultKind.QUOTA_EXHAUSTED,
        message=f"the account takes no calls: {block.why}",
        model=wish.model,
        retry_after=None if block.until is None else (block.until - now) / 1e9,
    )
