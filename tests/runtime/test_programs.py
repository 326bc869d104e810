"""Generated programs of asks, tells, cancellations, crashes and a stop, in one run each, against a small model.

Three actors: `a` is serial, `b` runs two handlers, `c` is serial and lets asks wait for room. A relay is a handler of
an earlier actor that asks a later one. The model is a simulation in plain lists that knows nothing of tasks, slots or
scopes; up to the stop it says exactly how each ask ends. During the stop an ask may also end with ActorDown.
Nor does it know which handlers have a scope of their own and so may run in their asker's task: nobody is to notice.
"""

import random
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any, Literal, NamedTuple

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from callboard.runtime.actor import LATER, Scoped
from callboard.runtime.clock import Clock, ns, trio_deadline
from callboard.runtime.envelope import Envelope
from callboard.runtime.errors import (
    ActorCrashed,
    ActorDown,
    ActorError,
    DeadlineExceeded,
    DeclaredError,
    HandlerFailed,
    MailboxFull,
)
from callboard.runtime.mailbox import Full, Lane, MailboxSpec
from callboard.runtime.ref import Ref
from callboard.runtime.supervision.backoff import Backoff
from callboard.runtime.supervision.intensity import Intensity
from callboard.runtime.supervision.spec import ActorSpec, SupervisorSpec
from callboard.runtime.system import System
from callboard.testing.doer import Do, Doer, Note, Work
from callboard.testing.running import leaks

NEVER = 10**15
MOMENT = 10_000
"""Nanoseconds after each operation, in which whatever it causes at once has happened."""

JobPlan = tuple[str, "Kind", int, int, bool, "tuple[str, Kind, bool] | None"]
Kind = Literal["quick", "slow", "defer", "fail", "declare", "crash", "relay"]


class Shape(NamedTuple):
    """One actor's bounds."""

    concurrency: int
    room: int
    waits: bool
    backoff: int
    """Nanoseconds until it is restarted; each actor has another, so that no two come back at once."""


SHAPES = {"a": Shape(1, 2, False, 1), "b": Shape(2, 3, False, 10), "c": Shape(1, 1, True, 100)}


class Job(NamedTuple):
    """What one message asks for."""

    actor: str
    kind: Kind
    duration: int
    """Nanoseconds that a handler sleeps before it replies, fails or asks on."""
    patience: int
    """Nanoseconds until the asker's deadline."""
    scoped: bool
    """Whether its handler has a scope of its own."""
    then: "Job | None" = None
    """What a relay asks of another actor."""


class Declared(DeclaredError):
    """An error on purpose."""


class Task:
    """One message in the model."""

    def __init__(self, job: Job, deadline: int, *, is_ask: bool, parent: "Task | None" = None) -> None:
        self.job, self.deadline, self.is_ask, self.parent = job, deadline, is_ask, parent
        self.wakes = NEVER
        self.outcome: str | None = None


