"""What to do next in a call: try, wait, or give up. Pure; `now` is monotonic nanoseconds.

The candidates are taken in order, each at most twice in a row. When all have been tried it starts again with those
that another try may help, for as long as the allowance lasts. So the number of attempts is bounded by the allowance
alone, whatever the configuration says.

Whoever refuses an attempt (an open circuit) costs none. With `wait`, and with nobody else left to try, the course
waits until the first of those takes calls again.
"""

from collections import deque
from typing import TypeAlias

import msgspec

from callboard.actors.orchestrator.policy import RULES, RetrySpec
from callboard.messages.calls import Allowance, Candidate
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.routing import Plan
from callboard.messages.usage import Cost
from callboard.runtime.clock import NEVER, ns, seconds


class Try(msgspec.Struct, frozen=True):
    """Make an attempt."""

    candidate: Candidate


class Wait(msgspec.Struct, frozen=True):
    """Nothing before this time."""

    until: int


class GiveUp(msgspec.Struct, frozen=True):
    """There is nothing more to try; the fault is the call's."""

    fault: Fault


Step: TypeAlias = Try | Wait | GiveUp


class Course:
    """The tries of one call."""

    def __init__(self, plan: Plan, allowance: Allowance, retry: RetrySpec, *, wait: bool = False) -> None:
        self.allowance = allowance
        self._retry = retry
        self._wait = wait
        self._ahead = deque(plan.candidates)
        self._again: list[Candidate] = []
        self._shut = {skipped.candidate: skipped.retry_at for skipped in plan.skipped}
        """Those that refuse, and until when."""
        self._floors: dict[Candidate, int] = {}
        """Before when a provider that has failed does not want to be asked again."""
        self._repeated = False
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
                return Try(candidate)
            if until < self.allowance.deadline:
                return Wait(until)
            self._ahead.popleft()
        return self._repair(now)

    def advanced(self, cost: Cost | None) -> None:
        """The try at the candidate ahead has brought part of what was asked: it goes on there, at no attempt's cost."""
        self._repeated = False
        if cost is not None and self.allowance.money is not None:
            left = self.allowance.money - cost
            self.allowance = msgspec.structs.replace(self.allowance, money=left)

    def failed(self, fault: Fault, cost: Cost | None, now: int, rand: float) -> None:
        """The try at the candidate ahead has failed; `cost` in US dollars, `rand` in [0, 1).

        A refusal was never sent: it costs no attempt.
        """
        candidate = self._ahead[0]
        if fault.kind is FaultKind.UNAVAILABLE:
            self._refusal = fault
            self._shut_out(candidate, fault, now, rand)
            self._pass_on(now, rand)
            return
        self._fault = fault
        self.allowance = self.allowance.after(cost)
        if fault.retry_after is not None:
            self._floors[candidate] = now + ns(fault.retry_after)
        rule = RULES[fault.kind]
        if rule.first and not self._repeated and fault.retry_after is None:
            self._repeated = True
            self._delay(now, rand)
            return
        if rule.same:
            self._again.append(candidate)
        if not (rule.same or rule.elsewhere):
            self._end()
        self._pass_on(now, rand)

    @property
    def _broke(self) -> bool:
        return self.allowance.money is not None and self.allowance.money <= 0

    def _pass_on(self, now: int, rand: float) -> None:
        """Go on to the next candidate, and after the last to those that may be tried again, the soonest first."""
        self._repeated = False
        if self._ahead:
            self._ahead.popleft()
        if not self._ahead and self._again:
            self._ahead.extend(sorted(self._again, key=lambda candidate: self._floors.get(candidate, 0)))
            self._again.clear()
            self._delay(now, rand)

    def _shut_out(self, candidate: Candidate, refusal: Fault, now: int, rand: float) -> None:
        """A circuit whose trials are taken says `now`; asking it again at once, in a circle, would help nobody."""
        if refusal.retry_after is None:
            return
        least = self._retry.base + self._retry.delay(self._retries, rand)
        self._retries += 1
        self._shut[candidate] = now + ns(max(refusal.retry_after, least))

    def _end(self) -> None:
        self._ahead.clear()
        self._again.clear()
        self._shut.clear()

    def _repair(self, now: int) -> Step:
        earliest = min(self._shut.values(), default=NEVER)
        if not self._wait or earliest >= self.allowance.deadline:
            return GiveUp(self._verdict(now))
        if earliest > now:
            return Wait(earliest)
        open_again = [candidate for candidate, retry_at in self._shut.items() if retry_at <= now]
        for candidate in open_again:
            del self._shut[candidate]
        self._ahead.extend(open_again)
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
            message = "every candidate's circuit is open"
            return Fault(kind=FaultKind.UNAVAILABLE, message=message, retry_after=seconds(max(0, earliest - now)))
        if self._refusal is not None:
            return self._refusal
        if self._broke:
            return Fault(kind=FaultKind.QUOTA_EXHAUSTED, message="the call's own bound on money leaves none to spend")
        message = "an operator opened every candidate's circuit; `callboard provider NAME reset` closes it"
        return Fault(kind=FaultKind.UNAVAILABLE, message=message)
