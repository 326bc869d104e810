"""The limiter: one actor for each provider account. Reservations that must wait are parked, not polled."""

from collections import deque
from collections.abc import Callable, Iterable

import trio

from callboard.actors.limiter.decide import Limiter, Settled
from callboard.actors.limiter.limits import LimitSpec
from callboard.actors.limiter.seed import seed
from callboard.messages.accounting import UsageRow
from callboard.messages.base import Tell
from callboard.messages.limiting import Hasten, Permit, Reserve, Settle, SlowDown, Unblock
from callboard.messages.signals import Left
from callboard.runtime.actor import LATER, Actor
from callboard.runtime.calendar import Calendar
from callboard.runtime.clock import ns
from callboard.runtime.envelope import Envelope, Message


class RoomMayBe(Tell, frozen=True):
    """The limiter's own alarm: time has passed that somebody waited for."""

    at: int
    """When it was to ring, in monotonic nanoseconds."""


class LimiterView:
    """What the limiter publishes. `seconds` is Trio's clock, which can be read from any thread."""

    def __init__(self, limiter: Limiter, seconds: Callable[[], float]) -> None:
        self._limiter = limiter
        self._seconds = seconds

    def facts(self) -> dict[str, object]:
        """For the status."""
        return self._limiter.facts(ns(self._seconds()))


class LimiterActor(Actor):
    """Carries out what `decide` says. `rows` gives what the ledger knows of this account's attempts, those underway as
    well, by the days of `calendar`; None: nobody knows.
    """

    def __init__(
        self,
        spec: LimitSpec,
        rows: Callable[[], Iterable[UsageRow]] | None = None,
        calendar: Calendar | None = None,
    ) -> None:
        self._spec = spec
        self._rows = rows
        self._calendar = calendar or Calendar()
        self._parked: dict[int, Envelope] = {}
        self._alarm: trio.CancelScope | None = None
        self._alarm_at: int | None = None
        self._limiter: Limiter

    async def start(self) -> None:
        """Begin with what was used: nothing of this minute in the first life, what the ledger knows of this day."""
        now = self.me.now()
        self._limiter = Limiter(self._spec, self.me.incarnation, self.me.ref.path.rpartition("/")[2])
        rows = None if self._rows is None else self._rows()
        full = self._spec.start_full and self.me.incarnation == 1
        seed(self._limiter.gates(), rows, now, self.me.utc(), self._calendar, full=full)
        self.me.publish(LimiterView(self._limiter, trio.lowlevel.current_clock().current_time))

    def receive(self, message: Message, envelope: Envelope) -> object:
        """Decide, settle whoever got something, and set the alarm for the others."""
        now = self.me.now()
        match message:
            case Reserve():
                return self._limiter.at_once(message, now) or self._park(message, envelope, now)
            case Settle():
                self._settle(self._limiter.settle(message, now), now)
            case Hasten():
                self._settle(self._limiter.hasten(message, now), now)
            case SlowDown():
                self._settle(self._limiter.slow_down(message, now), now)
            case Left():
                self._parked.pop(message.envelope, None)
                self._settle(self._limiter.left(message.envelope, now), now)
            case RoomMayBe():
                if message.at == self._alarm_at:
                    self._alarm_at = None
                self._settle(self._limiter.grant(now), now)
            case Unblock():
                self._settle(self._limiter.unblock(now), now)
            case _:
                raise TypeError(f"a limiter receives no {type(message).__name__}")
        return None

    def _park(self, wish: Reserve, envelope: Envelope, now: int) -> object:
        self._parked[envelope.id] = envelope
        self._settle(self._limiter.reserve(envelope.id, wish, now), now)
        return LATER

    def _settle(self, settled: list[Settled], now: int) -> None:
        """Hand out what was decided. A permit whose asker has just left goes to the next one."""
        if settled:
            self._hand_out(settled, now)
        if self._parked or self._alarm_at is not None:
            self._set_alarm(now)

    def _hand_out(self, settled: list[Settled], now: int) -> None:
        outcomes = deque(settled)
        while outcomes:
            asker, what = outcomes.popleft()
            envelope = self._parked.pop(asker, None)
            taken = envelope is not None and envelope.reply(what)
            if isinstance(what, Permit) and not taken:
                outcomes.extend(self._limiter.settle(Settle(what, None), now))

    def _set_alarm(self, now: int) -> None:
        """An alarm that rings too early is kept: when it rings, the next one is set."""
        wake_at = self._limiter.wake_at(now) if self._parked else None
        if wake_at is not None and self._alarm_at is not None and self._alarm_at <= wake_at:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = wake_at
        self._alarm = None if wake_at is None else self.me.at(wake_at, RoomMayBe(wake_at))
