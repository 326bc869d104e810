"""Who may spend how much. Pure: `now` is monotonic, `utc` UTC nanoseconds.

One step looks at every budget that counts an attempt and sets its cost aside in all of them, or in none: so attempts
at the same time cannot overspend together. When the attempt ends, what it cost takes the place of what was set aside.
It counts in the windows in which it was granted, however long it takes.

What was set aside for an attempt that nobody ends (there should be none) is taken back when its time is over, unless
the ledger has the attempt open: then it may still be billed.
"""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from callboard.actors.budgets.spec import BudgetSpec, Scope
from callboard.actors.budgets.tally import ZERO, Tally
from callboard.messages.accounting import BudgetMark, Spending, Spent
from callboard.messages.budgeting import BudgetRow, ReserveMoney, SettleMoney, TakeOverMoney
from callboard.messages.events import BudgetAlert
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.usage import Cost
from callboard.runtime.calendar import Calendar
from callboard.runtime.clock import NEVER, ns

SWEEP = ns(60)
"""Between two looks for what is over."""


class Held(msgspec.Struct, frozen=True, gc=False):
    """What one attempt has set aside, where, and until when (monotonic nanoseconds)."""

    provider: str
    model: str
    at: int
    """UTC nanoseconds: it counts in the windows of this moment."""
    cost: Cost
    tallies: tuple[Tally, ...]
    until: int


