"""Programs of reservations, ends, departures, refusals and time, held against a simple account of what was granted."""

from collections.abc import Callable, Iterator

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.actors.limiter.decide import Limiter, Settled
from callboard.actors.limiter.held import HOLD
from callboard.actors.limiter.limits import DAY, KINDS, MINUTE, SECOND, Kind, Limits, LimitSpec
from callboard.messages.limiting import Hasten, Permit, Reserve, Settle, SlowDown
from callboard.messages.priority import PRIORITY_NAMES, Priority

LATER = 10**9 * SECOND


class Granted(msgspec.Struct):
    """One permit as the account has it."""

    at: int
    model: str
    requests: int
    tokens: int
    late: int = 0
    """Tokens used beyond what was reserved,"""
    late_at: int = 0
    """and when that was heard of."""

    def counted(self, kind: Kind, since: int) -> int:
        """What of it counts after a time."""
        if not kind.tokens:
            return self.requests if self.at > since else 0
        return (self.tokens if self.at > since else 0) + (self.late if self.late_at > since else 0)


class World:
    """A limiter, a clock that rings its alarm, and the account."""

    def __init__(self, spec: LimitSpec) -> None:
        self.spec = spec
        self.now = 0
        self.limiter = Limiter(spec, 1)
        self.waiting: dict[int, Reserve] = {}
        self.came: dict[int, int] = {}
        self.places: dict[int, tuple[int, int]] = {}
        self.stood = 0
        self.held: dict[int, tuple[Permit, Granted]] = {}
        self.granted: list[Granted] = []
        self.ends: dict[int, int] = {}
        """How often each asker was answered."""
        self.refused: set[str] = set()
        self.askers = 0

    def reserve(self, tokens: int, priority: Priority, model: str, within: int) -> None:
        self.askers += 1
        one = Reserve(
            model=model, tokens=tokens, priority=priority, deadline=self.now + within, attempt=str(self.askers)
        )
        self.waiting[self.askers] = one
        self.came[self.askers] = self.now
        self.stand(self.askers, priority)
        permit = self.limiter.at_once(one, self.now)
        self.take(self.limiter.reserve(self.askers, one, self.now) if permit is None else [(self.askers, permit)])

    def stand(self, asker: int, priority: Priority) -> None:
        self.stood += 1
        self.places[asker] = self.came[asker] + PRIORITY_NAMES.index(priority) * self.spec.ageing, self.stood

    def hasten(self, number: int, priority: Priority) -> None:
        if self.waiting:
            asker = list(self.waiting)[number % len(self.waiting)]
            one = self.waiting[asker]
            if one.priority != priority:
                self.waiting[asker] = one.hastened(priority)
                self.stand(asker, priority)
            self.take(self.limiter.hasten(Hasten(one.attempt, priority), self.now))

    def settle(self, number: int, share: float | None) -> None:
        if self.held:
            asker = list(self.held)[number % len(self.held)]
            permit, one = self.held.pop(asker)
            tokens = None if share is None else int(one.tokens * share)
            one.late, one.late_at = max(0, (tokens or 0) - one.tokens), self.now
            one.requests, one.tokens = int(tokens is not None), min(one.tokens, tokens or 0)
            self.take(self.limiter.settle(Settle(permit, tokens), self.now))

    def leave(self, number: int) -> None:
        if self.waiting:
            asker = list(self.waiting)[number % len(self.waiting)]
            del self.waiting[asker]
            self.take(self.limiter.left(asker, self.now))

    def refuse(self, number: int, seconds: int | None) -> None:
        if self.held:
            asker = list(self.held)[number % len(self.held)]
            permit, one = self.held[asker]
            self.refused.add(one.model)
            until = None if seconds is None else self.now + seconds * SECOND
            told = SlowDown(model=one.model, until=until, quota=False, why="told", permit=permit)
            self.take(self.limiter.slow_down(told, self.now))
            self.settle(number, 0.0)

    def advance(self, span: int) -> None:
        target = self.now + span
        while (wake := self.limiter.wake_at(self.now)) is not None and wake <= target:
            assert wake > self.now
            self.let_time_pass(wake)
        self.let_time_pass(target)

    def let_time_pass(self, now: int) -> None:
        self.now = now
        self.held = {asker: held for asker, held in self.held.items() if held[1].at + HOLD > now}
        self.take(self.limiter.grant(now))

    def take(self, settled: list[Settled]) -> None:
        for asker, what in settled:
            self.ends[asker] = self.ends.get(asker, 0) + 1
            wish = self.waiting.pop(asker)
            if isinstance(what, Permit):
                self.nobody_is_overtaken_by(asker, wish)
                one = Granted(self.now, wish.model, 1, wish.tokens)
                self.held[asker] = what, one
                self.granted.append(one)
                self.no_limit_is_passed(wish.model)

    def nobody_is_overtaken_by(self, asker: int, wish: Reserve) -> None:
        for other, wished in self.waiting.items():
            passed = wished.model in self.spec.models or wished.model in self.refused
            if wished.model == wish.model or not passed:
                assert self.places[asker] < self.places[other]

    def no_limit_is_passed(self, model: str) -> None:
        for scope, limits in ((None, self.spec), (model, self.spec.models.get(model))):
            if limits is not None:
                self._within(scope, limits)

    def _within(self, scope: str | None, limits: Limits) -> None:
        its = [one for one in self.granted if scope in (None, one.model)]
        held = [one for _, one in self.held.values() if scope in (None, one.model)]
        assert limits.concurrency is None or len(held) <= limits.concurrency
        for kind in KINDS:
            limit = getattr(limits, kind.name)
            if limit is not None:
                assert sum(one.counted(kind, self.now - kind.period) for one in its) <= limit

    def windows(self) -> Iterator[tuple[Kind, int, list[Granted]]]:
        for scope, limits in ((None, self.spec), *self.spec.models.items()):
            for kind in KINDS:
                limit = getattr(limits, kind.name)
                if limit is not None:
                    yield kind, limit, [one for one in self.granted if scope in (None, one.model)]


