"""The budgets against a book that keeps every attempt and adds up anew each time."""

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.actors.budgets.decide import SWEEP, Budgets
from callboard.actors.budgets.spec import BudgetSpec
from callboard.actors.ledger.adding_up import add_up
from callboard.actors.ledger.book import Book, lost
from callboard.messages.accounting import AttemptOpened, AttemptSettled, BudgetMark, LedgerEntry
from callboard.messages.budgeting import BudgetRow, ReserveMoney, SettleMoney, TakeOverMoney
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.usage import Usage
from callboard.runtime.calendar import Calendar, zone_of
from callboard.runtime.clock import NANOSECONDS, NEVER

HOUR = 3_600 * NANOSECONDS
START = 1_767_225_600 * NANOSECONDS  # 2026-01-01
ZERO = Decimal(0)


def spec(limit: str = "1", **more: Any) -> BudgetSpec:
    return BudgetSpec(limit=Decimal(limit), per=more.pop("per", "day"), **more)


class World:
    """Budgets, the ledger's book beside them, and a second book that knows every attempt."""

    def __init__(self, zone: str = "UTC", **specs: BudgetSpec) -> None:
        self.specs = specs
        self.calendar = Calendar(zone_of(zone))
        self.book = Book(self.calendar)
        self.now, self.utc = 0, START
        self.made = 0
        self.held: dict[str, tuple[ReserveMoney, int]] = {}
        self.opened: set[str] = set()
        self.done: list[tuple[ReserveMoney, int, Decimal | None]] = []
        self.budgets = Budgets(specs, self.calendar, self.book.open.__contains__)

    def reserve(self, cost: str | Decimal | None = "0.1", *, until: int = NEVER, **by: Any) -> str | Fault:
        self.made += 1
        who = {"provider": "p", "model": "m", "tag": None, "user": None} | by
        amount = None if cost is None else Decimal(cost)
        wish = ReserveMoney(attempt=f"a-{self.made}", cost=amount, until=until, **who)
        fault = self.budgets.reserve(wish, self.now, self.utc)
        if fault is not None:
            return fault
        self.held[wish.attempt] = (wish, self.utc)
        return wish.attempt

    def open(self, attempt: str) -> None:
        wish, at = self.held[attempt]
        self.opened.add(attempt)
        self.write(
            AttemptOpened(
                id=attempt,
                call="c",
                provider=wish.provider,
                model=wish.model,
                at=self.utc,
                estimate=Usage(output=1),
                estimated_cost=wish.cost,
                tag=wish.tag,
                user=wish.user,
                counts_at=at,
            )
        )

    def settle(self, attempt: str, cost: str | Decimal | None) -> list[str]:
        if attempt not in self.opened:
            self.open(attempt)
        wish, at = self.held.pop(attempt)
        amount = None if cost is None else Decimal(cost)
        self.write(
            AttemptSettled(
                id=attempt,
                call="c",
                provider=wish.provider,
                model=wish.model,
                at=self.utc,
                outcome="ok",
                fault=None,
                usage=Usage(output=1),
                cost=amount,
                estimated=False,
                duration=1,
                tag=wish.tag,
                user=wish.user,
            )
        )
        self.done.append((wish, at, amount))
        raised = self.budgets.settle(SettleMoney(attempt=attempt, usage=Usage(output=1), cost=amount), self.utc)
        return self.told(raised)

    def give_back(self, attempt: str) -> None:
        del self.held[attempt]
        self.budgets.give_back(attempt)

    def pass_time(self, hours: float) -> None:
        self.now += int(hours * HOUR)
        self.utc += int(hours * HOUR)

    def crash(self, **specs: BudgetSpec) -> list[str]:
        """The actor begins anew; whoever has not opened yet asks again, in the test that wants it."""
        self.specs = specs or self.specs
        for attempt in self.held.keys() - self.opened:
            del self.held[attempt]
        self.budgets = Budgets(self.specs, self.calendar, self.book.open.__contains__)
        return self.told(self.budgets.recall(self.book.spending(), self.utc))

    def kill(self) -> list[str]:
        """The process dies and starts: the ledger settles what was open at its estimate."""
        for entry in list(self.book.open.values()):
            wish, at = self.held.pop(entry.id)
            self.done.append((wish, at, entry.estimated_cost))
            self.write(lost(entry, self.utc))
        return self.crash()

    def reset(self, name: str) -> None:
        self.remember([tally.mark(self.utc) for tally in self.budgets.reset(name, self.utc)])

    def told(self, raised: list[Any]) -> list[str]:
        self.remember([tally.mark(self.utc) for tally, _ in raised])
        return [f"{alert.budget} {alert.share}" for _, alert in raised]

    def remember(self, marks: list[BudgetMark]) -> None:
        for mark in marks:
            self.budgets.remember(mark)
            self.write(mark)

    def write(self, entry: LedgerEntry) -> None:
        self.book.apply(entry)

    def row(self, name: str, scope: str = "") -> BudgetRow:
        (found,) = [row for row in self.budgets.rows(self.utc) if (row.name, row.scope) == (name, scope)]
        return found