class Place:
    """One actor in the model."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.queue: list[Task] = []
        self.waiting: list[Task] = []
        self.running: list[Task] = []
        self.deferred: list[Task] = []
        self.back_at: int | None = None
        """When it is restarted, after a crash."""

    @property
    def held(self) -> list[Task]:
        return [*self.queue, *self.waiting, *self.running, *self.deferred]

    def admit(self) -> None:
        while self.waiting and len(self.queue) < self.shape.room:
            self.queue.append(self.waiting.pop(0))

    def forget(self, task: Task) -> None:
        for tasks in (self.queue, self.waiting, self.running, self.deferred):
            if task in tasks:
                tasks.remove(task)


class Model:
    """What must become of every message. What one step causes elsewhere comes after it, first come first served.

    Whoever is answered in one step hears of it before an actor that has become free takes up its next message.
    """

    def __init__(self) -> None:
        self.now = 0
        self.places = {name: Place(shape) for name, shape in SHAPES.items()}
        self._heard: deque[Callable[[], object]] = deque()
        self._free: deque[Callable[[], object]] = deque()

    def settle(self) -> None:
        while self._heard or self._free:
            (self._heard or self._free).popleft()()

    def send(self, task: Task) -> bool:
        place = self.places[task.job.actor]
        if len(place.queue) >= place.shape.room and not (place.shape.waits and task.is_ask):
            self.finish([task], "full")
            return False
        place.waiting.append(task)
        place.admit()
        self._free.append(partial(self.serve, place))
        return True

    def serve(self, place: Place) -> None:
        while place.queue and place.back_at is None and len(place.running) < place.shape.concurrency:
            task = place.queue.pop(0)
            place.admit()
            self.begin(place, task)

    def begin(self, place: Place, task: Task) -> None:
        match task.job.kind:
            case "quick":
                self.finish([task], "reply")
            case "declare":
                self.finish([task], "declared")
            case "crash":
                self.crash(place, task)
            case "defer":
                if task.is_ask:
                    place.deferred.append(task)
            case "slow" | "fail" | "relay":
                place.running.append(task)
                task.wakes = self.now + task.job.duration

    def wake(self, task: Task) -> None:
        task.wakes = NEVER
        if task.job.then is not None:
            self.send(Task(task.job.then, task.deadline, is_ask=True, parent=task))
        else:
            self.finish([task], "reply" if task.job.kind == "slow" else "failed")

    def crash(self, place: Place, *culprit: Task) -> None:
        place.back_at = self.now + place.shape.backoff
        self.finish([*culprit, *place.running, *place.deferred], "crashed")

    def answer(self, place: Place) -> None:
        self.finish(list(place.deferred), "reply")

    def finish(self, tasks: list[Task], outcome: str) -> None:
        """These end together, with all that was asked on their behalf; later those hear of it who asked for them."""
        tasks = [task for task in tasks if task.outcome is None]
        for task in tasks:
            task.outcome = outcome
            self.places[task.job.actor].forget(task)
        orphans = [asked for place in self.places.values() for asked in place.held if asked.parent in tasks]
        if orphans:
            self.finish(orphans, "abandoned")
        for task in tasks:
            if task.parent is not None:
                told = outcome if outcome in {"reply", "declared"} else "failed"
                self._heard.append(partial(self.finish, [task.parent], told))
        for place in self.places.values():
            place.admit()
            self._free.append(partial(self.serve, place))

    def advance(self, until: int) -> None:
        while (due := min(self._events(), key=lambda event: event[0], default=None)) and due[0] <= until:
            self.now = due[0]
            match due[1]:
                case Place() as place:
                    place.back_at = None
                    self.serve(place)
                case Task() as task if task.wakes <= task.deadline:
                    self.wake(task)
                case Task() as task:
                    self.finish([task], "deadline")
            self.settle()
        self.now = until

    def _events(self) -> Iterator[tuple[int, Place | Task]]:
        for place in self.places.values():
            if place.back_at is not None:
                yield place.back_at, place
            for task in place.held:
                if task.parent is None or task.wakes < task.deadline:
                    yield min(task.wakes, task.deadline), task


OUTCOMES: dict[type[Exception], str] = {
    Declared: "declared",
    HandlerFailed: "failed",
    ActorCrashed: "crashed",
    MailboxFull: "full",
    DeadlineExceeded: "deadline",
    ActorDown: "down",
}


AT_THE_STOP = {*OUTCOMES.values(), "reply"} - {"full"}
"""What was not over when the stop began may end so; whoever is cancelled was cancelled before."""


def _alone(name: str, shape: Shape) -> SupervisorSpec:
    actor = ActorSpec(
        name="actor",
        factory=Doer,
        concurrency=shape.concurrency,
        mailbox=MailboxSpec(data=shape.room, full=Full.WAIT if shape.waits else Full.REJECT),
        drain=ns(2),
    )
    backoff = Backoff(base=shape.backoff, max=shape.backoff, jitter=0, immediate_first=False)
    return SupervisorSpec(name=name, children=(actor,), intensity=Intensity(failures=10**6), backoff=backoff)


class Real:
    """The same on the runtime."""

    def __init__(self, nursery: trio.Nursery) -> None:
        spec = SupervisorSpec(name="root", children=tuple(_alone(name, shape) for name, shape in SHAPES.items()))
        self.system = System(spec, clock=Clock(), seed=0)
        self.outcomes: list[list[str]] = []
        self.scopes: list[trio.CancelScope] = []
        self._nursery = nursery

    def ref(self, actor: str) -> Ref:
        return self.system.ref(f"{actor}/actor")

    def work(self, job: Job) -> Work:
        match job.kind:
            case "quick":
                return lambda actor, envelope: "reply"
            case "declare":
                return _declare
            case "crash":
                return _crash
            case "defer":
                return _defer
            case "slow":
                return _handled(job, lambda: _sleep(job.duration))
            case "fail":
                return _handled(job, lambda: _fail(job.duration))
            case "relay":
                return _handled(job, lambda: self._relay(job))

    def ask(self, job: Job, deadline: int) -> None:
        self.outcomes.append([])
        self.scopes.append(trio.CancelScope())
        self._nursery.start_soon(self._ask, len(self.scopes) - 1, job, deadline)

    async def _ask(self, n: int, job: Job, deadline: int) -> None:
        try:
            with self.scopes[n]:
                self.outcomes[n].append(await self.ref(job.actor).ask(Do(self.work(job)), deadline=deadline))
            if self.scopes[n].cancelled_caught:
                self.outcomes[n].append("cancelled")
        except ActorError as error:
            self.outcomes[n].append(OUTCOMES[type(error)])

    async def _relay(self, job: Job) -> Any:
        assert job.then is not None
        await _sleep(job.duration)
        return await self.ref(job.then.actor).ask(Do(self.work(job.then)))


def _handled(job: Job, run: Callable[[], Coroutine[Any, Any, Any]]) -> Work:
    if not job.scoped:
        return lambda actor, envelope: run()
    return lambda actor, envelope: Scoped(trio.CancelScope(deadline=trio_deadline(envelope.deadline)), run())


def _declare(actor: Doer, envelope: Envelope) -> object:
    raise Declared


def _crash(actor: Doer, envelope: Envelope) -> object:
    raise ValueError("bug")


def _defer(actor: Doer, envelope: Envelope) -> object:
    actor.kept.append(envelope)
    return LATER


def _answer(actor: Doer, envelope: Envelope) -> None:
    for kept in actor.kept:
        kept.reply("reply")
    actor.kept.clear()


async def _sleep(duration: int) -> str:
    await trio.sleep(duration / 1e9)
    return "reply"


async def _fail(duration: int) -> str:
    await trio.sleep(duration / 1e9)
    raise KeyError("bug")


class Both:
    """The runtime and its model, driven together; no two moments of a program ever coincide."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.real, self.model = Real(nursery), Model()
        self.asks: list[Task] = []
        self._rng = random.Random(0)

    def span(self, seconds: int) -> int:
        return ns(seconds) + 10 * MOMENT + self._rng.randrange(ns(0.5))

    def job(self, plan: JobPlan) -> Job:
        actor, kind, duration, patience, scoped, then = plan
        inner = None if then is None else self.job((then[0], then[1], duration, 0, then[2], None))
        return Job(actor, kind, self.span(duration), self.span(patience), scoped, inner)

    def do(self, name: str, argument: Any) -> None:
        match name:
            case "ask":
                job = self.job(argument)
                task = Task(job, self.model.now + job.patience, is_ask=True)
                self.asks.append(task)
                self.real.ask(job, task.deadline)
                self.model.send(task)
            case "tell":
                job = self.job(argument)
                accepted = self.real.ref(job.actor).tell(Note(self.real.work(job)))
                assert bool(accepted) is self.model.send(Task(job, NEVER, is_ask=False))
            case "cancel":
                if self.asks:
                    n = max(0, len(self.asks) - argument)
                    self.real.scopes[n].cancel()
                    self.model.finish([self.asks[n]], "cancelled")
            case "crash":
                self.real.ref(argument).tell(Note(_crash), lane=Lane.CONTROL)
                self.model.crash(self.model.places[argument])
            case "answer":
                self.real.ref(argument).tell(Note(_answer), lane=Lane.CONTROL)
                self.model.answer(self.model.places[argument])

    async def advance(self, duration: int) -> None:
        self.model.settle()
        self.model.advance(self.model.now + duration)
        await trio.sleep_until(trio_deadline(self.model.now))

    def agree(self) -> None:
        expected = [[] if task.outcome is None else [task.outcome] for task in self.asks]
        assert self.real.outcomes == expected
        for cell in self.real.system.cells():
            place, counts = self.model.places[cell.path[0]], cell.mailbox.statistics()
            assert (len(cell.running), len(cell.deferred)) == (len(place.running), len(place.deferred))
            assert counts.waiting == len(place.waiting)
            skipped = counts.skipped_expired + counts.skipped_abandoned
            assert counts.accepted == counts.delivered + skipped + counts.dropped + counts.queued

    def agree_at_the_end(self) -> None:
        for task, outcomes in zip(self.asks, self.real.outcomes, strict=True):
            assert len(outcomes) == 1
            assert outcomes[0] in ({task.outcome} if task.outcome is not None else AT_THE_STOP)
        assert leaks(self.real.system) == []