spans = st.one_of(
    st.just(0), st.integers(0, SECOND), st.integers(0, 3 * MINUTE), st.just(MINUTE), st.integers(0, DAY), st.just(DAY)
)
reserving = st.tuples(
    st.just("reserve"),
    st.integers(0, 40),
    st.sampled_from(PRIORITY_NAMES),
    st.sampled_from("ab"),
    st.sampled_from([SECOND, 20 * SECOND, LATER, LATER]),
)
steps = st.lists(
    st.one_of(
        reserving,
        reserving,
        reserving,
        st.tuples(st.just("settle"), st.integers(0, 9), st.sampled_from([None, 0.0, 0.5, 1.0, 1.5])),
        st.tuples(st.just("settle"), st.just(0), st.just(1.0)),
        st.tuples(st.just("leave"), st.integers(0, 9)),
        st.tuples(st.just("hasten"), st.integers(0, 9), st.sampled_from(PRIORITY_NAMES)),
        st.tuples(st.just("refuse"), st.integers(0, 9), st.sampled_from([None, 0, 1, 90])),
        st.tuples(st.just("advance"), spans),
    ),
    min_size=30,
    max_size=60,
)
maybe = st.none() | st.integers(1, 20)
tokens = st.none() | st.integers(40, 200)
models = st.dictionaries(
    st.sampled_from("ab"),
    st.builds(Limits, requests_per_minute=maybe, tokens_per_minute=tokens, concurrency=st.none() | st.integers(1, 3)),
    max_size=2,
)
specs = st.builds(
    LimitSpec,
    requests_per_second=st.none() | st.integers(1, 3),
    tokens_per_second=st.none() | st.integers(40, 80),
    requests_per_minute=maybe,
    tokens_per_minute=tokens,
    requests_per_day=st.none() | st.integers(20, 60),
    tokens_per_day=st.none() | st.integers(200, 600),
    concurrency=st.integers(1, 5),
    models=models,
)


def run(world: World, program: list[tuple[object, ...]], check: Callable[[], None] = lambda: None) -> None:
    for name, *arguments in program:
        getattr(world, str(name))(*arguments)
        check()


@settings(max_examples=200)
@given(spec=specs, program=steps)
def test_in_no_window_of_any_limit_is_more_granted_than_allowed(
    spec: LimitSpec, program: list[tuple[object, ...]]
) -> None:
    world = World(spec)
    run(world, program)
    for kind, limit, its in world.windows():
        for first in its:
            inside = [one for one in its if first.at <= one.at < first.at + kind.period]
            assert sum(one.tokens if kind.tokens else one.requests for one in inside) <= limit


@given(spec=specs, program=steps)
def test_nothing_leaks_and_everybody_is_answered_once(spec: LimitSpec, program: list[tuple[object, ...]]) -> None:
    world = World(spec)

    def check() -> None:
        facts = world.limiter.facts(world.now)
        assert (facts["in_flight"], facts["waiting"]) == (len(world.held), len(world.waiting))

    run(world, program, check)
    while world.waiting or world.held:
        world.leave(0)
        world.settle(0, 0.5)
        check()
    assert all(times == 1 for times in world.ends.values())
    for gate in world.limiter.gates().values():
        assert gate.in_flight == 0
        for window in gate.windows.values():
            assert window.has_room(1, world.now + DAY)
            assert window.used == 0


@given(spec=specs, program=steps)
def test_the_alarm_is_never_missed(spec: LimitSpec, program: list[tuple[object, ...]]) -> None:
    world = World(spec)

    def nobody_could_go() -> None:
        assert world.limiter.grant(world.now) == []

    run(world, program, nobody_could_go)


@settings(max_examples=50)
@given(spec=specs, program=steps)
def test_nobody_waits_for_ever(spec: LimitSpec, program: list[tuple[object, ...]]) -> None:
    world = World(spec)
    run(world, program)
    for _ in range(200):
        if not world.waiting:
            break
        world.settle(0, 1.0)
        world.advance(DAY)
    assert not world.waiting
