from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.orchestrator.course import Course, GiveUp, Step, Try, Wait
from callboard.actors.orchestrator.policy import RULES, RetrySpec
from callboard.messages.calls import Allowance, Candidate
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.routing import Plan, Skipped
from callboard.runtime.clock import NEVER, ns

A, B, C, D = Candidate("a", "m"), Candidate("b", "m"), Candidate("c", "m"), Candidate("d", "m")
RETRY = RetrySpec(base=1, max=8)
SERVER, OVERLOADED, INVALID = FaultKind.SERVER, FaultKind.OVERLOADED, FaultKind.INVALID_REQUEST
HALF = 0.5


def allowance(attempts: int = 9, deadline: float = 600, money: str | None = None) -> Allowance:
    return Allowance(attempts=attempts, deadline=ns(deadline), money=None if money is None else Decimal(money))


class Journey:
    """A course and its clock: waits as it is told, and notes who was tried when."""

    def __init__(
        self,
        *candidates: Candidate,
        skipped: tuple[tuple[Candidate, float], ...] = (),
        wait: bool = False,
        rand: float = HALF,
        chains: dict[FaultKind, tuple[Candidate, ...]] | None = None,
        **allowed: Any,
    ) -> None:
        plan = Plan(candidates, tuple(Skipped(one, ns(at)) for one, at in skipped), chains)
        self.course = Course(plan, allowance(**allowed), RETRY, wait=wait)
        self.now = 0
        self.rand = rand
        self.tried: list[tuple[float, Candidate]] = []

    def step(self) -> Try | GiveUp:
        step: Step = self.course.next(self.now)
        while isinstance(step, Wait):
            assert step.until > self.now
            self.now = step.until
            step = self.course.next(self.now)
        if isinstance(step, Try):
            self.tried.append((self.now / 1e9, step.candidate))
        return step

    def fail(
        self,
        kind: FaultKind,
        retry_after: float | None = None,
        cost: str | None = None,
        *,
        repair: bool = False,
        retry: bool | None = None,
    ) -> Try | GiveUp:
        fault = Fault(kind=kind, message=kind.value, retry_after=retry_after, retry=retry)
        self.course.failed(fault, None if cost is None else Decimal(cost), self.now, self.rand, repair=repair)
        return self.step()

    def hedge(self, kind: FaultKind | None, cost: str | None = None) -> Candidate | None:
        """A hedge from its beginning to its end."""
        spare = self.course.spare(self.now)
        if spare is not None:
            fault = None if kind is None else Fault(kind=kind, message=kind.value, retry_after=7)
            self.course.hedged()
            self.course.hedge_ended(spare, fault, None if cost is None else Decimal(cost), self.now)
        return spare

    @property
    def names(self) -> str:
        return "".join(candidate.provider for _, candidate in self.tried)

    @property
    def times(self) -> list[float]:
        return [when for when, _ in self.tried]


def given_up(step: Try | GiveUp) -> Fault:
    assert isinstance(step, GiveUp)
    return step.fault


candidates = st.lists(st.sampled_from([A, B, C]), unique=True, max_size=3)
faults = st.tuples(
    st.sampled_from(FaultKind),
    st.one_of(st.none(), st.sampled_from([0.0, 1.0, 30.0, 10_000.0])),
    st.one_of(st.none(), st.decimals(0, 3, places=1)),
)


chains = st.dictionaries(
    st.sampled_from([kind for kind in FaultKind if kind not in (INVALID, FaultKind.DEADLINE)]), candidates.map(tuple)
)
plans = st.builds(
    lambda takes, shut, chains: Plan(
        tuple(takes), tuple(Skipped(one, ns(5)) for one in shut if one not in takes), chains
    ),
    candidates,
    candidates,
    chains,
)
allowances = st.builds(
    Allowance,
    attempts=st.integers(1, 6),
    deadline=st.just(ns(600)),
    money=st.one_of(st.none(), st.decimals(0, 5, places=1)),
)


