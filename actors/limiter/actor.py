"""The limiter: one actor for each provider account. Reservations that must wait are parked, not polled."""

from collections import deque

import trio

from callboard.actors.limiter.blocks import Block
from callboard.actors.limiter.decide import Limiter, LimitSpec, Settled
from callboard.messages.base import Tell
from callboard.messages.limiting import Hasten, Permit, Reserve, Settle, SlowDown, Unblock
from callboard.messages.signals import Left
from callboard.runtime.actor import LATER, Actor
from callboard.runtime.envelope import Envelope, Message


class RoomMayBe(Tell, frozen=True):
    """The limiter's own alarm: time has passed that somebody waited for."""


class LimiterView:
    """What the limiter publishes."""

    def __init__(self, limiter: Limiter, actor: "LimiterActor") -> None:
        self._limiter = limiter
        self._actor = actor

    def facts(self) -> dict[str, object]:
        """For the status."""
        return self._limiter.facts(self._actor.last_seen)


class LimiterActor(Actor):
    """Carries out what `decide` says."""

    def __init__(self, spec: LimitSpec) -> None:
        self._spec = spec
        self._parked: dict[int, Envelope] = {}
        self._alarm: trio.CancelScope | None = None
        self._alarm_at: int | None = None
        self._limiter: Limiter
        self.last_seen = 0

    async def start(self) -> None:
        """Empty buckets, except in the first life."""
        self.last_seen = self.me.now()
        self._limiter = Limiter(self._spec, self.me.incarnation, self.last_seen)
        self.me.publish(LimiterView(self._limiter, self))

    def receive(self, message: Message, envelope: Envelope) -> object:
        """Decide, settle whoever got something, and set the alarm for the others."""
        now = self.last_seen = self.me.now()
        match message:
            case Reserve():
                return self._reserve(message, envelope, now)
            case Settle():
                self._settle(self._limiter.settle(message.permit, message.tokens, now), now)
            case Hasten():
                self._settle(self._limiter.hasten(message, now), now)
            case SlowDown():
                block = Block(message.until, message.quota or message.until is None, message.why)
                self._settle(self._limiter.block(message.model, block, now), now)
            case Left():
                self._parked.pop(message.envelope, None)
                self._settle(self._limiter.left(message.envelope, now), now)
            case RoomMayBe():
                self._alarm_at = None
                self._settle(self._limiter.grant(now), now)
            case Unblock():
                self._settle(self._limiter.unblock(now), now)
            case _:
                raise TypeError(f"a limiter receives no {type(message).__name__}")
        return None

    def _reserve(self, wish: Reserve, envelope: Envelope, now: int) -> object:
        self._parked[envelope.id] = envelope
        self._settle(self._limiter.reserve(envelope.id, wish, now), now)
        return LATER

    def _settle(self, settled: list[Settled], now: int) -> None:
        """Hand out what was decided. A permit whose asker has just left goes to the next one."""
        outcomes = deque(settled)
        while outcomes:
            asker, what = outcomes.popleft()
            envelope = self._parked.pop(asker, None)
            taken = envelope is not None and envelope.reply(what)
            if isinstance(what, Permit) and not taken:
                outcomes.extend(self._limiter.settle(what, None, now))
        self._set_alarm(now)

    def _set_alarm(self, now: int) -> None:
        wake_at = self._limiter.wake_at(now) if self._parked else None
        if wake_at == self._alarm_at:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = wake_at
        self._alarm = None if wake_at is None else self.me.at(wake_at, RoomMayBe())
