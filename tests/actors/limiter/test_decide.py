from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.actors.limiter.blocks import Block
from callboard.actors.limiter.decide import HOLD, PRIORITIES, Limiter, LimitSpec, Settled
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.limiting import Hasten, Permit, Reserve
from callboard.messages.request import Priority

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
LATER = 10**9 * SECOND


def wish(
    tokens: int = 10, *, priority: Priority = "normal", model: str = "m", within: int = LATER, now: int = 0
) -> Reserve:
    return Reserve(model=model, tokens=tokens, priority=priority, deadline=now + within)


def limiter(
    *, rpm: int | None = None, tpm: int | None = None, concurrency: int = 512, incarnation: int = 1, now: int = 0
) -> Limiter:
    spec = LimitSpec(requests_per_minute=rpm, tokens_per_minute=tpm, concurrency=concurrency)
    return Limiter(spec, incarnation, now)


def granted(settled: list[Settled]) -> list[int]:
    return [asker for asker, what in settled if isinstance(what, Permit)]


def permit(settled: list[Settled]) -> Permit:
    ((_, what),) = settled
    assert isinstance(what, Permit)
    return what


def fault(settled: list[Settled]) -> Fault:
    ((_, what),) = settled
    assert isinstance(what, Fault)
    return what


def test_whoever_is_hastened_stands_at_the_end_of_the_more_urgent_line() -> None:
    one = limiter(concurrency=1)
    held = permit(one.reserve(1, wish(), 0))
    for asker, priority in ((2, "critical"), (3, "background"), (4, "critical"), (5, "normal")):
        named = msgspec.structs.replace(wish(priority=priority), attempt=f"attempt {asker}")  # type: ignore[arg-type]
        assert one.reserve(asker, named, 0) == []
    assert one.hasten(Hasten("attempt 3", "critical"), 0) == []
    assert one.hasten(Hasten("unknown", "critical"), 0) == []
    order = []
    for _ in range(4):
        [(asker, following)] = one.settle(held, None, 0)
        order.append(asker)
        assert isinstance(following, Permit)
        held = following
    assert order == [2, 4, 3, 5]


class World:
    """A limiter, a clock that rings its alarm, and a simple account of who waits, who holds and what was used."""

    def __init__(self, spec: LimitSpec, incarnation: int = 1) -> None:
        self.spec = spec
        self.now = 0
        self.limiter = Limiter(spec, incarnation, 0)
        self.waiting: dict[int, Reserve] = {}
        self.held: dict[int, tuple[Permit, Reserve]] = {}
        self.grants: list[tuple[int, int]] = []
        """(when, asker)"""
        self.used: dict[int, tuple[int, int]] = {}
        """Requests and tokens by asker, as far as they were reserved."""
        self.ends: dict[int, int] = {}
        """How often each asker was answered."""
        self.paused: dict[str, int] = {}
        self.askers = 0

    def reserve(self, tokens: int, priority: Priority, model: str, within: int) -> None:
        self.askers += 1
        one = wish(tokens, priority=priority, model=model, within=within, now=self.now)
        self.waiting[self.askers] = one
        self.take(self.limiter.reserve(self.askers, one, self.now))

    def settle(self, number: int, share: float | None) -> None:
        if self.held:
            asker = list(self.held)[number % len(self.held)]
            one, wished = self.held.pop(asker)
            tokens = None if share is None else int(wished.tokens * share)
            self.used[asker] = (0, 0) if tokens is None else (1, tokens)
            self.take(self.limiter.settle(one, tokens, self.now))

    def leave(self, number: int) -> None:
        if self.waiting:
            asker = list(self.waiting)[number % len(self.waiting)]
            del self.waiting[asker]
            self.take(self.limiter.left(asker, self.now))

    def pause(self, model: str, seconds: int) -> None:
        until = self.now + seconds * SECOND
        self.paused[model] = max(until, self.paused.get(model, 0))
        self.take(self.limiter.block(model, Block(until, quota=False, why="told"), self.now))

    def advance(self, span: int) -> None:
        target = self.now + span
        while (wake := self.limiter.wake_at(self.now)) is not None and wake <= target:
            assert wake > self.now
            self.now = wake
            self.take(self.limiter.grant(self.now))
        self.now = target

    def take(self, settled: list[Settled]) -> None:
        for asker, what in settled:
            self.ends[asker] = self.ends.get(asker, 0) + 1
            if isinstance(what, Permit):
                self._nobody_is_overtaken_by(asker)
                self.grants.append((self.now, asker))
                self.held[asker] = what, self.waiting[asker]
                self.used[asker] = (1, self.waiting[asker].tokens)
            del self.waiting[asker]

    def _nobody_is_overtaken_by(self, asker: int) -> None:
        urgency = PRIORITIES.index(self.waiting[asker].priority)
        for other, wished in self.waiting.items():
            if self.paused.get(wished.model, 0) <= self.now:
                assert (urgency, asker) <= (PRIORITIES.index(wished.priority), other)

    def most_in_a_window(self, kind: int) -> Callable[[int], bool]:
        """Whether no window uses more than this many and their rate a minute."""

        def within(limit: int) -> bool:
            for first, (start, _) in enumerate(self.grants):
                total = 0
                for end, asker in self.grants[first:]:
                    total += self.used[asker][kind]
                    if total * MINUTE > limit * (MINUTE + end - start):
                        return False
            return True

        return within


