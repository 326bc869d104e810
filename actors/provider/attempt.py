"""One attempt from permit to settlement. It changes no state: what it finds out it reports."""

import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import msgspec
import trio

from callboard.actors.provider.account import Account
from callboard.actors.provider.deadline import Alarm
from callboard.actors.provider.http import fault_of, never_sent
from callboard.actors.provider.line import Received, line_to, read_refusal
from callboard.actors.provider.naming import rightly_named
from callboard.actors.provider.policy import slow_down
from callboard.actors.provider.progress import Progress, progress_of
from callboard.actors.provider.purse import Purse
from callboard.actors.provider.quotations import Quotations, parts
from callboard.actors.provider.records import opened, settled, told
from callboard.actors.provider.secrecy import keyless, without_secrets
from callboard.actors.provider.settlement import settle
from callboard.actors.wires.wire import Encoded, WireFault
from callboard.actors.wires.works import decode, encode
from callboard.messages.accounting import AttemptOpened, Write, WriteDurably
from callboard.messages.calls import Attempt, Attempted, AttemptEnded, DeltaSink, TakenOver, TrialAnswered
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.limiting import Hasten, Permit, Reserve, Settle
from callboard.messages.reply import Answer, Delta
from callboard.runtime.actor import Me
from callboard.runtime.clock import ns, trio_deadline
from callboard.runtime.envelope import Envelope
from callboard.runtime.errors import ActorError, DeadlineExceeded
from callboard.runtime.leaf import cancelled
from callboard.runtime.mailbox import CONTROL
from callboard.runtime.ref import Ref
from callboard.runtime.stream import ConsumerLeft

ACKNOWLEDGEMENT = ns(10)
"""How long a strict attempt waits for its record at the most, and no longer than a quarter of the time it has left."""