def refusal(outcome: str | Fault) -> Fault:
    assert isinstance(outcome, Fault)
    assert outcome.kind is FaultKind.BUDGET
    return outcome


def granted(outcome: str | Fault) -> str:
    assert isinstance(outcome, str), outcome
    return outcome


def test_a_refusal_names_the_budget_and_when_its_window_ends() -> None:
    world = World(team=spec("1"))
    granted(world.reserve("0.9"))
    fault = refusal(world.reserve("0.2"))
    assert fault.code == "team"
    assert fault.resets_at == START + 24 * HOUR
    assert "'team' has $0.1 left of $1, and this may cost $0.2" in fault.message
    assert "2026-01-02T00:00:00Z" in fault.message


def test_what_is_set_aside_in_one_budget_is_set_aside_in_all_or_in_none() -> None:
    world = World(all=spec("10"), model=spec("0.5", model="m"))
    refusal(world.reserve("0.6"))
    assert world.row("all").reserved == 0
    granted(world.reserve("0.4"))
    assert (world.row("all").reserved, world.row("model").reserved) == (Decimal("0.4"), Decimal("0.4"))


def test_what_it_cost_takes_the_place_of_what_was_set_aside() -> None:
    world = World(all=spec("1"))
    world.settle(granted(world.reserve("0.9")), "0.2")
    row = world.row("all")
    assert (row.cost, row.reserved, row.remaining, row.requests) == (Decimal("0.2"), 0, Decimal("0.8"), 1)
    assert row.usage == Usage(output=1)


def test_what_was_told_of_a_window_is_forgotten_when_it_is_over() -> None:
    world = World(each=spec("1", user="*"), ever=spec("99", per="ever", alerts=(0.01,)))
    for _ in range(4):
        for user in "abc":
            world.settle(granted(world.reserve("0.9", user=user)), "0.9")
        assert sorted(mark.user or "" for mark in world.budgets._marks.values()) == ["", "a", "b", "c"]
        world.pass_time(24)
        granted(world.reserve("0", user="a"))
        assert [mark.user for mark in world.budgets._marks.values()] == [None]
    world.crash()
    assert [mark.user for mark in world.budgets._marks.values()] == [None]


def test_what_was_not_made_is_given_back() -> None:
    world = World(all=spec("1"))
    world.give_back(granted(world.reserve("1")))
    assert world.row("all").remaining == 1
    granted(world.reserve("1"))


def test_what_is_free_always_fits_and_what_is_not_does_not_slip_through_beside_it() -> None:
    world = World(all=spec("1"))
    world.settle(granted(world.reserve("1")), "1.5")
    granted(world.reserve("0", provider="local"))
    refusal(world.reserve("0.000001", provider="paid"))


def test_an_unknown_price_is_refused_unless_it_is_allowed_and_then_counted_apart() -> None:
    assert "no price is known" in refusal(World(all=spec("1")).reserve(None)).message
    world = World(all=spec("1", unknown_price="allow"))
    world.settle(granted(world.reserve(None)), None)
    assert (world.row("all").unpriced, world.row("all").cost, world.row("all").requests) == (1, 0, 1)


