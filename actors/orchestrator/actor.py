"""The orchestrator: one handler a call, from the plan to the one outcome."""

import math
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec
import trio

from callboard.actors.orchestrator.batches import Batches, BoundsOf
from callboard.actors.orchestrator.features import Knowledge
from callboard.actors.orchestrator.hedge import HedgeBudget, HedgeSpec
from callboard.actors.orchestrator.means import Means
from callboard.actors.orchestrator.policy import RetrySpec
from callboard.actors.orchestrator.pursuit import Pursuit
from callboard.actors.orchestrator.story import Story
from callboard.messages.accounting import CallEnded, Write, WriteDurably
from callboard.messages.calls import Call, Failure, MakeCall, OpenStream, Outcome
from callboard.messages.embedding import EmbeddingRequest
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.hooks import Wishes
from callboard.messages.logbook import LogCall
from callboard.messages.reply import Receipt
from callboard.runtime.actor import Actor, Scoped
from callboard.runtime.clock import ns, trio_deadline
from callboard.runtime.envelope import Envelope, Message
from callboard.runtime.errors import ActorError
from callboard.runtime.leaf import cancelled
from callboard.runtime.mailbox import CONTROL
from callboard.runtime.ref import Ref

ACKNOWLEDGEMENT = ns(10)
"""How long a strict call waits for its record at the most; then its reply says that it failed."""
OUT_OF_TIME = Fault(kind=FaultKind.DEADLINE, message="the call's time ran out", timeout="call")


class OrchestratorActor(Actor):
    """Hands each call through selector, cache and providers."""

    def __init__(
        self,
        *,
        selector: Ref,
        cache: Ref,
        ledger: Ref,
        provider: Callable[[str], Ref],
        retry: RetrySpec,
        durability: Literal["strict", "relaxed"],
        embedding_bounds: BoundsOf = lambda _: None,
        knowledge: Knowledge | None = None,
        standards: Mapping[str, Wishes] | None = None,
        hedge: HedgeSpec | None = None,
        logbook: Ref | None = None,
    ) -> None:
        self._logbook = logbook
        self._ledger = ledger
        hedge = hedge or HedgeSpec()
        self._means = Means(
            selector=selector,
            cache=cache,
            ledger=ledger,
            provider=provider,
            retry=retry,
            knowledge=knowledge,
            standards=standards or {},
            hedge=hedge,
            hedges=HedgeBudget(hedge.share),
        )
        self._strict = durability == "strict"
        self._embedding_bounds = embedding_bounds

    def receive(self, message: Message, envelope: Envelope) -> object:
        """Every call is a handler of its own, but for one that is late, or whose reply is kept: it is answered here."""
        if not isinstance(message, MakeCall | OpenStream):
            raise TypeError(f"the orchestrator receives no {type(message).__name__}")
        message.in_hand.yes = True
        now = self.me.now()
        story = Story(message, now=now, utc=self.me.utc())
        pursuit = Pursuit(message, story, self._means, self.me)
        outcome: Outcome | None = None
        if now >= message.allowance.deadline:
            outcome = story.failure(OUT_OF_TIME)
        elif not self._strict:
            outcome = _kept(pursuit)
        if outcome is not None:
            self._log(message, outcome)
            self._record(story, outcome)
            return outcome
        scope = trio.CancelScope(deadline=trio_deadline(message.allowance.deadline))
        return Scoped(scope, self._conduct(message, story, pursuit, scope))

    async def _conduct(self, call: Call, story: Story, pursuit: Pursuit, scope: trio.CancelScope) -> Outcome:
        try:
            if isinstance(call.request, EmbeddingRequest):
                story.batches = Batches(call.request, self._embedding_bounds)
            outcome = await pursuit.outcome()
        except (trio.Cancelled, BaseExceptionGroup) as error:
            if self.me.now() < call.allowance.deadline or not cancelled(error):
                self._record(story, _cut_by(error, story))
                raise
            outcome = story.failure(OUT_OF_TIME)
        except BaseException as error:
            self._record(story, _cut_by(error, story))
            raise
        self._log(call, outcome)
        if self._strict and self.me.now() < call.allowance.deadline:
            scope.deadline = math.inf
            entry = story.ended(outcome, self.me.now(), self.me.utc())
            return await self._acknowledged(outcome, entry, call.allowance.deadline)
        self._record(story, outcome)
        return outcome

    def _log(self, call: Call, outcome: Outcome) -> None:
        if self._logbook is not None:
            said = LogCall(call=call.id, at=self.me.utc(), request=call.request, outcome=outcome)
            self._logbook.tell(said, lane=CONTROL)

    def _record(self, story: Story, outcome: Outcome | None) -> None:
        self._ledger.tell(Write((story.ended(outcome, self.me.now(), self.me.utc()),)), lane=CONTROL)

    async def _acknowledged(self, outcome: Outcome, entry: CallEnded, deadline: int) -> Outcome:
        """A tenth of the time left is kept for handing the reply on: what was paid for is not lost at the deadline."""
        now = self.me.now()
        patience = min(ACKNOWLEDGEMENT, (deadline - now) * 9 // 10)
        recorded: Literal["acknowledged", "failed"] = "acknowledged"
        try:
            await self._ledger.ask(WriteDurably((entry,)), lane=CONTROL, deadline=now + patience)
        except ActorError:
            recorded = "failed"
        if isinstance(outcome, Receipt):
            return msgspec.structs.replace(outcome, recorded=recorded)
        return outcome


def _kept(pursuit: Pursuit) -> Outcome | None:
    """What fails here fails again in the call's own handler, and ends that call alone."""
    try:
        return pursuit.kept_at_once()
    except Exception:
        return None


def _cut_by(error: BaseException, story: Story) -> Failure | None:
    """What the ledger is told: a bug is a fault, whoever has left has no outcome."""
    if not isinstance(error, Exception):
        return None
    return story.failure(_own(f"a bug in the orchestrator ({type(error).__name__})"))


def _own(what: str) -> Fault:
    return Fault(kind=FaultKind.INTERNAL, message=f"callboard's own failure: {what}")
