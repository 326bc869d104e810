"""What has happened in a call so far, and the outcome it amounts to."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal

import msgspec

from callboard.actors.orchestrator.batches import Batches
from callboard.actors.orchestrator.features import Unfit
from callboard.actors.orchestrator.owned import owned
from callboard.messages.accounting import CallEnded, Taken
from callboard.messages.calls import AnyAnswer, Attempted, Call, Candidate, Cause, Failure, OpenStream, Outcome
from callboard.messages.embedding import EmbeddingAnswer, EmbeddingRequest
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.reply import Answer, AttemptRecord, Receipt
from callboard.messages.request import Work
from callboard.messages.routing import Skipped
from callboard.messages.usage import Cost, Usage, add_costs


class Story:
    """Grows with each attempt."""

    def __init__(self, call: Call, *, now: int, utc: int) -> None:
        self._call = call
        self._now = now
        self._utc = utc
        self._records: tuple[AttemptRecord, ...] = ()
        self.made = 0
        """Attempts so far, the skipped ones left out."""
        self._numbered = 0
        self._usage = Usage()
        self._cost: Cost | None = Cost(0)
        self._estimated = False
        self.batches: Batches | None = None
        """Of a call for embeddings, which may need several requests."""

    def skipped(self, skipped: tuple[Skipped, ...]) -> None:
        """Candidates that are not tried because their circuits are open."""
        for one in skipped:
            where = one.candidate
            self._add(
                AttemptRecord(provider=where.provider, model=where.model, outcome="skipped", reason="circuit open")
            )

    def _add(self, record: AttemptRecord) -> None:
        self._records = (*self._records, record)

    @property
    def latest_id(self) -> str:
        """That of the latest attempt."""
        return f"{self._call.id}-{self._numbered}"

    def next_id(self) -> str:
        """One for a new attempt. One that is refused, and is no attempt of the call's, may be in the ledger by it."""
        self._numbered += 1
        return self.latest_id

    def attempted(self, attempted: Attempted, *, charged: bool) -> None:
        """One more attempt. A shared one is charged to one caller only."""
        record = attempted.record
        self._add(record)
        self.made += record.outcome != "skipped"
        if charged:
            self._usage += record.usage or Usage()
            self._cost = add_costs(self._cost, record.cost if record.usage else Cost(0))
            self._estimated = self._estimated or record.estimated

    def unfit(self, unfit: Iterable[Unfit]) -> None:
        """Candidates that are not tried because they lack what the request needs."""
        for one in unfit:
            where = one.candidate
            self._add(
                AttemptRecord(
                    provider=where.provider,
                    model=where.model,
                    outcome="skipped",
                    fault=one.fault,
                    reason=one.fault.message,
                )
            )

    def rejected(self, fault: Fault) -> None:
        """The answer of the latest attempt will not do. It is paid for all the same."""
        *before, last = self._records
        self._records = (*before, msgspec.structs.replace(last, outcome="fault", fault=fault))

    def cut(
        self, candidate: Candidate, attempt: str, taken: Taken | None, seconds: float, why: str | None
    ) -> AttemptRecord:
        """An attempt was cancelled, and is charged as the ledger settles it. None: it was never sent, or another
        call pays for it.
        """
        record = AttemptRecord(
            provider=candidate.provider,
            model=candidate.model,
            outcome="cancelled",
            id=None if taken is None else attempt,
            reason=why,
            usage=None if taken is None else taken.usage,
            cost=None if taken is None else taken.cost,
            estimated=taken is not None,
            duration=seconds,
        )
        self.attempted(Attempted(record=record), charged=True)
        return record

    def work(self, candidate: Candidate) -> Work:
        """What the next attempt at this candidate asks."""
        return self._call.request if self.batches is None else self.batches.at(candidate).next()

    def whole(self, candidate: Candidate, asked: Work, answer: AnyAnswer) -> AnyAnswer | None:
        """The answer to the call; None when this was only a part of it."""
        if self.batches is None or not isinstance(asked, EmbeddingRequest) or not isinstance(answer, EmbeddingAnswer):
            return answer
        return self.batches.at(candidate).take(asked, answer)

    def reply(
        self, answer: AnyAnswer, candidate: Candidate, now: int, *, cached: bool, shared: bool, key: bytes = b""
    ) -> Receipt:
        """The call has its answer; `key` is the cache's, empty when it had no part."""
        if cached or key:
            answer = owned(answer)
        return answer.reply(
            id=self._call.id,
            usage=self._usage,
            cost=self._cost,
            provider=candidate.provider,
            model=answer.model or candidate.model,
            cached=cached,
            shared=shared,
            estimated=self._estimated,
            attempts=self._records,
            started=datetime.fromtimestamp(self._utc / 1e9, UTC),
            duration=(now - self._now) / 1e9,
            cache_key=key.hex() or None,
            metadata=self._call.request.metadata,
            extra=answer.extra,
            raw=answer.raw,
        )

    def failure(self, fault: Fault, partial: Answer | None = None, cause: Cause | None = None) -> Failure:
        """The call ends without one."""
        return Failure(id=self._call.id, fault=fault, attempts=self._records, partial=partial, cause=cause)

    def ended(self, outcome: Outcome | None, now: int, utc: int) -> CallEnded:
        """The ledger's entry; without an outcome the caller has left, or was at the end of his time."""
        reply = outcome if isinstance(outcome, Receipt) else None
        fault = outcome.fault.kind if isinstance(outcome, Failure) else None
        if outcome is None and now >= self._call.allowance.deadline:
            fault = FaultKind.DEADLINE
        last = self._records[-1] if self._records else None
        request = self._call.request
        return CallEnded(
            id=self._call.id,
            at=utc,
            outcome=_outcome_word(outcome, fault),
            fault=fault,
            provider=reply.provider if reply else (last.provider if last else None),
            model=reply.model if reply else (last.model if last else None),
            asked=request.model,
            stream=isinstance(self._call, OpenStream),
            cached=reply is not None and reply.cached,
            shared=reply is not None and reply.shared,
            attempts=self.made,
            usage=self._usage,
            cost=self._cost,
            estimated=self._estimated,
            duration=now - self._now,
            tag=request.tag,
            user=request.user,
        )


def _outcome_word(
    outcome: Outcome | None, fault: FaultKind | None
) -> Literal["ok", "fault", "interrupted", "cancelled"]:
    if isinstance(outcome, Receipt):
        return "ok"
    if outcome is not None and outcome.partial is not None:
        return "interrupted"
    return "cancelled" if fault is None else "fault"