def test_a_budget_that_is_not_hard_refuses_nothing_and_counts_everything() -> None:
    world = World(all=spec("1", hard=False))
    world.settle(granted(world.reserve("3")), "3")
    granted(world.reserve(None))
    assert world.row("all").remaining == -2


def test_each_user_has_a_window_of_its_own_and_those_without_a_name_share_one() -> None:
    world = World(each=spec("1", user="*"))
    granted(world.reserve("1", user="ann"))
    granted(world.reserve("1", user="bob"))
    granted(world.reserve("1"))
    refusal(world.reserve("0.1", user="ann"))
    refusal(world.reserve("0.1"))
    assert [row.scope for row in world.budgets.rows(START)] == ["user=", "user=ann", "user=bob"]


def test_what_was_added_up_over_tags_and_users_counts_only_where_neither_is_asked_for() -> None:
    specs = {"all": spec("9"), "tags": spec("1", tag="*"), "users": spec("1", user="*"), "model": spec("9", model="m")}
    world = World("UTC", **specs)
    world.settle(granted(world.reserve("0.7", tag="t", user="ann")), "0.7")
    world.settle(granted(world.reserve("0.2")), "0.2")
    add_up(world.book, "2026-01-01", START)
    world.crash(**specs)
    granted(world.reserve("0"))
    assert [(row.name, row.scope, row.cost) for row in world.budgets.rows(START)] == [
        ("all", "", Decimal("0.9")),
        ("tags", "tag=", Decimal("0.2")),
        ("users", "user=", Decimal("0.2")),
        ("model", "", Decimal("0.9")),
    ]


def test_a_deleted_user_begins_anew_and_what_is_underway_still_counts_for_him() -> None:
    world = World(each=spec("1", user="*"), ann=spec("1", user="ann"), all=spec("9"))
    for user in ("ann", "bob"):
        world.settle(granted(world.reserve("0.9", user=user)), "0.9")
    underway = granted(world.reserve("0.1", user="ann"))
    for user in ("ann", "bob"):
        world.budgets.forget(user)
    assert [(row.name, row.scope, row.cost) for row in world.budgets.rows(START)] == [
        ("each", "user=ann", 0),
        ("ann", "", 0),
        ("all", "", Decimal("1.8")),
    ]
    assert world.settle(underway, "0.9") == ["each 0.8", "ann 0.8"]
    refusal(world.reserve("0.2", user="ann"))
    assert world.settle(granted(world.reserve("0.9", user="bob")), "0.9") == ["each 0.8"]


def test_what_was_told_of_a_deleted_user_is_told_anew_and_of_nobody_else() -> None:
    world = World(each=spec("1", user="*"))
    for user in ("ann", "bob"):
        assert world.settle(granted(world.reserve("0.9", user=user)), "0.9") == ["each 0.8"]
    world.budgets.forget("bob")
    assert world.settle(granted(world.reserve("0.9", user="bob")), "0.9") == ["each 0.8"]
    assert world.settle(granted(world.reserve("0.01", user="ann")), "0.01") == []


def test_a_budget_counts_only_what_it_selects() -> None:
    world = World(search=spec("1", tag="search", provider="p"))
    granted(world.reserve("5", tag="chat"))
    granted(world.reserve("5", tag="search", provider="q"))
    refusal(world.reserve("5", tag="search"))


def test_the_next_window_begins_with_nothing_and_what_is_underway_counts_where_it_began() -> None:
    world = World(all=spec("1"))
    attempt = granted(world.reserve("1"))
    world.pass_time(24)
    assert world.row("all").remaining == 1
    world.settle(attempt, "1")
    assert world.row("all").cost == 0
    granted(world.reserve("1"))
    world.crash()
    assert world.row("all").cost == 0, "the ledger counts it there as well"


