"""The attempts of one call: each is asked of its provider, or of the cache where others may share it."""

import msgspec
import trio

from callboard.actors.orchestrator.means import Means
from callboard.actors.orchestrator.story import Story
from callboard.messages.accounting import Taken
from callboard.messages.caching import Fill
from callboard.messages.calls import Attempt, Attempted, Call, Candidate, DeltaSink
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.reply import AttemptRecord
from callboard.messages.request import Work
from callboard.messages.usage import Cost
from callboard.runtime.actor import Me
from callboard.runtime.clock import seconds
from callboard.runtime.errors import ActorError


class Attempting:
    """`sink` is where the pieces of a stream go; None for a plain reply. An attempt may be shared only if `shares`."""

    def __init__(self, call: Call, story: Story, means: Means, me: Me, *, sink: DeltaSink | None, shares: bool) -> None:
        self._call = call
        self._story = story
        self._means = means
        self._me = me
        self._sink = sink
        self._shares = shares
        self.outrun = False
        """Whether an attempt that is cut now was slower than one beside it."""
        self.cut_cost: Cost | None = None
        """US dollars of the attempt that was cut last; None where its price is unknown."""

    async def run(
        self, candidate: Candidate, work: Work, key: bytes, money: Cost | None, *, ended: int = 0
    ) -> tuple[Attempted, bool]:
        """One attempt, and whether this call is charged for it.

        `key` is the cache's, empty where it has no part; `ended` is how many fills had when it was looked for there;
        `money` is how many US dollars the attempt may take.
        """
        call = self._call
        attempt = Attempt(
            id=self._story.next_id(),
            call=call.id,
            request=work,
            model=candidate.model,
            sink=self._sink,
            money=money,
            until=call.allowance.deadline,
        )
        shares = bool(key) and self._shares
        began = self._me.now()
        try:
            if shares:
                fill = Fill(
                    key=key,
                    provider=candidate.provider,
                    attempt=attempt,
                    deadline=call.allowance.deadline,
                    keep=self._story.batches is None,
                    ended=ended,
                )
                filled = await self._means.cache.ask(fill)
                return self._known(filled.attempted), filled.leader
            return await self._means.provider(candidate.provider).ask(attempt), True
        except ActorError as error:
            return _internal(candidate, error, attempt.id, self._means.taken(attempt.id)), True
        except (trio.Cancelled, KeyboardInterrupt):
            shared = shares and self._means.cache.snapshot.others_wait(key, attempt.id)
            self._cut(candidate, attempt.id, began, shared=shared)
            raise

    def _known(self, attempted: Attempted) -> Attempted:
        """A shared attempt with what the ledger has of it, where its provider did not tell its end."""
        record = attempted.record
        if record.id is None or record.usage is not None:
            return attempted
        return msgspec.structs.replace(attempted, record=_charged(record, record.id, self._means.taken(record.id)))

    def _cut(self, candidate: Candidate, attempt: str, began: int, *, shared: bool) -> None:
        """The attempt ends with this call, unless others share it: then one of them is charged."""
        taken = None if shared else self._means.taken(attempt)
        why = "another attempt was faster" if self.outrun else None
        self.cut_cost = self._story.cut(candidate, attempt, taken, seconds(self._me.now() - began), why).cost


def _internal(candidate: Candidate, error: ActorError, attempt: str, taken: Taken | None) -> Attempted:
    fault = Fault(
        kind=FaultKind.INTERNAL,
        message=f"callboard's own failure: {error}",
        provider=candidate.provider,
        model=candidate.model,
    )
    record = AttemptRecord(provider=candidate.provider, model=candidate.model, outcome="fault", fault=fault)
    return Attempted(record=_charged(record, attempt, taken), fault=fault)


def _charged(record: AttemptRecord, attempt: str, taken: Taken | None) -> AttemptRecord:
    """With what was taken for it; without an id when nothing was, for then it was not sent."""
    if taken is None:
        return msgspec.structs.replace(record, id=None)
    return msgspec.structs.replace(record, id=attempt, usage=taken.usage, cost=taken.cost, estimated=True)