@given(
    plan=plans,
    allowed=allowances,
    wait=st.booleans(),
    rand=st.floats(0, 1, exclude_max=True),
    ends=st.lists(faults, min_size=1, max_size=40),
)
def test_attempts_are_bounded_by_the_allowance_whatever_happens(
    plan: Plan,
    allowed: Allowance,
    wait: bool,
    rand: float,
    ends: list[tuple[FaultKind, float | None, Decimal | None]],
) -> None:
    course = Course(plan, allowed, RETRY, wait=wait)
    now, made, spent, steps = 0, 0, Decimal(0), 0
    blamed = None
    while not isinstance(step := course.next(now), GiveUp):
        steps += 1
        assert steps < 5_000
        assert now < ns(600)
        if isinstance(step, Wait):
            assert now < step.until < ns(600)
            now = step.until
            continue
        assert allowed.money is None or spent < allowed.money or not spent
        assert blamed not in (INVALID, FaultKind.DEADLINE)
        assert blamed is not FaultKind.CONTENT_BLOCKED or plan.chains
        kind, retry_after, cost = ends[steps % len(ends)]
        sent = kind not in (FaultKind.UNAVAILABLE, FaultKind.BUDGET, FaultKind.UNSUPPORTED)
        made += sent
        spent += (cost or 0) if sent else 0
        blamed = kind
        course.failed(Fault(kind=kind, message="", retry_after=retry_after), cost, now, rand)
    assert made <= allowed.attempts


@pytest.mark.parametrize("kind", [kind for kind, rule in RULES.items() if not (rule.same or rule.elsewhere)])
def test_a_mistake_of_the_callers_ends_the_call(kind: FaultKind) -> None:
    journey = Journey(A, B, skipped=((C, 5),), wait=True)
    journey.step()
    assert given_up(journey.fail(kind)).kind is kind


def test_the_candidates_are_tried_in_order_and_then_again_after_a_wait() -> None:
    journey = Journey(A, B, C, attempts=7)
    journey.step()
    while isinstance(journey.fail(OVERLOADED), Try):
        pass
    assert journey.names == "abcabca"
    assert journey.times == [0, 0, 0, 0.5, 0.5, 0.5, 1.5]


def test_after_a_blip_the_same_candidate_is_tried_once_more_before_the_next() -> None:
    journey = Journey(A, B, attempts=5)
    journey.step()
    while isinstance(journey.fail(SERVER), Try):
        pass
    assert journey.names == "aabba"


def test_whoever_cannot_be_helped_by_another_try_is_left_out_of_the_next_round() -> None:
    journey = Journey(A, B, attempts=4)
    journey.step()
    journey.fail(FaultKind.UNAUTHORIZED)
    while isinstance(journey.fail(OVERLOADED), Try):
        pass
    assert journey.names == "abbb"


def test_a_candidate_is_tried_again_only_where_its_provider_does_not_advise_against_it() -> None:
    journey = Journey(A, B, attempts=4)
    journey.step()
    journey.fail(SERVER, retry=False)
    journey.fail(FaultKind.NOT_FOUND, retry=True)
    while isinstance(journey.fail(OVERLOADED), Try):
        pass
    assert journey.names == "abbb"


def test_when_nobody_can_be_helped_the_call_ends_with_the_last_fault() -> None:
    journey = Journey(A, B)
    journey.step()
    journey.fail(FaultKind.UNAUTHORIZED)
    assert given_up(journey.fail(FaultKind.NOT_FOUND)).kind is FaultKind.NOT_FOUND


def test_the_waits_grow_with_full_jitter() -> None:
    journey = Journey(A, rand=0.999, attempts=7)
    journey.step()
    while isinstance(journey.fail(OVERLOADED), Try):
        pass
    waits = [later - sooner for sooner, later in zip(journey.times, journey.times[1:], strict=False)]
    assert waits == pytest.approx([0.999, 1.998, 3.996, 7.992, 7.992, 7.992])


def test_a_wait_beyond_the_deadline_is_not_begun() -> None:
    journey = Journey(A, deadline=1, attempts=9)
    journey.step()
    journey.fail(OVERLOADED)
    assert given_up(journey.fail(OVERLOADED)).kind is OVERLOADED
    assert journey.times == [0, 0.5]
    assert journey.now < ns(1)


def test_retry_after_is_the_least_that_a_candidate_is_left_alone() -> None:
    journey = Journey(A, attempts=3)
    journey.step()
    journey.fail(SERVER, retry_after=20)
    journey.fail(SERVER)
    assert journey.times == [0, 20, pytest.approx(21)]


def test_nobody_waits_for_a_blip_that_asks_for_time_while_another_can_be_tried() -> None:
    journey = Journey(A, B)
    journey.step()
    journey.fail(SERVER, retry_after=20)
    assert (journey.names, journey.times) == ("ab", [0, 0])


def test_while_one_candidate_wants_to_be_left_alone_the_others_are_tried() -> None:
    journey = Journey(A, B, attempts=5)
    journey.step()
    journey.fail(OVERLOADED, retry_after=60)
    journey.fail(OVERLOADED)
    journey.fail(OVERLOADED, retry_after=5)
    assert journey.names == "abba"
    assert journey.times == [0, 0, 0.5, 60]