def test_what_is_underway_since_yesterday_takes_nothing_of_today_also_after_a_restart() -> None:
    world = World(all=spec("1"))
    attempt = granted(world.reserve("1"))
    world.open(attempt)
    world.pass_time(24)
    world.crash()
    assert world.row("all").remaining == 1
    world.settle(attempt, "1")
    assert world.row("all").cost == 0


def test_what_was_granted_yesterday_and_opened_today_counts_yesterday_also_after_a_restart() -> None:
    world = World(all=spec("1"))
    attempt = granted(world.reserve("1"))
    world.pass_time(24)
    world.open(attempt)
    world.crash()
    assert world.row("all").remaining == 1
    world.settle(attempt, "1")
    assert world.row("all").cost == 0


def test_days_follow_the_time_zone_through_a_change_of_its_clocks() -> None:
    world = World("Europe/Berlin", all=spec("1"))
    world.utc = START + (31 + 28 + 28) * 24 * HOUR - HOUR  # 2026-03-29 00:00 in Berlin, a day of 23 hours
    world.settle(granted(world.reserve("1")), "1")
    world.pass_time(22.9)
    refusal(world.reserve("1"))
    world.pass_time(0.1)
    granted(world.reserve("1"))


def test_an_alert_is_raised_once_a_share_and_window_also_after_a_restart() -> None:
    world = World(all=spec("1", alerts=(0.5, 0.8)))
    assert world.settle(granted(world.reserve("0.1")), "0.4") == []
    assert world.settle(granted(world.reserve("0.1")), "0.1") == ["all 0.5"]
    assert world.crash() == []
    assert world.settle(granted(world.reserve("0.1")), "0.5") == ["all 0.8"]
    world.pass_time(24)
    assert world.settle(granted(world.reserve("0.1")), "0.9") == ["all 0.5", "all 0.8"]


def test_what_a_crash_was_too_early_to_tell_is_told_at_the_start() -> None:
    world = World(all=spec("1"))
    world.open(granted(world.reserve("0.9")))
    assert world.kill() == ["all 0.8"]


def test_a_raised_limit_is_told_anew() -> None:
    world = World(all=spec("1", alerts=(1.0,)))
    assert world.settle(granted(world.reserve("1")), "1") == ["all 1.0"]
    assert world.crash(all=spec("2", alerts=(1.0,))) == []
    assert world.settle(granted(world.reserve("1")), "1") == ["all 1.0"]


def test_a_reset_empties_the_window_and_outlives_a_restart() -> None:
    world = World(all=spec("1"))
    world.settle(granted(world.reserve("1")), "1")
    underway = world.reserve("0")
    world.reset("all")
    assert (world.row("all").cost, world.row("all").requests) == (0, 0)
    world.settle(granted(underway), "0.25")
    world.crash()
    assert (world.row("all").cost, world.row("all").requests) == (Decimal("0.25"), 1)


def test_a_budget_that_comes_to_count_something_else_forgives_nothing() -> None:
    world = World(team=spec("1", tag="a"), other=spec("9", tag="b"))
    world.settle(granted(world.reserve("1", tag="a")), "1")
    world.settle(granted(world.reserve("1", tag="b")), "1")
    world.reset("team")
    world.crash(team=spec("1", tag="b"))
    assert world.row("team").cost == 1


def test_of_two_budgets_that_count_the_same_each_has_told_and_forgiven_its_own() -> None:
    world = World(stop=spec("1"), watch=spec("0.5", hard=False, alerts=(1.0,)))
    assert world.settle(granted(world.reserve("1")), "1") == ["stop 0.8", "stop 0.95", "watch 1.0"]
    assert world.crash() == []
    world.reset("watch")
    world.crash()
    assert (world.row("watch").cost, world.row("stop").cost) == (0, 1)
    refusal(world.reserve("0.1"))


def test_more_is_never_forgiven_than_is_known_to_be_spent() -> None:
    world = World(all=spec("9", per="ever"))
    world.settle(granted(world.reserve("5")), "5")
    world.reset("all")
    world.book.rows["spend"].clear()
    world.settle(granted(world.reserve("1")), "1")
    world.crash()
    assert world.row("all").cost == 1


