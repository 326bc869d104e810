"""The refs and settings that all calls of an orchestrator share."""

from collections.abc import Callable, Mapping

import msgspec

from callboard.actors.orchestrator.features import Knowledge, Unfit
from callboard.actors.orchestrator.hedge import HedgeBudget, HedgeSpec
from callboard.actors.orchestrator.policy import RetrySpec
from callboard.messages.accounting import Taken
from callboard.messages.calls import Candidate
from callboard.messages.hooks import Wishes
from callboard.messages.request import Request, Work
from callboard.messages.routing import Plan, RoutingTable
from callboard.runtime.ref import Ref


class Means(msgspec.Struct, frozen=True, kw_only=True):
    """Made once, by the orchestrator."""

    selector: Ref
    cache: Ref
    ledger: Ref
    provider: Callable[[str], Ref]
    retry: RetrySpec
    knowledge: Knowledge | None
    standards: Mapping[str, Wishes]
    """What an alias demands of every reply."""
    hedge: HedgeSpec
    hedges: HedgeBudget

    def candidates(self, name: str) -> tuple[Candidate, ...]:
        """All that `name` stands for, whether or not they take calls. Raises UnknownModel."""
        table: RoutingTable = self.selector.snapshot
        return table.candidates(name)

    def taken(self, attempt: str) -> Taken | None:
        """What the ledger has of an attempt that did not tell its end."""
        view = self.ledger.snapshot
        taken: Taken | None = None if view is None else view.taken(attempt)
        return taken

    def planned(self, work: Work, now: int) -> tuple[Plan, tuple[Unfit, ...]]:
        """Who may be asked, in order, and who lacks what the request needs. Raises UnknownModel."""
        table: RoutingTable = self.selector.snapshot
        plan = table.plan(work.model, now)
        if self.knowledge is None or not isinstance(work, Request):
            return plan, ()
        return self.knowledge.fitting(work, plan)
