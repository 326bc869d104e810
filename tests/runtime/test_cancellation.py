"""Asks and streams, cancelled everywhere: once before each step of the scheduler."""

from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from callboard.messages.base import Ask, Tell
from callboard.messages.signals import Left
from callboard.runtime.actor import LATER, Actor, Scoped
from callboard.runtime.clock import ns
from callboard.runtime.envelope import Envelope, Message
from callboard.runtime.errors import ActorCrashed, ActorError, DeclaredError
from callboard.runtime.mailbox import Lane
from callboard.runtime.ref import Ref
from callboard.runtime.stream import Closed, ConsumerLeft, Stream
from callboard.runtime.supervision.spec import ActorSpec
from callboard.testing.checkpoints import Cut, Scenario, cancel_everywhere
from callboard.testing.doer import Do, Doer, Note, Work
from callboard.testing.running import running

SEEDS = range(2)


class Acquire(Ask[int], frozen=True):
    """Ask for the permit; the reply is its number."""


class Release(Tell, frozen=True):
    """Give it back."""

    permit: int


class Turnstile(Actor):
    """One permit; whoever must wait for it is parked."""

    def __init__(self) -> None:
        self._parked: deque[Envelope] = deque()
        self._held: int | None = None
        self._granted = 0

    async def start(self) -> None:
        self._publish()

    def receive(self, message: Message, envelope: Envelope) -> object:
        match message:
            case Acquire():
                self._parked.append(envelope)
            case Release(permit) if permit == self._held:
                self._held = None
            case Left():
                self._parked = deque(one for one in self._parked if one.id != message.envelope)
        while self._parked and self._held is None:
            self._granted += 1
            if self._parked.popleft().reply(self._granted):
                self._held = self._granted
        self._publish()
        return LATER

    def _publish(self) -> None:
        self.me.publish((len(self._parked), self._held))


class Refused(DeclaredError):
    """An error on purpose."""


def spec(name: str = "a", concurrency: int = 1) -> ActorSpec:
    return ActorSpec(name=name, factory=Doer, concurrency=concurrency, drain=ns(2))


def sleeping(seconds: float, value: object = "done") -> Work:
    async def sleep() -> object:
        await trio.sleep(seconds)
        return value

    return lambda actor, envelope: sleep()


def asking(ref: Ref, work: Work) -> Work:
    async def ask() -> object:
        return await ref.ask(Do(work))

    return lambda actor, envelope: ask()


def lent(work: Callable[[], Coroutine[object, object, object]]) -> Work:
    return lambda actor, envelope: Scoped(trio.CancelScope(), work())


def lent_to(ref: Ref, work: Work) -> Callable[[], Coroutine[object, object, object]]:
    return lambda: ref.ask(Do(work))


def refuse(actor: Doer, envelope: Envelope) -> object:
    raise Refused


def crash(actor: Doer, envelope: Envelope) -> object:
    raise ValueError("bug")


def incarnation(actor: Doer, envelope: Envelope) -> int:
    return actor.me.incarnation


class Asked:
    """An ask that is watched: it must end exactly once, and with this or by cancellation."""

    def __init__(self, cut: Cut) -> None:
        self._cut = cut
        self.ended: list[object] = []

    async def __call__(self, ref: Ref, work: Work) -> None:
        with self._cut.scope() as scope:
            try:
                self.ended.append(await ref.ask(Do(work)))
            except ActorError as error:
                self.ended.append(type(error))
        if scope.cancelled_caught:
            self.ended.append("cancelled")

    def check(self, *expected: object) -> None:
        assert len(self.ended) == 1
        assert self.ended[0] in {*expected, "cancelled"}
        assert self.ended[0] != "cancelled" or self._cut.struck


async def a_queued_ask(cut: Cut) -> None:
    async with running(spec()) as system:
        ref, asked, others = system.ref("a"), Asked(cut), list[object]()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_collect, others, ref, sleeping(1))
            await wait_all_tasks_blocked()
            nursery.start_soon(asked, ref, sleeping(1))
            await wait_all_tasks_blocked()
            nursery.start_soon(_collect, others, ref, sleeping(1))
        asked.check("done")
        assert others == ["done", "done"]
        assert await ref.ask(Do(incarnation)) == 1


async def a_running_handler(cut: Cut) -> None:
    async with running(spec()) as system:
        asked = Asked(cut)
        await asked(system.ref("a"), sleeping(1))
        asked.check("done")
        assert await system.ref("a").ask(Do(incarnation)) == 1


async def a_lent_handler(cut: Cut) -> None:
    async with running(spec("a"), spec("b")) as system:
        a, b = system.ref("a"), system.ref("b")
        asked = Asked(cut)
        await asked(a, lent(lent_to(b, lent(lambda: trio.sleep(1)))))
        asked.check(None)
        assert [await ref.ask(Do(incarnation)) for ref in (b, a)] == [1, 1]
        assert [(len(cell.running), len(cell.waits)) for cell in system.cells()] == [(0, 0), (0, 0)]