spans = st.one_of(st.just(0), st.integers(0, SECOND), st.integers(0, 3 * MINUTE))
reserving = st.tuples(
    st.just("reserve"),
    st.integers(0, 40),
    st.sampled_from(PRIORITIES),
    st.sampled_from("ab"),
    st.sampled_from([SECOND, 20 * SECOND, LATER, LATER]),
)
steps = st.lists(
    st.one_of(
        reserving,
        reserving,
        reserving,
        st.tuples(st.just("settle"), st.integers(0, 9), st.sampled_from([None, 0.0, 0.5, 1.0])),
        st.tuples(st.just("settle"), st.just(0), st.just(1.0)),
        st.tuples(st.just("leave"), st.integers(0, 9)),
        st.tuples(st.just("pause"), st.sampled_from("ab"), st.integers(0, 90)),
        st.tuples(st.just("advance"), spans),
    ),
    min_size=30,
    max_size=60,
)
specs = st.builds(
    LimitSpec,
    requests_per_minute=st.one_of(st.none(), st.integers(1, 20)),
    tokens_per_minute=st.one_of(st.none(), st.integers(40, 200)),
    concurrency=st.integers(1, 5),
)


def run(world: World, program: list[tuple[object, ...]], check: Callable[[], None] = lambda: None) -> None:
    for name, *arguments in program:
        getattr(world, str(name))(*arguments)
        check()


@given(spec=specs, program=steps, incarnation=st.integers(1, 2))
def test_no_window_uses_more_requests_or_tokens_than_the_burst_and_the_rate(
    spec: LimitSpec, program: list[tuple[object, ...]], incarnation: int
) -> None:
    world = World(spec, incarnation)
    run(world, program)
    for kind, limit in enumerate((spec.requests_per_minute, spec.tokens_per_minute)):
        assert limit is None or world.most_in_a_window(kind)(limit)


@given(spec=specs, program=steps)
def test_no_more_are_in_flight_than_the_concurrency_and_nobody_is_overtaken(
    spec: LimitSpec, program: list[tuple[object, ...]]
) -> None:
    world = World(spec)

    def check() -> None:
        assert len(world.held) <= spec.concurrency
        facts = world.limiter.facts(world.now)
        assert (facts["in_flight"], facts["waiting"]) == (len(world.held), len(world.waiting))

    run(world, program, check)
    assert all(times == 1 for times in world.ends.values())


@given(spec=specs, program=steps)
def test_the_alarm_is_never_missed(spec: LimitSpec, program: list[tuple[object, ...]]) -> None:
    world = World(spec)
    run(world, program, lambda: _nobody_could_go(world))


def _nobody_could_go(world: World) -> None:
    assert world.limiter.grant(world.now) == []


@settings(max_examples=50)
@given(spec=specs, program=steps)
def test_nobody_waits_for_ever(spec: LimitSpec, program: list[tuple[object, ...]]) -> None:
    world = World(spec)
    run(world, program)
    for _ in range(200):
        if not world.waiting:
            break
        world.settle(0, 1.0)
        world.advance(MINUTE)
    assert not world.waiting