class Attempter:
    """Makes the attempts of one provider. `refuses` tells whether a model's circuit has opened meanwhile."""

    def __init__(
        self,
        account: Account,
        transport: httpx.AsyncBaseTransport,
        me: Me,
        *,
        limiter: Ref,
        budgets: Ref,
        ledger: Ref,
        refuses: Callable[[str], Fault | None],
    ) -> None:
        self._account = account
        self._patience = ns(account.timeouts.permit)
        self._wire = account.wire
        self._line = line_to(account, transport)
        self._me = me
        self._limiter = limiter
        self._purse = Purse(account, me, budgets)
        self._ledger = ledger
        self._refuses = refuses
        self._underway: dict[str, Progress] = {}

    def run(
        self, attempt: Attempt, envelope: Envelope, alarm: Alarm, now: int, *, trial: bool
    ) -> Coroutine[Any, Any, Attempted]:
        """Try once. Never raises but for cancellation and bugs; the provider hears of the end in every case."""
        progress = self._underway[attempt.id] = progress_of(attempt, alarm, now, envelope.priority, trial=trial)
        return self._run(progress, envelope)

    def taken_over(self, over: TakenOver) -> None:
        """Charge what is underway to another, and let it wait for its permit as that one would."""
        progress = self._underway.get(over.attempt)
        if progress is not None:
            progress.payer = over.payer
            progress.urgency = over.priority
            progress.until = over.until
            if progress.opening is not None:
                progress.opening.deadline = min(progress.opening.deadline, self._opened_by(progress))
            self._purse.taken_over(progress)
            if progress.permit is None:
                self._limiter.tell(Hasten(over.attempt, over.priority), lane=CONTROL)

    async def _run(self, progress: Progress, envelope: Envelope) -> Attempted:
        """Step by step until one has a fault."""
        try:
            encoded = self._encoded(progress.attempt)
            progress.fault = (
                encoded
                if isinstance(encoded, Fault)
                else await self._purse.reserve(progress, envelope.deadline)
                or await self._reserve(progress, envelope)
                or self._refusal(progress)
                or await self._purse.renew(progress, envelope.deadline)
                or await self._exchanged(progress, encoded)
            )
        except BaseException as error:
            progress.sent = progress.sent and progress.alarm.sent
            progress.fault = self._limit_met(progress, error)
            if progress.fault is None:
                raise
        finally:
            del self._underway[progress.attempt.id]
            self._ended(progress)
        return Attempted(
            record=told(progress, self._account.name, self._me.now()),
            answer=None if progress.answer is None else rightly_named(progress.answer),
            fault=progress.fault,
            partial=None if progress.partial is None else rightly_named(progress.partial),
        )

    def _encoded(self, attempt: Attempt) -> Encoded | Fault:
        try:
            return encode(self._wire, attempt.request, attempt.model, stream=attempt.sink is not None)
        except WireFault as error:
            return self._named(error.fault, attempt)

    def _ended(self, progress: Progress) -> None:
        """However it ended: all who know of it are told."""
        try:
            if progress.recorded:
                self._settle_record(progress)
        finally:
            try:
                if progress.permit is not None:
                    self._settle_permit(progress, progress.permit)
            finally:
                self._purse.give_back(progress)
                self._report_end(progress)

    def _report_end(self, progress: Progress) -> None:
        self._me.report(
            AttemptEnded(
                id=progress.attempt.id,
                model=progress.attempt.model,
                began=progress.started,
                fault=progress.fault,
                cancelled=progress.outcome == "cancelled",
                limits=progress.limits,
            )
        )

    async def _reserve(self, progress: Progress, envelope: Envelope) -> Fault | None:
        latest = self._me.now() + self._patience
        attempt = progress.attempt
        wish = Reserve(
            model=attempt.model,
            tokens=progress.estimate.total,
            priority=progress.urgency,
            deadline=min(latest, envelope.deadline),
            room_by=attempt.until,
            attempt=attempt.id,
        )
        try:
            permit = await self._limiter.ask(wish, deadline=latest)
        except DeadlineExceeded:
            permit = Fault(
                kind=FaultKind.RATE_LIMITED,
                timeout="permit",
                message=f"the account's limits left no room within {self._account.timeouts.permit:g} s",
            )
        if isinstance(permit, Fault):
            return self._named(permit, attempt)
        progress.permit = permit
        return None

    def _settle_permit(self, progress: Progress, permit: Permit) -> None:
        if progress.fault is not None:
            slower = slow_down(progress.fault, progress.attempt.model, permit, self._me.now(), self._me.utc())
            if slower is not None:  # first: whoever gets the place of this one must know
                self._limiter.tell(slower, lane=CONTROL)
        used = progress.settled.usage.total if progress.sent else None
        self._limiter.tell(Settle(permit, used, progress.limits, progress.limits_told_at), lane=CONTROL)

    async def _exchanged(self, progress: Progress, encoded: Encoded) -> Fault | None:
        """The exchange and its record, with everything that can go wrong turned into a fault."""
        attempt = progress.attempt
        try:
            await self._open_record(progress)
            await self._exchange(progress, encoded)
            return None
        except WireFault as error:
            progress.partial = progress.partial or error.partial
            return self._named(await _unquoted(error.fault, encoded, attempt.model), attempt)
        except httpx.HTTPError as error:
            progress.sent = not never_sent(error)
            return self._named(fault_of(error, self._account.timeouts, replying=progress.replying), attempt)

    def _limit_met(self, progress: Progress, error: BaseException) -> Fault | None:
        """The limit of its own that has cancelled the attempt; None when the error is something else.

        The whole handler is cancelled then: nothing may be waited for until it has returned.
        """
        fault = progress.alarm.fault_underway()
        return None if fault is None or not cancelled(error) else self._named(fault, progress.attempt)

    async def _exchange(self, progress: Progress, encoded: Encoded) -> None:
        attempt, alarm, timeouts = progress.attempt, progress.alarm, self._account.timeouts
        if len(self._underway) > 1:  # others come as far first: requests that leave together wake the peer once
            await trio.lowlevel.checkpoint()
        else:
            await trio.lowlevel.checkpoint_if_cancelled()
        refusal = self._refusal(progress)
        if refusal is not None:
            raise WireFault(refusal)
        progress.tried = progress.sent = True
        if not self._line.times_itself:
            alarm.set("first byte", timeouts.connect + timeouts.first_byte)
        response = await self._line.send(encoded, attempt.id, alarm)
        try:
            progress.replying = True
            progress.limits = self._wire.limits(response.headers)
            if progress.limits is not None:
                progress.limits_told_at = self._me.now()
            if not 200 <= response.status < 300:
                await self._refused(response, alarm)
            elif attempt.sink is None:
                if not self._line.times_itself:
                    alarm.pause()  # such a transport bounds the time between bytes, the caller's deadline the whole
                progress.answer = decode(self._wire, attempt.request, await response.read())
            else:
                progress.answer = await self._stream(response, attempt.sink, progress)
        finally:
            await response.aclose()

    async def _refused(self, response: Received, alarm: Alarm) -> None:
        patience = self._account.timeouts.between_bytes
        alarm.set("between bytes", patience)
        body = await read_refusal(response, patience / 2)  # before the alarm, which would leave nothing to tell
        raise WireFault(keyless(self._wire.fault(response.status, response.headers, body), self._account))

    async def _stream(self, response: Received, sink: DeltaSink, progress: Progress) -> Answer | None:
        """The whole answer, or None when the reader left."""
        alarm = progress.alarm
        decoder = self._wire.decoder(keep_raw=progress.attempt.request.keep_raw)
        self._await_token(progress)
        try:
            async with response.chunks() as chunks:
                async for chunk in chunks:
                    deltas = decoder.feed(chunk)
                    if deltas:
                        await self._hand_on(deltas, sink, progress)
                    if decoder.working:
                        self._await_token(progress)
                    if decoder.done:
                        break
                alarm.pause()
            return decoder.close()
        except ConsumerLeft:
            return None
        finally:
            progress.partial = decoder.partial()

    def _await_token(self, progress: Progress) -> None:
        """The time for the next token begins, and again with whatever shows that the model is at work meanwhile."""
        timeouts = self._account.timeouts
        if progress.first_token is None:
            progress.alarm.token("first token", timeouts.first_token)
        else:
            progress.alarm.token("between tokens", timeouts.between_tokens)

    async def _hand_on(self, deltas: list[Delta], sink: DeltaSink, progress: Progress) -> None:
        if progress.first_token is None:
            progress.first_token = self._me.now() - progress.started
            if progress.trial:  # a reader who is slow, or leaves, does not keep the circuit from closing
                self._me.report(TrialAnswered(progress.attempt.id))
        progress.alarm.pause()  # while the reader is behind, nobody waits for the provider
        for delta in deltas:
            await sink.send(delta)

    async def _open_record(self, progress: Progress) -> None:
        progress.recorded = True
        entry = opened(progress, self._account.name, self._me.utc())
        if self._account.durability == "strict":
            await self._open_durably(progress, entry)
        else:
            self._ledger.tell(Write((entry,)), lane=CONTROL)

    async def _open_durably(self, progress: Progress, entry: AttemptOpened) -> None:
        """Wait until it is on disk, but not for a ledger that cannot write: the reply says so later.

        Whoever has the attempt now waits no longer than he can. What no longer waits may not have come to the ledger.
        """
        progress.opening = trio.CancelScope(deadline=self._opened_by(progress))
        with contextlib.suppress(ActorError), progress.opening:
            await self._ledger.ask(WriteDurably((entry,)), lane=CONTROL)
        progress.opening = None
        if not self._ledger.snapshot.is_open(entry.id):
            self._ledger.tell(Write((entry,)), lane=CONTROL)

    def _opened_by(self, progress: Progress) -> float:
        now = self._me.now()
        return trio_deadline(now + min(ACKNOWLEDGEMENT, (progress.until - now) // 4))

    def _settle_record(self, progress: Progress) -> None:
        account = self._account
        progress.settled = settle(progress, account.name, account.price)
        entry = settled(progress, account.name, self._me.utc(), self._me.now())
        self._ledger.tell(Write((entry,)), lane=CONTROL)
        self._purse.settle(progress)

    def _refusal(self, progress: Progress) -> Fault | None:
        """Whether a circuit has opened while it waited; looked at after each wait."""
        return None if progress.trial else self._refuses(progress.attempt.model)

    def _named(self, fault: Fault, attempt: Attempt) -> Fault:
        told = without_secrets(fault, self._account)
        return msgspec.structs.replace(told, provider=self._account.name, model=attempt.model)


async def _unquoted(fault: Fault, encoded: Encoded, model: str) -> Fault:
    """The fault without what it quotes of the request. Others have their turn while a long one is looked through."""
    quotations = Quotations(fault, model)
    for number, part in enumerate(parts(encoded.body)):
        if number:
            await trio.lowlevel.cancel_shielded_checkpoint()
        quotations.look_at(part)
    return quotations.left_out()
