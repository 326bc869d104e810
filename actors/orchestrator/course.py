"""What to do next in a call: try, wait, or give up. Pure; `now` is monotonic nanoseconds.

The candidates are taken in order, each at most twice in a row. When all have been tried it starts again with those
that another try may help, for as long as the allowance lasts. So the number of attempts is bounded by the allowance
alone, whatever the configuration says.

A fault whose kind has a chain brings that chain's candidates to the front, once a call, less those that were asked
already. A reply that fails a check may be sent back once, for a repair, to whoever gave it. A hedge is an attempt
beside the one at the head of the line; it is counted when it begins.

Whoever refuses an attempt (an open circuit, a budget, a provider that cannot do it) costs none. With `wait`, and with
nobody else left to try, the course waits until the first circuit lets calls through again.
"""

from typing import TypeAlias

import msgspec

from callboard.actors.orchestrator.policy import RetrySpec, rule_of
from callboard.messages.calls import Allowance, Candidate
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.routing import Plan
from callboard.messages.usage import Cost
from callboard.runtime.clock import NEVER, ns, seconds


class Try(msgspec.Struct, frozen=True):
    """Make an attempt."""

    candidate: Candidate
    repair: bool = False
    """With the reply that failed a check, and why."""


class Wait(msgspec.Struct, frozen=True):
    """Nothing before this time."""

    until: int


class GiveUp(msgspec.Struct, frozen=True):
    """There is nothing more to try; the fault is the call's."""

    fault: Fault


Step: TypeAlias = Try | Wait | GiveUp

_NEVER_SENT = {FaultKind.BUDGET, FaultKind.UNSUPPORTED}
"""Found before anything was sent, and not to change while the call lasts."""