class Budgets:
    """All budgets of a configuration. `is_open` tells whether the ledger has an attempt open."""

    def __init__(
        self, specs: Mapping[str, BudgetSpec], calendar: Calendar, is_open: Callable[[str], bool] = lambda _: False
    ) -> None:
        self._specs = specs
        self._calendar = calendar
        self._is_open = is_open
        self._tallies: dict[tuple[str, Scope], Tally] = {}
        """The latest window of each."""
        self._held: dict[str, Held] = {}
        self._marks: dict[tuple[str, int], BudgetMark] = {}
        self._swept = 0

    def recall(self, spending: Spending, utc: int) -> list[tuple[Tally, BudgetAlert]]:
        """Start from what the ledger knows. The alerts that a former life was too short to raise.

        A row counts in every window that it overlaps: after a change of the time zone rather too much than too little.
        """
        self._marks = {(mark.counts, mark.starts): mark for mark in spending.marks}
        for row in spending.rows:
            spent = Spent() + row
            for tally in self._counting(row.provider, row.model, row.tag, row.user, utc, unknown=row.unknown):
                if row.starts < tally.window.ends and tally.window.starts < row.ends:
                    tally.spent += spent
        self._forget_marks(utc)
        for tally in self._tallies.values():
            tally.check()
        for opened in spending.open:
            at = opened.at if opened.counts_at is None else opened.counts_at
            counting = self._counting(opened.provider, opened.model, opened.tag, opened.user, utc)
            tallies = tuple(one for one in counting if at in one.window)
            cost = opened.estimated_cost or ZERO
            self._hold(opened.id, Held(opened.provider, opened.model, at, cost, tallies, NEVER))
        return [(tally, alert) for tally in self._tallies.values() for alert in tally.alerts(utc)]

    def reserve(self, wish: ReserveMoney, now: int, utc: int) -> Fault | None:
        """Set the cost aside in every budget that counts this attempt; the Fault of the first that has not so much."""
        self.give_back(wish.attempt)
        if now - self._swept >= SWEEP:
            self._sweep(now, utc)
        counting = self._counting(wish.provider, wish.model, wish.tag, wish.user, utc)
        fault = _refusal(counting, wish)
        if fault is not None and self._take_back_late(now):
            fault = _refusal(counting, wish)
        if fault is None:
            held = Held(wish.provider, wish.model, utc, wish.cost or ZERO, tuple(counting), wish.until)
            self._hold(wish.attempt, held)
        return fault

    def settle(self, end: SettleMoney, utc: int) -> list[tuple[Tally, BudgetAlert]]:
        """The attempt has ended: what it cost takes the place of what was set aside. The alerts that this raises.

        An attempt that is not known was settled before this life began: it is among the ledger's sums.
        """
        held = self._take(end.attempt)
        if held is None:
            return []
        spent = Spent(
            attempts=1,
            faults=int(end.fault),
            usage=end.usage,
            cost=end.cost or ZERO,
            unpriced=int(end.cost is None),
            estimated=int(end.estimated),
        )
        for tally in held.tallies:
            tally.spent += spent
        return [(tally, alert) for tally in held.tallies for alert in tally.alerts(utc)]

    def taken_over(self, over: TakeOverMoney, utc: int) -> None:
        """Move what is set aside to the budgets that count the new payer, in the windows in which it counted."""
        held = self._take(over.attempt)
        if held is None:
            return
        before = {(tally.name, tally.scope): tally for tally in held.tallies}
        counting = self._counting(held.provider, held.model, over.tag, over.user, utc)
        tallies = [before.get((one.name, one.scope), one) for one in counting]
        moved = tuple(one for one in tallies if held.at in one.window)
        self._hold(over.attempt, msgspec.structs.replace(held, tallies=moved))

    def give_back(self, attempt: str) -> None:
        """The attempt was not made."""
        self._take(attempt)

    def reset(self, name: str, utc: int) -> list[Tally]:
        """Empty the current windows of this budget: those that were."""
        tallies = [tally for tally in self._current(utc) if tally.name == name]
        for tally in tallies:
            tally.reset()
        return tallies

    def forget(self, user: str) -> None:
        """He is deleted: his windows are as new. What is underway stays set aside in them, and will count."""
        in_use = {id(tally) for held in self._held.values() for tally in held.tallies}
        for key, tally in list(self._tallies.items()):
            if tally.user == user:
                tally.clear()
                if id(tally) not in in_use:
                    del self._tallies[key]
        self._marks = {key: mark for key, mark in self._marks.items() if mark.user != user}

    def remember(self, mark: BudgetMark) -> None:
        """This was written down."""
        self._marks[mark.counts, mark.starts] = mark

    def rows(self, utc: int) -> tuple[BudgetRow, ...]:
        """Every current window; may be called from any thread."""
        rows = [tally.row() for tally in self._current(utc)]
        named = {row.name for row in rows}
        unused = [
            Tally(name, spec, (), spec.window(self._calendar, utc)).row()
            for name, spec in self._specs.items()
            if name not in named and not spec.each
        ]
        order = {name: place for place, name in enumerate(self._specs)}
        return tuple(sorted([*rows, *unused], key=lambda row: (order[row.name], row.scope)))

    @property
    def held(self) -> int:
        """Attempts that have something set aside."""
        return len(self._held)

    def _current(self, utc: int) -> list[Tally]:
        return [tally for tally in list(self._tallies.values()) if utc < tally.window.ends]

    def _counting(
        self,
        provider: str,
        model: str,
        tag: str | None,
        user: str | None,
        utc: int,
        *,
        unknown: tuple[str, ...] = (),
    ) -> list[Tally]:
        """The windows that count what these spend; none by a selector of which it is unknown who they were."""
        spent_by = {"provider": provider, "model": model, "tag": tag or "", "user": user or ""}
        found: list[Tally] = []
        for name, spec in self._specs.items():
            unknowable = unknown and any(getattr(spec, selector) is not None for selector in unknown)
            scope = None if unknowable else spec.scope(spent_by)
            if scope is not None:
                found.append(self._tally(name, spec, scope, utc))
        return found

    def _tally(self, name: str, spec: BudgetSpec, scope: Scope, utc: int) -> Tally:
        tally = self._tallies.get((name, scope))
        if tally is None or utc >= tally.window.ends:
            tally = self._tallies[name, scope] = Tally(name, spec, scope, spec.window(self._calendar, utc))
            mark = self._marks.get((spec.counts(name, scope), tally.window.starts))
            if mark is not None:
                tally.recall(mark)
        return tally

    def _hold(self, attempt: str, held: Held) -> None:
        self._held[attempt] = held
        for tally in held.tallies:
            tally.reserved += held.cost

    def _take(self, attempt: str) -> Held | None:
        held = self._held.pop(attempt, None)
        if held is not None:
            for tally in held.tallies:
                tally.reserved -= held.cost
        return held

    def _take_back_late(self, now: int) -> bool:
        """Whether anything was."""
        late = [id_ for id_, held in self._held.items() if held.until <= now and not self._is_open(id_)]
        for attempt in late:
            self.give_back(attempt)
        return bool(late)

    def _sweep(self, now: int, utc: int) -> None:
        """Take back what is over; drop the windows that are."""
        self._swept = now
        self._take_back_late(now)
        for key in [key for key, tally in self._tallies.items() if utc >= tally.window.ends]:
            del self._tallies[key]
        self._forget_marks(utc)

    def _forget_marks(self, utc: int) -> None:
        """Of windows that are not the current ones."""
        current = {spec.window(self._calendar, utc).starts for spec in self._specs.values()}
        self._marks = {key: mark for key, mark in self._marks.items() if key[1] in current}


def _refusal(tallies: Iterable[Tally], wish: ReserveMoney) -> Fault | None:
    for tally in tallies:
        why = tally.refusal(wish.cost)
        if why is not None:
            return Fault(
                kind=FaultKind.BUDGET,
                message=why,
                provider=wish.provider,
                model=wish.model,
                code=tally.name,
                resets_at=tally.resets_at,
            )
    return None