def jobs(kinds: list[Kind]) -> st.SearchStrategy[JobPlan]:
    inner: list[Kind] = ["quick", "slow", "defer", "fail", "declare", "crash"]

    @st.composite
    def job(draw: st.DrawFn) -> JobPlan:
        kind = draw(st.sampled_from(kinds))
        pair = draw(st.sampled_from(["ab", "ac", "bc"])) if kind == "relay" else draw(st.sampled_from("abc"))
        then = (pair[1], draw(st.sampled_from(inner)), draw(st.booleans())) if kind == "relay" else None
        return pair[0], kind, draw(st.integers(0, 4)), draw(st.integers(1, 9)), draw(st.booleans()), then

    return job()


KINDS: list[Kind] = ["quick", "slow", "slow", "defer", "fail", "declare", "crash", "relay", "relay", "relay"]
operations = st.one_of(
    st.tuples(st.just("ask"), jobs(KINDS)),
    st.tuples(st.just("ask"), jobs(KINDS)),
    st.tuples(st.just("tell"), jobs(["quick", "slow", "defer", "crash"])),
    st.tuples(st.just("cancel"), st.integers(1, 8)),
    st.tuples(st.just("crash"), st.sampled_from("abc")),
    st.tuples(st.just("answer"), st.sampled_from("abc")),
    st.tuples(st.just("time"), st.integers(0, 4)),
)


async def run(program: list[tuple[str, Any]]) -> None:
    async with trio.open_nursery() as nursery:
        both = Both(nursery)
        await nursery.start(both.real.system.run)
        for name, argument in program:
            both.do(name, argument)
            await both.advance(both.span(argument) if name == "time" else MOMENT)
            both.agree()
        both.real.system.stop()
    both.agree_at_the_end()


@settings(max_examples=300)
@given(st.lists(operations, min_size=10, max_size=40))
def test_any_program_ends_each_ask_once_as_the_model_says_and_leaks_nothing(program: list[tuple[str, Any]]) -> None:
    trio.run(run, program, clock=MockClock(autojump_threshold=0))