def test_a_new_budget_counts_what_was_spent_before_it_was_written() -> None:
    world = World(all=spec("9"))
    world.settle(granted(world.reserve("1", user="ann")), "1")
    world.crash(each=spec("1", user="*", per="month"))
    refusal(world.reserve("0.1", user="ann"))
    granted(world.reserve("0.1", user="bob"))


def test_after_a_change_of_the_time_zone_too_much_is_counted_rather_than_too_little() -> None:
    world = World(all=spec("9"))
    world.pass_time(20)
    world.settle(granted(world.reserve("1")), "1")
    world.calendar = Calendar(ZoneInfo("Asia/Tokyo"))
    world.crash()
    assert world.row("all").cost == 1
    world.pass_time(24)
    assert world.row("all").cost == 0


def test_what_nobody_ends_is_taken_back_when_its_time_is_over_unless_it_is_open() -> None:
    world = World(all=spec("1"))
    granted(world.reserve("0.5", until=HOUR))
    opened = granted(world.reserve("0.5", until=HOUR))
    world.open(opened)
    refusal(world.reserve("0.5"))
    world.pass_time(1)
    granted(world.reserve("0.5"))
    refusal(world.reserve("0.5"))


def test_whoever_would_be_refused_does_not_wait_for_the_next_look_at_what_is_over() -> None:
    world = World(all=spec("1"))
    granted(world.reserve("1", until=SWEEP // 4))
    refusal(world.reserve("1"))
    world.now += SWEEP // 2
    granted(world.reserve("1"))


def test_a_refusal_looks_through_no_windows_but_those_that_count_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Windows(dict[Any, Any]):
        def items(self) -> Any:
            raise AssertionError("there may be a hundred thousand")

    world = World(each=spec("1", user="*"))
    granted(world.reserve("1", user="ann"))
    monkeypatch.setattr(world.budgets, "_tallies", Windows(world.budgets._tallies))
    refusal(world.reserve("1", user="ann"))


def test_windows_that_are_over_are_forgotten() -> None:
    world = World(each=spec("1", user="*"))
    for user in range(50):
        world.give_back(granted(world.reserve("1", user=f"u{user}")))
    world.pass_time(25)
    assert SWEEP < 25 * HOUR
    granted(world.reserve("1", user="u0"))
    assert len(world.budgets._tallies) == 1


def test_asking_again_for_the_same_attempt_replaces_what_it_had_set_aside() -> None:
    world = World(all=spec("1"))
    wish = ReserveMoney(attempt="a", provider="p", model="m", tag=None, user=None, cost=Decimal("0.6"), until=NEVER)
    assert world.budgets.reserve(wish, 0, START) is None
    assert world.budgets.reserve(wish, 0, START) is None
    assert world.row("all").reserved == Decimal("0.6")


SPECS = {
    "all": spec("2"),
    "month": spec("5", per="month"),
    "ever": spec("20", per="ever"),
    "users": spec("0.7", user="*"),
    "model": spec("1", provider="p", model="m"),
    "watch": spec("1", hard=False),
}
costs = st.integers(0, 60).map(lambda cents: Decimal(cents) / 100)
moves = st.one_of(
    st.tuples(st.just("reserve"), costs, st.sampled_from("pq"), st.sampled_from(["ann", "bob", None])),
    st.tuples(st.just("open"), st.integers(0, 9)),
    st.tuples(st.just("settle"), st.integers(0, 9), st.floats(0, 1)),
    st.tuples(st.just("give back"), st.integers(0, 9)),
    st.tuples(st.just("time"), st.sampled_from([0.5, 7.0, 24.0, 31 * 24.0])),
    st.tuples(st.just("crash")),
    st.tuples(st.just("kill")),
)


def step(world: World, move: tuple[Any, ...]) -> None:
    held = sorted(world.held)
    match move:
        case ("reserve", cost, provider, user):
            world.reserve(cost, provider=provider, user=user)
        case ("open", place) if unopened := sorted(world.held.keys() - world.opened):
            world.open(unopened[place % len(unopened)])
        case ("settle", place, share) if held:
            attempt = held[place % len(held)]
            reserved = world.held[attempt][0].cost or ZERO
            world.settle(attempt, (reserved * Decimal(share)).quantize(Decimal("0.001")))
        case ("give back", place) if unopened := sorted(world.held.keys() - world.opened):
            world.give_back(unopened[place % len(unopened)])
        case ("time", hours):
            world.pass_time(hours)
        case ("crash",):
            world.crash()
        case ("kill",):
            world.kill()


def expected(world: World, row: BudgetRow) -> tuple[Decimal, Decimal]:
    """What the second book says: spent and set aside in the window of this row."""
    budget = world.specs[row.name]
    window = budget.window(world.calendar, world.utc)

    def counted(wish: ReserveMoney, at: int) -> bool:
        if budget.user == "*" and row.scope != f"user={wish.user or ''}":
            return False
        names = (budget.provider in (None, wish.provider), budget.model in (None, wish.model))
        return all(names) and window.starts <= at < window.ends

    spent = sum((cost or ZERO for wish, at, cost in world.done if counted(wish, at)), ZERO)
    held = sum((wish.cost or ZERO for wish, at in world.held.values() if counted(wish, at)), ZERO)
    return spent, held


@settings(max_examples=150, deadline=None)
@given(program=st.lists(moves, max_size=60), zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]))
def test_no_order_of_events_overspends_and_the_sums_are_those_of_an_independent_book(
    program: list[tuple[Any, ...]], zone: str
) -> None:
    world = World(zone, **SPECS)
    for move in program:
        step(world, move)
        for row in world.budgets.rows(world.utc):
            assert (row.cost, row.reserved) == expected(world, row), row
            assert not row.hard or row.cost + row.reserved <= row.limit