def test_a_candidate_that_wants_to_be_left_alone_beyond_the_deadline_is_given_up() -> None:
    journey = Journey(A, B, attempts=9, deadline=30)
    journey.step()
    journey.fail(OVERLOADED, retry_after=60)
    journey.fail(OVERLOADED)
    told = given_up(journey.fail(OVERLOADED, retry_after=31))
    assert (journey.names, told.retry_after) == ("abb", 31)


def test_whoever_is_to_be_left_alone_for_too_long_does_not_end_the_others_rounds() -> None:
    journey = Journey(A, B, attempts=6)
    journey.step()
    journey.fail(FaultKind.RATE_LIMITED, retry_after=3_600)
    while isinstance(journey.fail(OVERLOADED), Try):
        pass
    assert journey.names == "abbbbb"
    assert journey.times == [0, 0, 0.5, 1.5, 3.5, 7.5]


def test_money_that_is_spent_buys_no_further_attempt() -> None:
    journey = Journey(A, B, money="1.0")
    journey.step()
    assert isinstance(journey.fail(OVERLOADED, cost="0.9"), Try)
    assert given_up(journey.fail(OVERLOADED, cost="0.1")).kind is OVERLOADED
    assert journey.names == "ab"


def test_an_unknown_cost_is_not_counted() -> None:
    journey = Journey(A, money="1.0", attempts=3)
    journey.step()
    while isinstance(journey.fail(OVERLOADED), Try):
        pass
    assert journey.names == "aaa"


def test_a_call_without_money_asks_everybody_for_what_may_be_free() -> None:
    journey = Journey(A, B, C, money="0")
    journey.step()
    assert journey.fail(FaultKind.BUDGET) == Try(B)
    assert journey.fail(OVERLOADED, cost="0") == Try(C)
    assert given_up(journey.fail(INVALID, cost="0")).kind is INVALID
    assert journey.names == "abc"


def test_a_call_without_money_that_nobody_answers_for_nothing_is_told_so() -> None:
    journey = Journey(A, B, money="0")
    journey.step()
    journey.fail(FaultKind.BUDGET)
    assert given_up(journey.fail(FaultKind.BUDGET)).kind is FaultKind.BUDGET


def test_a_call_without_money_that_was_charged_all_the_same_makes_no_further_attempt() -> None:
    journey = Journey(A, B, money="0")
    journey.step()
    assert given_up(journey.fail(OVERLOADED, cost="0.1")).kind is OVERLOADED


@pytest.mark.parametrize("kind", [FaultKind.BUDGET, FaultKind.UNSUPPORTED])
def test_whoever_is_beyond_a_budget_or_cannot_do_it_costs_no_attempt_and_the_next_one_is_tried(kind: FaultKind) -> None:
    journey = Journey(A, B, attempts=1)
    journey.step()
    assert journey.fail(kind) == Try(B)
    assert given_up(journey.fail(kind)).kind is kind


def test_that_one_cannot_do_it_is_told_only_when_nobody_else_had_another_fault() -> None:
    journey = Journey(A, B, attempts=3)
    journey.step()
    journey.fail(OVERLOADED)
    assert journey.fail(FaultKind.UNSUPPORTED) == Try(A)
    assert journey.fail(OVERLOADED) == Try(A)
    assert given_up(journey.fail(FaultKind.UNSUPPORTED)).kind is OVERLOADED
    assert journey.names == "abaa"


def test_a_refusal_costs_no_attempt() -> None:
    journey = Journey(A, B, C, attempts=1)
    journey.step()
    journey.fail(FaultKind.UNAVAILABLE, retry_after=5)
    journey.fail(FaultKind.UNAVAILABLE, retry_after=5)
    assert journey.names == "abc"


def test_when_every_circuit_is_open_the_call_fails_at_once_with_the_earliest_time() -> None:
    told = given_up(Journey(skipped=((A, 30), (B, 20), (C, 40))).step())
    assert (told.kind, told.retry_after) == (FaultKind.UNAVAILABLE, 20)


def test_the_earliest_time_counts_those_who_refused_when_they_were_asked() -> None:
    journey = Journey(B, C, skipped=((A, 30),))
    journey.step()
    journey.fail(FaultKind.UNAVAILABLE, retry_after=10)
    assert given_up(journey.fail(FaultKind.UNAVAILABLE, retry_after=20)).retry_after == 10