def test_all_limits_have_room_or_nothing_is_taken() -> None:
    one = limiter(rpm=60, tpm=100, concurrency=2)
    assert granted(one.reserve(1, wish(80), 0)) == [1]
    assert one.reserve(2, wish(80), 0) == []  # requests and concurrency have room, tokens have none
    assert one.left(2, 0) == []
    assert granted(one.reserve(3, wish(20), 0)) == [3]  # so nothing was taken from the others
    assert one.reserve(4, wish(0), 0) == []
    assert one.facts(0)["in_flight"] == 2


def test_the_next_in_line_waits_for_its_own_size_and_nobody_smaller_slips_past() -> None:
    one = limiter(tpm=100)
    assert granted(one.reserve(1, wish(90), 0)) == [1]
    assert one.reserve(2, wish(50), 0) == []
    assert one.reserve(3, wish(10), 0) == []
    assert one.wake_at(0) == 24 * SECOND
    assert granted(one.grant(24 * SECOND)) == [2]
    assert granted(one.grant(30 * SECOND)) == [3]


def test_the_more_urgent_go_first_and_within_one_priority_the_first() -> None:
    one = limiter(concurrency=1)
    first = permit(one.reserve(1, wish(), 0))
    order: list[Priority] = ["background", "normal", "critical", "normal", "critical", "background"]
    for asker, priority in enumerate(order, 2):
        assert one.reserve(asker, wish(priority=priority), 0) == []
    went = []
    for _ in order:
        settled = one.settle(first, 0, 0)
        went += granted(settled)
        first = permit(settled)
    assert went == [4, 6, 3, 5, 2, 7]


def test_the_first_goes_first_whatever_its_model() -> None:
    one = limiter(concurrency=1)
    held = permit(one.reserve(1, wish(), 0))
    for asker, model in enumerate("abacb", 2):
        assert one.reserve(asker, wish(model=model), 0) == []
    went = []
    for _ in range(5):
        settled = one.settle(held, 0, 0)
        went += granted(settled)
        held = permit(settled)
    assert went == [2, 3, 4, 5, 6]


def test_a_waiter_who_leaves_lets_the_next_one_go() -> None:
    one = limiter(tpm=100)
    one.reserve(1, wish(50), 0)
    one.reserve(2, wish(80), 0)
    assert one.reserve(3, wish(50), 0) == []
    assert granted(one.left(2, 0)) == [3]
    assert one.left(2, 0) == []
    assert one.facts(0)["waiting"] == 0


def test_a_permit_that_was_not_needed_gives_everything_back() -> None:
    one = limiter(rpm=1, tpm=100, concurrency=1)
    first = permit(one.reserve(1, wish(100), 0))
    assert one.reserve(2, wish(100), 0) == []
    assert granted(one.settle(first, None, 0)) == [2]


def test_tokens_that_were_not_used_come_back() -> None:
    one = limiter(tpm=100)
    first = permit(one.reserve(1, wish(100), 0))
    assert granted(one.settle(first, 40, 0)) == []
    assert granted(one.reserve(2, wish(60), 0)) == [2]
    assert one.reserve(3, wish(1), 0) == []


def test_tokens_used_beyond_the_estimate_are_a_debt() -> None:
    one = limiter(tpm=60)
    first = permit(one.reserve(1, wish(10), 0))
    one.settle(first, 90, 0)
    assert one.reserve(2, wish(0), 0) == []
    assert one.wake_at(0) == 30 * SECOND


def test_a_permit_of_a_former_life_is_ignored() -> None:
    old = permit(limiter(concurrency=1).reserve(1, wish(), 0))
    one = limiter(concurrency=1, incarnation=2)
    new = permit(one.reserve(1, wish(), 0))
    assert old.id == new.id
    assert one.reserve(2, wish(), 0) == []
    assert one.settle(old, 0, 0) == []
    assert granted(one.settle(new, 0, 0)) == [2]


def test_a_permit_is_settled_once() -> None:
    one = limiter(concurrency=1)
    first = permit(one.reserve(1, wish(), 0))
    one.reserve(2, wish(), 0)
    one.reserve(3, wish(), 0)
    assert granted(one.settle(first, 0, 0)) == [2]
    assert one.settle(first, 0, 0) == []