class Course:
    """The tries of one call."""

    def __init__(self, plan: Plan, allowance: Allowance, retry: RetrySpec, *, wait: bool = False) -> None:
        self.allowance = allowance
        self._brought = allowance.money
        """US dollars that the call came with."""
        self._retry = retry
        self._wait = wait
        self._ahead = plan.candidates
        self._again: tuple[Candidate, ...] = ()
        self._shut = {skipped.candidate: skipped.retry_at for skipped in plan.skipped}
        """Those that refuse, and until when."""
        self._floors: dict[Candidate, int] = {}
        """Those that were asked and have failed, and before when they do not want to be asked again."""
        self._chains = dict(plan.chains) if plan.chains else None
        self._repeated = False
        self._repairing = False
        self._repaired = False
        self._retries = 0
        self._not_before = 0
        self._fault: Fault | None = None
        self._refusal: Fault | None = None

    def next(self, now: int) -> Step:
        """The next step."""
        if self.allowance.attempts <= 0 or self._broke:
            return GiveUp(self._verdict(now))
        while self._ahead:
            candidate = self._ahead[0]
            until = max(self._not_before, self._floors.get(candidate, 0))
            if until <= now:
                return Try(candidate, self._repairing)
            if until < self.allowance.deadline:
                return Wait(until)
            self._ahead = self._ahead[1:]
        return self._await_repair(now)

    def advanced(self, cost: Cost | None) -> None:
        """The try at the candidate ahead has brought part of what was asked: it goes on there, at no attempt's cost."""
        self._repeated = False
        self.allowance = self.allowance.charged(cost)

    def spare(self, now: int) -> Candidate | None:
        """Who may be asked at the same time as the candidate ahead, inside the allowance."""
        if len(self._ahead) < 2 or self.allowance.attempts < 2 or self._broke:
            return None
        return self._ahead[1] if self._floors.get(self._ahead[1], 0) <= now else None

    def hedged(self) -> None:
        """An attempt at the spare candidate has begun."""
        self.allowance = self.allowance.after(None)

    def cut(self, cost: Cost | None) -> None:
        """The try at the candidate ahead was given up for its hedge; `cost` in US dollars."""
        self.allowance = self.allowance.after(cost)

    def hedge_ended(self, candidate: Candidate, fault: Fault | None, cost: Cost | None, now: int) -> None:
        """That attempt has ended, with a fault or without one; `cost` in US dollars."""
        self.allowance = self.allowance.charged(cost)
        if fault is None:
            return
        if candidate in self._ahead:
            place = self._ahead.index(candidate)
            self._ahead = self._ahead[:place] + self._ahead[place + 1 :]
        if fault.kind is FaultKind.UNAVAILABLE or fault.kind in _NEVER_SENT:
            self.allowance = self.allowance.given_back()
            return
        self._heed(candidate, fault, now)
        rule = rule_of(fault)
        if rule.same:
            self._again += (candidate,)
        elif not rule.elsewhere:
            self._end()

    def failed(self, fault: Fault, cost: Cost | None, now: int, rand: float, *, repair: bool = False) -> None:
        """The try at the candidate ahead has failed; `cost` in US dollars, `rand` in [0, 1).

        A refusal was never sent: it costs no attempt. With `repair` its reply may be sent back.
        """
        self._repairing = False
        if not self._ahead:  # the hedge beside it has ended the call
            self.allowance = self.allowance.after(cost)
            return
        candidate = self._ahead[0]
        if fault.kind is FaultKind.UNAVAILABLE:
            self._refusal = fault
            self.allowance = self.allowance.charged(cost)  # an operator may have cut what was sent
            self._shut_out(candidate, fault, now, rand)
            self._pass_on(now, rand)
            return
        if fault.kind in _NEVER_SENT:
            self._refusal = fault
            self._pass_on(now, rand, self._chained(fault))
            return
        self.allowance = self.allowance.after(cost)
        self._heed(candidate, fault, now)
        if repair and not self._repaired:
            self._repaired = self._repairing = True
            return
        rule = rule_of(fault)
        if rule.first and not self._repeated and fault.retry_after is None:
            self._repeated = True
            self._delay(now, rand)
            return
        if rule.same:
            self._again += (candidate,)
        if not (rule.same or rule.elsewhere):
            self._end()
        self._pass_on(now, rand, self._chained(fault))

    def _chained(self, fault: Fault) -> tuple[Candidate, ...]:
        """Those that are to come first after a fault of this kind."""
        return self._chains.pop(fault.kind, ()) if self._chains else ()

    @property
    def _broke(self) -> bool:
        """Whether its money is spent. A call that came without any has spent none: it may have what is free."""
        left = self.allowance.money
        return left is not None and left <= 0 and left != self._brought

    def _heed(self, candidate: Candidate, fault: Fault, now: int) -> None:
        """A later fault never shortens the wait that an earlier one asked for."""
        self._fault = fault
        floor = 0 if fault.retry_after is None else now + ns(fault.retry_after)
        self._floors[candidate] = max(self._floors.get(candidate, 0), floor)

    def _pass_on(self, now: int, rand: float, chain: tuple[Candidate, ...] = ()) -> None:
        """Go on to the next candidate, and after the last to those that may be tried again, the soonest first."""
        self._repeated = False
        self._ahead = self._ahead[1:]
        if chain:
            fresh = [candidate for candidate in chain if candidate not in self._floors]
            self._ahead = tuple(dict.fromkeys((*fresh, *self._ahead)))
        while self._ahead and self._floors.get(self._ahead[0], 0) >= self.allowance.deadline:
            self._ahead = self._ahead[1:]  # not to be asked before the call's end: the others have their next round
        if not self._ahead and self._again:
            self._ahead = tuple(sorted(self._again, key=lambda candidate: self._floors.get(candidate, 0)))
            self._again = ()
            self._delay(now, rand)

    def _shut_out(self, candidate: Candidate, refusal: Fault, now: int, rand: float) -> None:
        """A circuit whose trials are taken says `now`; asking it again at once, in a circle, would help nobody."""
        if refusal.retry_after is None:
            return
        least = self._retry.base + self._retry.delay(self._retries, rand)
        self._retries += 1
        self._shut[candidate] = now + ns(max(refusal.retry_after, least))

    def _end(self) -> None:
        self._ahead = self._again = ()
        self._shut.clear()

    def _await_repair(self, now: int) -> Step:
        earliest = min(self._shut.values(), default=NEVER)
        if not self._wait or earliest >= self.allowance.deadline:
            return GiveUp(self._verdict(now))
        if earliest > now:
            return Wait(earliest)
        open_again = [candidate for candidate, retry_at in self._shut.items() if retry_at <= now]
        for candidate in open_again:
            del self._shut[candidate]
        self._ahead = (*self._ahead, *open_again)
        return Try(self._ahead[0])

    def _delay(self, now: int, rand: float) -> None:
        self._not_before = now + ns(self._retry.delay(self._retries, rand))
        self._retries += 1

    def _verdict(self, now: int) -> Fault:
        """The call's fault: the last real one, else that nobody took it."""
        if self._fault is not None:
            return self._fault
        earliest = min(self._shut.values(), default=NEVER)
        if earliest < NEVER:
            wait = seconds(max(0, earliest - now))
            message = f"every candidate's circuit is open; the next trial is in {wait:.0f} s"
            return Fault(kind=FaultKind.UNAVAILABLE, message=message, retry_after=wait)
        if self._refusal is not None:
            return self._refusal
        if self._broke:
            return Fault(kind=FaultKind.BUDGET, message="the call's own bound on money leaves none to spend")
        message = "an operator opened every candidate's circuit; `callboard provider NAME reset` closes it"
        return Fault(kind=FaultKind.UNAVAILABLE, message=message)
