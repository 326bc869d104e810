"""A second attempt beside one that is late: when it is made, at whom, and which of the two the call goes on with."""

from typing import NamedTuple

from callboard.actors.orchestrator.attempting import Attempting
from callboard.actors.orchestrator.course import Course
from callboard.actors.orchestrator.means import Means
from callboard.actors.orchestrator.race import Ended, race
from callboard.actors.orchestrator.story import Story
from callboard.messages.calls import Attempted, Candidate
from callboard.messages.faults import Fault
from callboard.messages.request import Work
from callboard.messages.usage import Cost
from callboard.runtime.actor import Me


class Raced(NamedTuple):
    """How two attempts at the same thing ended, or one that never was late."""

    first: Candidate
    second: Candidate | None
    """None: the first was not late, or there was nobody else."""
    ended: dict[Candidate, Attempted]
    """Whoever is missing was cancelled."""
    cut_cost: Cost | None
    """US dollars of whoever is missing."""

    @property
    def won(self) -> Candidate:
        """Whoever has answered; where nobody has, the first."""
        return next((who for who, attempted in self.ended.items() if attempted.answer is not None), self.first)

    def fault(self, who: Candidate) -> Fault | None:
        """Why one of the two has failed; None where it has not, or was cancelled."""
        attempted = self.ended.get(who)
        return None if attempted is None else attempted.fault

    def cost(self, who: Candidate) -> Cost | None:
        """US dollars of one of the two."""
        attempted = self.ended.get(who)
        return self.cut_cost if attempted is None else attempted.record.cost


class Hedging:
    """The hedges of one call."""

    def __init__(self, course: Course, story: Story, means: Means, me: Me, attempting: Attempting) -> None:
        self._course = course
        self._story = story
        self._means = means
        self._me = me
        self._attempting = attempting

    def patience(self, candidate: Candidate) -> float | None:
        """Seconds after which this one is late; None when no hedge may be made."""
        view = self._means.ledger.snapshot
        if view is None or self._course.spare(self._me.now()) is None or not self._steady(candidate):
            return None
        return self._means.hedge.patience(view.latency(candidate.provider, candidate.model))

    async def raced(self, candidate: Candidate, work: Work, patience: float) -> Raced:
        """An attempt at the candidate, and a second one when that is late after `patience` seconds. Both are told to
        the story, whoever has won as the last: that one's answer may yet be rejected.
        """
        attempting = self._attempting

        async def attempt(who: Candidate, number: int) -> Attempted:
            attempted, _ = await attempting.run(who, work, b"", self._money(number))
            attempting.outrun = attempting.outrun or attempted.answer is not None
            return attempted

        attempting.outrun = False
        ended: Ended = []
        try:
            second = await race(attempt, candidate, patience, self._spare, ended)
        except BaseException:
            for _, one in ended:  # they were paid for, whatever ends the call
                self._story.attempted(one, charged=True)
            raise
        finally:
            attempting.outrun = False
        raced = Raced(candidate, second, dict(ended), attempting.cut_cost)
        for _, one in sorted(ended, key=lambda each: each[0] == raced.won):
            self._story.attempted(one, charged=True)
        return raced

    def _steady(self, candidate: Candidate) -> bool:
        """Whether its circuits are neither open nor on trial, as far as its provider has said."""
        view = self._means.provider(candidate.provider).snapshot
        return view is not None and bool(view.steady(candidate.model))

    def _spare(self) -> Candidate | None:
        """Who may be asked as well, now that the first is late. It is counted, so it has to be asked."""
        spare = self._course.spare(self._me.now())
        if spare is None or not self._steady(spare) or not self._means.hedges.spend():
            return None
        self._course.hedged()
        return spare

    def _money(self, number: int) -> Cost | None:
        """US dollars that this one of the two may take: the second leaves what the first may still cost."""
        left = self._course.allowance.money
        first = None if left is None or number == 1 else self._means.taken(self._story.latest_id)
        return left if left is None or first is None or first.cost is None else left - first.cost
