"""A call handed to the orchestrator, and handed over again when the orchestrator crashes under it.

One that ends before the orchestrator has taken it up is told to the ledger here: nobody else has seen it.
"""

import random

import msgspec
import trio

from callboard.actors.orchestrator.story import Story
from callboard.errors import STOPPED, RuntimeStopped
from callboard.messages.accounting import Write
from callboard.messages.calls import Call, Cause, Failure, InHand, OpenStream, Outcome
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.priority import PRIORITIES
from callboard.messages.reply import Answer
from callboard.runtime.clock import Clock, ns
from callboard.runtime.errors import ActorCrashed, ActorDown, ActorError, DeadlineExceeded, HandlerFailed
from callboard.runtime.mailbox import CONTROL
from callboard.runtime.ref import Ref

GRACE = ns(0.25)
"""How long the orchestrator is waited for beyond a call's deadline: it ends the call itself, and tells its story."""


def new_id(rng: random.Random) -> str:
    """A call's: 16 hexadecimal digits."""
    return f"{rng.getrandbits(64):016x}"


class Handing:
    """One call on its way. `rng` names it anew each time that it begins again: the ledger keeps each beginning."""

    def __init__(self, orchestrator: Ref, ledger: Ref, clock: Clock, call: Call, rng: random.Random) -> None:
        self._orchestrator = orchestrator
        self._ledger = ledger
        self._clock = clock
        self._rng = rng
        self.call = call

    async def outcome(self) -> Outcome:
        """The call's one outcome. Raises RuntimeStopped when there is nobody to make the call."""
        began = self._clock.now()
        while True:
            call = self.call
            latest, priority = call.allowance.deadline + GRACE, PRIORITIES[call.request.priority]
            try:
                return await self._orchestrator.ask(call, deadline=latest, priority=priority)
            except (trio.Cancelled, KeyboardInterrupt):
                self._record(began)
                raise
            except DeadlineExceeded:
                self._record(began)
                return self._failure(FaultKind.DEADLINE, "the call's time ran out", timeout="call")
            except ActorCrashed:
                if (failure := self._begin_again()) is not None:
                    return failure
            except HandlerFailed as error:
                return self._own_failure(str(error), error)
            except ActorError as error:
                self._record(began)
                down = isinstance(error, ActorDown)
                raise RuntimeStopped(STOPPED if down else f"the call could not be made: {error}") from error

    def _record(self, began: int) -> None:
        """The call has ended: tell the ledger, unless the orchestrator does so."""
        call, clock = self.call, self._clock
        if not call.in_hand.yes:
            ended = Story(call, now=began, utc=clock.utc()).ended(None, clock.now(), clock.utc())
            self._ledger.tell(Write((ended,)), lane=CONTROL)

    def _begin_again(self) -> Failure | None:
        """Nobody knows how far it had come: one attempt is taken as made, and a bound on money as reached."""
        call = self.call
        if self._has_begun() or call.allowance.attempts <= 1 or call.allowance.money is not None:
            return self._own_failure("the orchestrator crashed")
        left = call.allowance.after(None)
        self.call = msgspec.structs.replace(call, id=new_id(self._rng), allowance=left, in_hand=InHand())
        return None

    def _has_begun(self) -> bool:
        """Whether the caller has read of it, so that it cannot begin again."""
        return isinstance(self.call, OpenStream) and self.call.sink.sent > 0

    def _own_failure(self, what: str, error: HandlerFailed | None = None) -> Failure:
        kind, partial = FaultKind.INTERNAL, None
        if self._has_begun():
            kind, partial = FaultKind.INTERRUPTED, Answer(parts=(), finish_reason=None)
        failure = self._failure(kind, f"callboard's own failure: {what}")
        return msgspec.structs.replace(failure, partial=partial, cause=None if error is None else Cause(error))

    def _failure(self, kind: FaultKind, message: str, timeout: str | None = None) -> Failure:
        return Failure(id=self.call.id, fault=Fault(kind=kind, message=message, timeout=timeout), attempts=())
