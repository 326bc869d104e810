"""What to do next in a call: try, wait, or give up. Pure; `now` is monotonic nanoseconds.

The candidates are taken in order, each at most twice in a row. When all have been tried it starts again with those
that another try may help, for as long as the allowance lasts. So the number of attempts is bounded by the allowance
alone, whatever the configuration says.
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

    def __init__(self, plan: Plan, allowance: Allowance, retry: RetrySpec) -> None:
        self.allowance = allowance
        self._retry = retry
        self.skipped = plan.skipped
        self._ahead = deque(plan.candidates)
        self._again: list[Candidate] = []
        self._repeated = False
        self._retries = 0
        self._not_before = 0
        self._fault: Fault | None = None

    def next(self, now: int) -> Step:
        """The next step."""
        if self.allowance.attempts <= 0:
            return GiveUp(self._last_fault(now))
        if self.allowance.money is not None and self.allowance.money <= 0:
            return GiveUp(self._last_fault(now))
        if not self._ahead:
            return GiveUp(self._last_fault(now))
        if self._not_before > now:
            if self._not_before >= self.allowance.deadline:
                return GiveUp(self._last_fault(now))
            return Wait(self._not_before)
        return Try(self._ahead[0])

    def failed(self, fault: Fault, cost: Cost | None, now: int, rand: float) -> None:
        """The try at the candidate ahead has failed. One that was never sent costs no attempt but a refusal."""
        self._fault = fault
        if fault.kind is not FaultKind.UNAVAILABLE:
            self.allowance = self.allowance.after(cost)
        rule = RULES[fault.kind]
        candidate = self._ahead[0]
        if rule.first and not self._repeated:
            self._repeated = True
            self._delay(now, rand)
            return
        self._ahead.popleft()
        self._repeated = False
        if not (rule.same or rule.elsewhere):
            self._ahead.clear()
            self._again.clear()
        elif rule.same:
            self._again.append(candidate)
        if not self._ahead and self._again:
            self._ahead.extend(self._again)
            self._again.clear()
            self._delay(now, rand)

    def earliest(self) -> int:
        """When the first of the candidates that were skipped takes calls again; NEVER without any."""
        return min((skipped.retry_at for skipped in self.skipped), default=NEVER)

    def _delay(self, now: int, rand: float) -> None:
        self._not_before = now + ns(self._retry.delay(self._retries, rand))
        self._retries += 1

    def _last_fault(self, now: int) -> Fault:
        if self._fault is not None:
            return self._fault
        earliest = self.earliest()
        return Fault(
            kind=FaultKind.UNAVAILABLE,
            message="every candidate's circuit is open",
            retry_after=None if earliest >= NEVER else seconds(max(0, earliest - now)),
        )