async def a_lent_handler_of_an_actor_that_crashes(cut: Cut) -> None:
    async with running(spec("a"), spec("b")) as system:
        a, b = system.ref("a"), system.ref("b")
        asked = Asked(cut)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(asked, a, lent(lent_to(b, lent(lambda: trio.sleep(1)))))
            nursery.start_soon(_tell_soon, a, crash)
            nursery.start_soon(_tell_soon, b, crash)
        asked.check(ActorCrashed)
        await wait_all_tasks_blocked()
        assert [await ref.ask(Do(incarnation)) for ref in (b, a)] == [2, 2]
        assert [(len(cell.running), len(cell.waits)) for cell in system.cells()] == [(0, 0), (0, 0)]


async def asks_through_three_actors(cut: Cut) -> None:
    async with running(spec("a"), spec("b"), spec("c")) as system:
        a, b, c = (system.ref(name) for name in "abc")
        asked = Asked(cut)
        await asked(a, asking(b, asking(c, sleeping(1))))
        asked.check("done")
        assert [await ref.ask(Do(incarnation)) for ref in (c, b, a)] == [1, 1, 1]
        assert [len(cell.waits) for cell in system.cells()] == [0, 0, 0]


async def an_error_through_two_actors(cut: Cut) -> None:
    async with running(spec("a"), spec("b")) as system:
        asked = Asked(cut)
        await asked(system.ref("a"), asking(system.ref("b"), refuse))
        asked.check(Refused)


async def a_parked_permit(cut: Cut) -> None:
    async with running(ActorSpec(name="a", factory=Turnstile)) as system:
        ref = system.ref("a")

        async def user(scoped: bool) -> None:
            with cut.scope() if scoped else trio.CancelScope():
                permit = await ref.ask(Acquire())
                try:
                    await trio.sleep(1)
                finally:
                    ref.tell(Release(permit), lane=Lane.CONTROL)

        async with trio.open_nursery() as nursery:
            for scoped in (False, True, False):
                nursery.start_soon(user, scoped)
                await wait_all_tasks_blocked()
        await wait_all_tasks_blocked()
        assert ref.snapshot == (0, None)


async def asks_that_were_submitted(cut: Cut) -> None:
    async with running(spec(concurrency=2)) as system:
        ref, ended = system.ref("a"), list[object]()
        with cut.scope() as scope:
            pending = [ref.submit(Do(sleeping(n, n))) for n in (2, 1)]
            try:
                for one in pending:
                    ended.append(await one.wait())
            finally:
                for one in pending:
                    one.abandon()
        assert ended == [2, 1] or scope.cancelled_caught
        await wait_all_tasks_blocked()
        assert [len(cell.running) for cell in system.cells()] == [0]


async def an_ask_to_an_actor_that_crashes(cut: Cut) -> None:
    async with running(spec()) as system:
        ref, asked = system.ref("a"), Asked(cut)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(asked, ref, sleeping(1))
            nursery.start_soon(_tell_soon, ref, crash)
        asked.check("done", ActorCrashed)
        assert await ref.ask(Do(incarnation)) == 2


class Pipe:
    """A producer and a consumer at a stream, and how it ended for each."""

    def __init__(self) -> None:
        self.stream: Stream[int] = Stream(credit=2)
        self.received: list[int] = []
        self.ends: list[object] = []

    async def produce(self, scope: AbstractContextManager[object]) -> None:
        reason = "cut"
        with scope:
            try:
                for n in range(6):
                    await self.stream.send(n)
                    await trio.sleep(1)
                reason = "done"
            except ConsumerLeft:
                reason = "left"
            finally:
                assert self.stream.close(reason) is True

    async def consume(self, scope: AbstractContextManager[object]) -> None:
        with scope:
            try:
                while True:
                    self.received.append(await self.stream.receive())
            except Closed as closed:
                self.ends.append(closed.reason)
            finally:
                self.stream.leave()

    async def run(self, producer: AbstractContextManager[object], consumer: AbstractContextManager[object]) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.produce, producer)
            nursery.start_soon(self.consume, consumer)
        assert self.received == list(range(len(self.received)))
        assert self.stream.closed


async def a_producer(cut: Cut) -> None:
    pipe = Pipe()
    await pipe.run(cut.scope(), trio.CancelScope())
    assert pipe.ends in (["done"], ["cut"])
    assert len(pipe.received) == pipe.stream.sent
    assert cut.struck or pipe.ends == ["done"]


async def a_consumer(cut: Cut) -> None:
    pipe = Pipe()
    await pipe.run(trio.CancelScope(), cut.scope())
    assert pipe.ends in (["done"], [])
    assert cut.struck or pipe.received == list(range(6))


SCENARIOS: list[Scenario] = [
    a_queued_ask,
    a_running_handler,
    a_lent_handler,
    a_lent_handler_of_an_actor_that_crashes,
    asks_through_three_actors,
    an_error_through_two_actors,
    a_parked_permit,
    asks_that_were_submitted,
    an_ask_to_an_actor_that_crashes,
    a_producer,
    a_consumer,
]


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("seed", SEEDS)
def test_cut_at_any_checkpoint_nothing_hangs_leaks_or_ends_twice(scenario: Scenario, seed: int) -> None:
    assert cancel_everywhere(scenario, seed=seed) > 0


async def _collect(ended: list[object], ref: Ref, work: Work) -> None:
    try:
        ended.append(await ref.ask(Do(work)))
    except ActorError as error:
        ended.append(type(error))


async def _tell_soon(ref: Ref, work: Work) -> None:
    await trio.sleep(0.5)
    ref.tell(Note(work), lane=Lane.CONTROL)