@pytest.mark.parametrize(("incarnation", "at_once"), [(1, 3), (2, 0), (3, 0)])
def test_only_the_first_life_starts_with_whole_buckets(incarnation: int, at_once: int) -> None:
    one = limiter(rpm=3, incarnation=incarnation, now=7 * SECOND)
    settled = [entry for asker in range(5) for entry in one.reserve(asker, wish(), 7 * SECOND)]
    assert len(granted(settled)) == at_once
    assert one.wake_at(7 * SECOND) == 27 * SECOND


def test_retry_after_holds_for_all_who_wait_and_all_who_come() -> None:
    one = limiter(concurrency=1)
    first = permit(one.reserve(1, wish(), 0))
    one.reserve(2, wish(), 0)
    assert one.block("m", Block(10 * SECOND, quota=False, why="429"), 0) == []
    assert one.settle(first, 0, SECOND) == []
    assert one.reserve(3, wish(), SECOND) == []
    assert one.wake_at(SECOND) == 10 * SECOND
    assert one.grant(10 * SECOND - 1) == []
    assert granted(one.grant(10 * SECOND)) == [2]


def test_a_paused_model_does_not_hold_up_the_others() -> None:
    one = limiter()
    one.block("slow", Block(10 * SECOND, quota=False, why="429"), 0)
    assert one.reserve(1, wish(model="slow", priority="critical"), 0) == []
    assert granted(one.reserve(2, wish(model="fast", priority="background"), 0)) == [2]
    assert one.wake_at(0) == 10 * SECOND
    assert granted(one.grant(10 * SECOND)) == [1]


def test_when_the_next_in_line_is_paused_those_behind_go_at_once() -> None:
    one = limiter(tpm=100)
    one.reserve(1, wish(100), 0)
    assert one.reserve(2, wish(50, model="slow"), 0) == []
    assert one.reserve(3, wish(0, model="fast"), 0) == []
    assert granted(one.block("slow", Block(10 * SECOND, quota=False, why="429"), 0)) == [3]


def test_a_paused_account_holds_up_every_model() -> None:
    one = limiter()
    one.block(None, Block(10 * SECOND, quota=False, why="429"), 0)
    assert one.reserve(1, wish(model="a"), 0) == []
    assert one.reserve(2, wish(model="b"), 0) == []
    assert one.wake_at(0) == 10 * SECOND
    assert granted(one.grant(10 * SECOND)) == [1, 2]


@pytest.mark.parametrize("quota", [False, True])
def test_a_block_is_never_shortened(quota: bool) -> None:
    one = limiter()
    one.block("m", Block(20 * SECOND, quota=quota, why="long"), 0)
    one.block("m", Block(5 * SECOND, quota=quota, why="short"), 0)
    settled = one.reserve(1, wish(within=10 * SECOND), 0)
    assert fault(settled).retry_after == 20
    assert one.facts(0)["blocked"] == {"m": "long"}


def test_a_quota_without_a_reset_is_not_shortened_by_one_with() -> None:
    one = limiter()
    one.block("m", Block(None, quota=True, why="spend limit"), 0)
    one.block("m", Block(5 * SECOND, quota=True, why="quota"), 0)
    assert fault(one.reserve(1, wish(), MINUTE)).retry_after is None


def test_a_pause_that_has_passed_makes_way_for_a_shorter_one() -> None:
    one = limiter()
    one.block("m", Block(20 * SECOND, quota=False, why="first"), 0)
    one.block("m", Block(25 * SECOND, quota=False, why="second"), 21 * SECOND)
    assert one.reserve(1, wish(now=21 * SECOND), 21 * SECOND) == []
    assert one.wake_at(21 * SECOND) == 25 * SECOND


def test_a_used_up_quota_is_refused_at_once_with_its_reset() -> None:
    one = limiter(concurrency=1)
    one.reserve(1, wish(), 0)
    one.reserve(2, wish(), 0)
    told = fault(one.block("m", Block(MINUTE, quota=True, why="quota_exhausted"), 0))
    assert (told.kind, told.retry_after, told.model) == (FaultKind.QUOTA_EXHAUSTED, 60, "m")
    assert fault(one.reserve(3, wish(), 20 * SECOND)).retry_after == 40
    assert one.facts(0)["blocked"] == {"m": "quota_exhausted"}
    assert one.facts(MINUTE)["blocked"] == {}


def test_after_its_reset_a_quota_is_forgotten() -> None:
    one = limiter()
    one.block("m", Block(MINUTE, quota=True, why="quota"), 0)
    assert granted(one.reserve(1, wish(), MINUTE)) == [1]