def test_a_refusal_without_a_time_is_told_as_it_is() -> None:
    journey = Journey(A)
    journey.step()
    told = given_up(journey.fail(FaultKind.UNAVAILABLE))
    assert (told.kind, told.retry_after, told.message) == (FaultKind.UNAVAILABLE, None, "unavailable")


def test_a_real_fault_is_told_before_a_refusal() -> None:
    journey = Journey(A, B)
    journey.step()
    journey.fail(FaultKind.UNAUTHORIZED)
    assert given_up(journey.fail(FaultKind.UNAVAILABLE, retry_after=5)).kind is FaultKind.UNAUTHORIZED


def test_with_wait_the_call_waits_for_the_first_repair() -> None:
    journey = Journey(skipped=((A, 30), (B, 20)), wait=True)
    assert journey.step() == Try(B)
    assert journey.now == ns(20)


def test_with_wait_a_refused_trial_is_asked_for_again_later_and_not_in_a_circle() -> None:
    journey = Journey(skipped=((A, 20),), wait=True, rand=0)
    journey.step()
    for _ in range(3):
        journey.fail(FaultKind.UNAVAILABLE, retry_after=0)
    assert journey.times == [20, 21, 22, 23]
    journey.fail(FaultKind.UNAVAILABLE, retry_after=40)
    assert journey.times[-1] == 63


def test_with_wait_a_repair_beyond_the_deadline_is_not_waited_for() -> None:
    told = given_up(Journey(skipped=((A, 30),), wait=True, deadline=30).step())
    assert (told.kind, told.retry_after) == (FaultKind.UNAVAILABLE, 30)
    assert given_up(Journey(skipped=((A, NEVER / 1e9),), wait=True).step()).retry_after is None


def test_with_wait_those_who_take_calls_are_tried_before_anybody_is_waited_for() -> None:
    journey = Journey(A, skipped=((B, 20),), wait=True, attempts=3)
    journey.step()
    journey.fail(FaultKind.UNAUTHORIZED)
    assert (journey.names, journey.times) == ("ab", [0, 20])


def test_without_wait_nobody_is_waited_for() -> None:
    journey = Journey(A, skipped=((B, 20),))
    journey.step()
    assert given_up(journey.fail(FaultKind.UNAUTHORIZED)).kind is FaultKind.UNAUTHORIZED


def test_part_of_an_answer_goes_on_at_the_same_candidate_and_costs_no_attempt() -> None:
    course = Course(Plan((A, B), ()), allowance(attempts=1), RETRY)
    for _ in range(9):
        assert course.next(0) == Try(A)
        course.advanced(Decimal(1))
    assert course.allowance.attempts == 1


def test_part_of_an_answer_is_paid_for() -> None:
    course = Course(Plan((A,), ()), allowance(money="2"), RETRY)
    course.next(0)
    course.advanced(None)
    course.advanced(Decimal("1.5"))
    assert course.allowance.money == Decimal("0.5")
    course.advanced(Decimal("0.5"))
    told = course.next(0)
    assert isinstance(told, GiveUp)
    assert (told.fault.kind, "money" in told.fault.message) == (FaultKind.BUDGET, True)


def test_after_part_of_an_answer_a_blip_may_be_repeated_once_more() -> None:
    course = Course(Plan((A, B), ()), allowance(), RETRY)
    for _ in range(2):
        course.failed(Fault(kind=SERVER, message="x"), None, 0, 0.0)
        assert course.next(ns(60)) == Try(A)
        course.advanced(None)


def test_a_second_refusal_never_shortens_the_wait_that_the_first_one_asked_for() -> None:
    journey = Journey(A, attempts=3, rand=0)
    journey.step()
    journey.course.failed(Fault(kind=OVERLOADED, message="", retry_after=60), None, 0, 0)
    journey.course.failed(Fault(kind=OVERLOADED, message="", retry_after=1), None, 0, 0)
    journey.step()
    assert journey.times == [0, 60]


def test_a_fault_with_a_chain_goes_on_there_and_then_in_order() -> None:
    journey = Journey(A, B, chains={OVERLOADED: (C, D)}, attempts=6)
    journey.step()
    while isinstance(journey.fail(OVERLOADED), Try):
        pass
    assert journey.names == "acdbac"


def test_a_fault_of_another_kind_takes_no_notice_of_the_chain() -> None:
    journey = Journey(A, B, chains={OVERLOADED: (C,)})
    journey.step()
    journey.fail(FaultKind.CONNECTION)
    assert journey.names == "ab"


def test_a_chain_leaves_out_whoever_was_asked_already() -> None:
    journey = Journey(A, B, chains={FaultKind.NOT_FOUND: (A, B, C)})
    journey.step()
    for _ in range(3):
        journey.fail(FaultKind.NOT_FOUND)
    assert journey.names == "abc"