@settings(max_examples=60, deadline=None)
@given(program=st.lists(moves, max_size=60))
def test_a_new_life_knows_exactly_what_the_one_before_it_knew(program: list[tuple[Any, ...]]) -> None:
    world = World("UTC", **SPECS)
    for move in program:
        step(world, move)
    for attempt in list(world.held.keys() - world.opened):
        world.give_back(attempt)
    before = {(row.name, row.scope): row for row in world.budgets.rows(world.utc) if row.requests or row.reserved}
    world.crash()
    after = {(row.name, row.scope): row for row in world.budgets.rows(world.utc) if row.requests or row.reserved}
    assert after == before


def test_what_is_taken_over_is_set_aside_and_spent_by_the_new_payer_alone() -> None:
    w = World(a=spec(tag="a"), b=spec(tag="b"), all=spec())
    attempt = granted(w.reserve("0.4", tag="a"))
    w.budgets.taken_over(TakeOverMoney(attempt=attempt, tag="b", user=None), w.utc)
    assert [w.row(name).reserved for name in ("a", "b", "all")] == [0, Decimal("0.4"), Decimal("0.4")]
    w.budgets.settle(SettleMoney(attempt=attempt, usage=Usage(), cost=Decimal("0.3")), w.utc)
    assert [(w.row(name).cost, w.row(name).reserved) for name in ("a", "b", "all")] == [
        (0, 0),
        (Decimal("0.3"), 0),
        (Decimal("0.3"), 0),
    ]
    w.budgets.taken_over(TakeOverMoney(attempt="unknown", tag="b", user=None), w.utc)
    assert w.budgets.held == 0


def test_what_is_taken_over_today_counts_yesterday_when_it_was_granted_then() -> None:
    w = World(a=spec(tag="a"), b=spec(tag="b"), all=spec())
    attempt = granted(w.reserve("0.4", tag="a"))
    w.pass_time(24)
    w.budgets.taken_over(TakeOverMoney(attempt=attempt, tag="b", user=None), w.utc)
    assert [w.row(name).reserved for name in ("b", "all")] == [0, 0]
    w.budgets.settle(SettleMoney(attempt=attempt, usage=Usage(), cost=Decimal("0.3")), w.utc)
    assert [w.row(name).cost for name in ("b", "all")] == [0, 0]