def test_a_quota_of_one_model_leaves_the_others_alone() -> None:
    one = limiter()
    one.block("m", Block(None, quota=True, why="quota"), 0)
    assert granted(one.reserve(1, wish(model="other"), 0)) == [1]
    one.block(None, Block(None, quota=True, why="spend limit"), 0)
    assert fault(one.reserve(2, wish(model="other"), 0)).kind is FaultKind.QUOTA_EXHAUSTED


def test_a_longer_pause_does_not_hide_a_quota() -> None:
    one = limiter()
    one.block("m", Block(MINUTE, quota=False, why="rate"), 0)
    one.block("m", Block(30 * SECOND, quota=True, why="quota"), 0)
    assert fault(one.reserve(1, wish(), 0)).kind is FaultKind.QUOTA_EXHAUSTED
    assert one.reserve(2, wish(now=30 * SECOND), 30 * SECOND) == []
    assert one.wake_at(30 * SECOND) == MINUTE


def test_an_operator_lifts_every_block() -> None:
    one = limiter()
    one.block("a", Block(LATER, quota=False, why="rate"), 0)
    one.block(None, Block(None, quota=True, why="quota"), 0)
    assert one.unblock(0) == []
    one.block("a", Block(SECOND, quota=False, why="rate"), 0)
    assert one.reserve(1, wish(model="a"), 0) == []
    assert granted(one.unblock(0)) == [1]


def test_a_wait_that_cannot_end_before_its_deadline_fails_at_once_with_the_earliest_time() -> None:
    one = limiter(rpm=1)
    one.reserve(1, wish(), 0)
    told = fault(one.reserve(2, wish(within=59 * SECOND), 0))
    assert (told.kind, told.retry_after) == (FaultKind.RATE_LIMITED, 60)
    assert fault(one.reserve(3, wish(within=60 * SECOND), 0)).retry_after == 60
    assert one.reserve(4, wish(within=61 * SECOND), 0) == []


def test_a_pause_beyond_the_deadline_of_those_who_wait_is_told_them_at_once() -> None:
    one = limiter(concurrency=1)
    one.reserve(1, wish(), 0)
    one.reserve(2, wish(within=5 * SECOND), 0)
    one.reserve(3, wish(within=15 * SECOND), 0)
    settled = one.block("m", Block(10 * SECOND, quota=False, why="429"), 0)
    assert [asker for asker, _ in settled] == [2]
    assert fault(settled).retry_after == 10
    assert one.facts(0)["denied"] == 1


def test_whoever_can_go_now_is_not_refused_for_a_deadline_of_now() -> None:
    assert granted(limiter().reserve(1, wish(within=0), 0)) == [1]


def test_a_permit_that_is_never_settled_is_taken_back_some_time() -> None:
    one = limiter(concurrency=1)
    lost = permit(one.reserve(1, wish(), 0))
    one.reserve(2, wish(), MINUTE)
    assert one.wake_at(MINUTE) == HOLD
    assert one.grant(HOLD - 1) == []
    assert granted(one.grant(HOLD)) == [2]
    assert one.settle(lost, None, HOLD) == []
    assert one.facts(HOLD)["in_flight"] == 1


def test_a_long_call_keeps_its_place_in_the_concurrency() -> None:
    one = limiter(concurrency=1)
    one.reserve(1, wish(within=30 * SECOND), 0)
    now = 600 * SECOND
    assert one.reserve(2, wish(now=now), now) == []


def test_with_nobody_waiting_there_is_nothing_to_wake_up_for() -> None:
    one = limiter(rpm=1)
    one.reserve(1, wish(), 0)
    assert one.wake_at(0) is None


def test_a_pause_without_an_end_is_refused() -> None:
    with pytest.raises(ValueError, match="until"):
        Block(None, quota=False, why="rate")


def test_thousands_who_leave_cost_no_more_than_those_who_stay() -> None:
    one = limiter(concurrency=1)
    one.reserve(0, wish(), 0)
    for asker in range(1, 20_001):
        one.reserve(asker, wish(), 0)
    for asker in range(20_000, 1, -1):  # the last first: the worst case of a queue that has to be searched
        one.left(asker, 0)
    assert one.facts(0)["waiting"] == 1
