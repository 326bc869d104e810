"""The limiter's decisions: several limits at once, all or nothing. Pure; `now` is monotonic nanoseconds.

What is a model's own (its windows, its pause, its pace) holds up only those who ask for it: the others pass. What is
the account's holds up all, and nobody overtakes.
"""

from callboard.actors.limiter.blocks import Block, Blocks
from callboard.actors.limiter.gate import Gate
from callboard.actors.limiter.held import Held, Permits
from callboard.actors.limiter.learning import learn
from callboard.actors.limiter.limits import Limits, LimitSpec
from callboard.actors.limiter.line import Line
from callboard.actors.limiter.queue import Waiting
from callboard.actors.limiter.window import Charge
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.limiting import Hasten, Permit, Reserve, Settle, SlowDown
from callboard.runtime.clock import NEVER

MODELS = 1_000
"""So many models are remembered besides those that are in use."""
NO_LIMITS = Limits()

Settled = tuple[int, Permit | Fault]
"""A reservation's id and what it gets."""


class Limiter:
    """All limits of one account, and who waits for them."""

    def __init__(self, spec: LimitSpec, incarnation: int, account: str = "NAME") -> None:
        self._spec = spec
        self._incarnation = incarnation
        self._account = Gate(spec, spec.concurrency)
        self._models: dict[str, Gate] = {name: Gate(one, spec.concurrency) for name, one in spec.models.items()}
        self._line = Line(spec.ageing)
        self._out = Permits()
        self._blocks = Blocks(account)
        self._quiet_until = 0
        """Before this nobody who waits can go: each waits for its own model, and no news of those models has come."""
        self.granted = 0
        self.denied = 0

    def gates(self) -> dict[str | None, Gate]:
        """The account's (None) and those of the models with limits of their own: to begin with what was used."""
        gates: dict[str | None, Gate] = {None: self._account}
        gates.update(self._models)
        return gates

    def at_once(self, wish: Reserve, now: int) -> Permit | None:
        """A permit when it overtakes nobody and nothing is in the way. None: `reserve` says what becomes of it."""
        if self._may_matter(wish.model, now) or (self._blocks and self._blocks.bars(wish.model, now)):
            return None
        model = self._models.get(wish.model) or self._model(wish.model)
        if not (model.has_room(wish.tokens, now) and self._account.has_room(wish.tokens, now)):
            return None
        return self._permit(wish, model, now)

    def reserve(self, asker: int, wish: Reserve, now: int) -> list[Settled]:
        """One more wants in. What it and others get at once; if it is not among them it waits."""
        latest = wish.deadline if wish.room_by is None else min(wish.room_by, wish.deadline)
        fault = self._hopeless(wish, now, latest)
        if fault is not None:
            self.denied += 1
            return [(asker, fault)]
        self._line.add(asker, self._line.hastened(wish), now)
        return self.grant(now)

    def settle(self, message: Settle, now: int) -> list[Settled]:
        """A request has ended. What others get for it. Unknown permits and those of former lives are ignored."""
        permit = message.permit
        held = self._out.take_back(permit.id) if permit.incarnation == self._incarnation else None
        if held is None:
            return []
        self._reconcile(held, message.tokens, now)
        if message.limits is not None:
            learn(self._account, held.model, self._spec.models.get(held.name), message, now)
        return self.grant(now) if self._may_matter(held.name, now) else []

    def left(self, asker: int, now: int) -> list[Settled]:
        """Whoever waited under this id has gone. What others get for it."""
        return [] if self._line.remove(asker) is None else self.grant(now)

    def hasten(self, wish: Hasten, now: int) -> list[Settled]:
        """One who waits may have become more or less urgent. What it and others get for it."""
        return self.grant(now) if self._line.hasten(wish.attempt, wish.priority) else []

    def slow_down(self, message: SlowDown, now: int) -> list[Settled]:
        """The provider refused. Those who wait in vain from now on are told so; others may get past them."""
        if not message.quota:
            self._slow(message, now)
        if message.until is None and not message.quota:
            return []
        block = Block(message.until, message.quota, message.why)
        if not self._blocks.add(message.model, block, now):
            return []
        struck = [waiting for waiting in self._line.of(message.model) if block.strikes(message.model, waiting.wish)]
        return [*self._deny_hopeless(struck, now), *self.grant(now)]

    def unblock(self, now: int) -> list[Settled]:
        """An operator lifts every block."""
        self._blocks.clear()
        return self.grant(now)

    def grant(self, now: int) -> list[Settled]:
        """Everybody who can go now goes, in the line's order."""
        for held in self._out.expired(now):
            self._reconcile(held, held.tokens, now)
        settled: list[Settled] = []
        while (first := self._next(now)) is not None and self._open(first.wish, now):
            self._line.remove(first.id)
            settled.append((first.id, self._permit(first.wish, self._models[first.wish.model], now)))
        self._quiet_until = self._models_change_at(now) if first is None else 0
        return settled

    def wake_at(self, now: int) -> int | None:
        """When time alone will change something for those who wait; None when nothing will."""
        if not self._line:
            return None
        wake_at = self._quiet_until
        if now >= wake_at:
            wake_at = self._models_change_at(now)
            following = self._next(now)
            if following is not None:
                wake_at = min(wake_at, self._account_changes_at(following.wish, now))
        return None if wake_at == NEVER else wake_at

    def _may_matter(self, model: str, now: int) -> bool:
        """Whether what happens to this model may concern anybody who waits."""
        return bool(self._line) and (now >= self._quiet_until or self._line.waits_for(model))

    def _models_change_at(self, now: int) -> int:
        """When time alone may open a model that is waited for, or a permit is taken back."""
        soonest = self._out.expires_at()
        for first in self._line.firsts():
            model, tokens = self._model(first.wish.model), first.wish.tokens
            paused = self._blocks.paused_until(first.wish.model, now)
            if paused > now:
                soonest = min(soonest, paused)
            elif not model.has_room(tokens, now):
                soonest = min(soonest, model.changes_at(tokens, now))
        return soonest

    def _account_changes_at(self, wish: Reserve, now: int) -> int:
        paused = self._blocks.paused_until(None, now)
        return paused if paused > now else self._account.changes_at(wish.tokens, now)

    def facts(self, now: int) -> dict[str, object]:
        """For the status. Changes nothing."""
        models = {name: facts for name, gate in list(self._models.items()) if (facts := gate.facts(now))}
        return {
            "in_flight": len(self._out),
            "waiting": len(self._line),
            "granted": self.granted,
            "denied": self.denied,
            "blocked": self._blocks.facts(now),
            "limits": self._account.facts(now),
            "models": models,
        }

    def _model(self, name: str) -> Gate:
        gate = self._models.get(name)
        if gate is None:
            if len(self._models) >= MODELS + len(self._spec.models):
                self._forget_models()
            gate = self._models[name] = Gate(NO_LIMITS, self._spec.concurrency)
        return gate

    def _forget_models(self) -> None:
        """Those that nobody uses: whatever was learned of them can be learned again."""
        waited_for = {first.wish.model for first in self._line.firsts()}
        for name, gate in list(self._models.items()):
            if name not in self._spec.models and name not in waited_for and not gate.in_flight:
                del self._models[name]

    def _next(self, now: int) -> Waiting | None:
        """Whose turn it is. Those whose model is not open now are passed over; nobody else is."""
        best: Waiting | None = None
        for first in self._line.firsts():
            if (best is None or first.place < best.place) and self._model_open(first.wish, now):
                best = first
        return best

    def _model_open(self, wish: Reserve, now: int) -> bool:
        if self._blocks and self._blocks.paused_until(wish.model, now) > now:
            return False
        return self._model(wish.model).has_room(wish.tokens, now)

    def _open(self, wish: Reserve, now: int) -> bool:
        if self._blocks and self._blocks.paused_until(None, now) > now:
            return False
        return self._account.has_room(wish.tokens, now)

    def _permit(self, wish: Reserve, model: Gate, now: int) -> Permit:
        self.granted += 1
        charges: list[Charge] = []
        model.enter(wish.tokens, now, charges)
        self._account.enter(wish.tokens, now, charges)
        held = Held(wish.model, model, wish.tokens, now, tuple(charges))
        return Permit(self._out.add(held), self._incarnation)

    def _reconcile(self, held: Held, tokens: int | None, now: int) -> None:
        """What was reserved and not used goes back; None: nothing was sent."""
        self._account.in_flight -= 1
        held.model.in_flight -= 1
        unused = held.tokens - (tokens or 0)
        for charge in held.charges:
            window = charge.window
            if not window.tokens:
                if tokens is None:
                    window.give_back(charge, 1)
            elif unused > 0:
                window.give_back(charge, unused)
            elif unused < 0:
                window.take(-unused, now)

    def _slow(self, message: SlowDown, now: int) -> None:
        permit = message.permit
        held = None if permit is None or permit.incarnation != self._incarnation else self._out.get(permit.id)
        granted_at = now if held is None else held.at
        gate = self._account if message.model is None else self._model(message.model)
        if self._account.by_the_minute and not gate.by_the_minute:
            gate = self._account  # then it is the account's windows that are too generous
        gate.slow(now, granted_at)

    def _earliest(self, wish: Reserve, now: int) -> int | None:
        """When windows and pauses let this one through, whoever else waits; None: never, it is too large."""
        own = self._model(wish.model).earliest(wish.tokens, now)
        shared = self._account.earliest(wish.tokens, now)
        if own is None or shared is None:
            return None
        if not self._blocks:
            return max(own, shared)
        return max(own, shared, self._blocks.paused_until(None, now), self._blocks.paused_until(wish.model, now))

    def _hopeless(self, wish: Reserve, now: int, latest: int) -> Fault | None:
        """Why waiting would be in vain: a used-up quota, too large a request, no room before `latest`."""
        refusal = self._blocks.refusal(wish.model, now)
        if refusal is not None:
            return refusal
        earliest = self._earliest(wish, now)
        if earliest is None:
            return self._too_large(wish)
        if earliest <= now or earliest < latest:
            return None
        wait = (earliest - now) / 1e9
        return Fault(
            kind=FaultKind.RATE_LIMITED,
            message=f"the account's rate limit leaves no room before the deadline; it has some in {wait:.1f} s",
            model=wish.model,
            retry_after=wait,
        )

    def _too_large(self, wish: Reserve) -> Fault:
        name, limit = self._model(wish.model).too_small(wish.tokens) or self._account.too_small(wish.tokens) or ("", 0)
        return Fault(
            kind=FaultKind.UNSUPPORTED,
            message=(
                f"it may take {wish.tokens} tokens, which {name} = {limit} will never let through: "
                "shorten it, bound its output, or raise the limit"
            ),
            model=wish.model,
        )

    def _deny_hopeless(self, struck: list[Waiting], now: int) -> list[Settled]:
        denied: list[Settled] = []
        for waiting in struck:
            fault = self._hopeless(waiting.wish, now, waiting.wish.deadline)
            if fault is not None:
                self._line.remove(waiting.id)
                denied.append((waiting.id, fault))
        self.denied += len(denied)
        return denied