def test_where_a_fault_ends_the_call_its_chain_alone_goes_on() -> None:
    journey = Journey(A, B, chains={FaultKind.CONTENT_BLOCKED: (C,)}, skipped=((D, 5),), wait=True)
    journey.step()
    assert journey.fail(FaultKind.CONTENT_BLOCKED) == Try(C)
    assert given_up(journey.fail(FaultKind.CONTENT_BLOCKED)).kind is FaultKind.CONTENT_BLOCKED
    assert journey.names == "ac"


def test_a_rejected_reply_is_sent_back_once_and_at_once() -> None:
    journey = Journey(A, B)
    journey.step()
    assert journey.fail(FaultKind.REJECTED, repair=True) == Try(A, repair=True)
    assert journey.fail(FaultKind.REJECTED, repair=True) == Try(B)
    assert journey.fail(FaultKind.REJECTED, repair=True) == Try(A)
    assert journey.times[:3] == [0, 0, 0]


def test_a_repair_is_an_attempt_of_the_same_allowance() -> None:
    journey = Journey(A, attempts=1)
    journey.step()
    assert given_up(journey.fail(FaultKind.REJECTED, repair=True)).kind is FaultKind.REJECTED


def test_a_hedge_is_counted_when_it_begins_and_never_the_last_attempt() -> None:
    journey = Journey(A, B, attempts=2)
    journey.step()
    assert journey.hedge(None) == B
    assert journey.course.allowance.attempts == 1
    assert journey.course.spare(0) is None, "the last one is that which is being made"
    assert given_up(journey.fail(OVERLOADED)).kind is OVERLOADED


def test_a_hedge_has_somebody_else_to_go_to_who_wants_to_be_asked() -> None:
    assert Journey(A).course.spare(0) is None
    journey = Journey(A, B, C)
    journey.step()
    journey.hedge(OVERLOADED)
    journey.fail(OVERLOADED)
    assert journey.names == "ac"
    assert journey.course.spare(0) is None


def test_a_hedge_without_money_is_not_made() -> None:
    journey = Journey(A, B, C, money="0.5")
    journey.step()
    journey.hedge(OVERLOADED, cost="0.5")
    assert journey.course.spare(0) is None
    assert given_up(journey.fail(OVERLOADED)).kind is OVERLOADED


@pytest.mark.parametrize("kind", [FaultKind.UNAVAILABLE, FaultKind.BUDGET, FaultKind.UNSUPPORTED])
def test_a_refused_hedge_costs_no_attempt(kind: FaultKind) -> None:
    journey = Journey(A, B, attempts=3)
    journey.step()
    journey.hedge(kind)
    assert journey.course.allowance.attempts == 3


def test_a_mistake_of_the_callers_told_to_the_hedge_ends_the_call() -> None:
    journey = Journey(A, B, C, attempts=4)
    journey.step()
    journey.hedge(INVALID)
    assert given_up(journey.fail(OVERLOADED)).kind is INVALID


@given(
    plan=plans,
    allowed=allowances,
    ends=st.lists(
        st.tuples(faults, st.one_of(st.none(), faults), st.booleans(), st.booleans()), min_size=1, max_size=30
    ),
)
def test_hedges_and_repairs_are_inside_the_allowance_whatever_happens(
    plan: Plan, allowed: Allowance, ends: list[tuple[Any, Any, bool, bool]]
) -> None:
    course = Course(plan, allowed, RETRY)
    now, made, steps = 0, 0, 0
    while not isinstance(step := course.next(now), GiveUp):
        steps += 1
        assert steps < 5_000
        if isinstance(step, Wait):
            now = step.until
            continue
        (kind, retry_after, cost), hedge, hedges, repair = ends[steps % len(ends)]
        made += kind not in (FaultKind.UNAVAILABLE, FaultKind.BUDGET)
        spare = course.spare(now) if hedges else None
        if spare is not None:
            course.hedged()
            fault = None if hedge is None else Fault(kind=hedge[0], message="", retry_after=hedge[1])
            made += fault is None or fault.kind not in (FaultKind.UNAVAILABLE, FaultKind.BUDGET)
            course.hedge_ended(spare, fault, None if hedge is None else hedge[2], now)
        fault = Fault(kind=kind, message="", retry_after=retry_after)
        repair = repair and kind is FaultKind.REJECTED
        course.failed(fault, cost, now, HALF, repair=repair)
        assert made <= allowed.attempts
