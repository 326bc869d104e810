"""Asks that would wait for themselves: on graphs against a brute-force search, and in a running system."""

from collections import defaultdict
from collections.abc import Iterator

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from callboard.runtime.envelope import Envelope
from callboard.runtime.errors import Deadlock, HandlerFailed
from callboard.runtime.ref import Ref
from callboard.runtime.supervision.spec import ActorSpec
from callboard.runtime.waits import Waiter, circle
from callboard.testing.doer import Do, Doer, Work
from callboard.testing.running import running


class Node:
    """An actor as the search sees it."""

    def __init__(self, path: str, *, saturated: bool) -> None:
        self.path = path
        self.saturated = saturated
        self.waits: dict[Waiter, int] = defaultdict(int)


@st.composite
def graphs(draw: st.DrawFn) -> list[Node]:
    count = draw(st.integers(1, 6))
    nodes = [Node(f"n{n}", saturated=draw(st.booleans()) or draw(st.booleans())) for n in range(count)]
    for edge in draw(st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=12)):
        nodes[edge[0]].waits[nodes[edge[1]]] += 1
    return nodes


def simple_paths(start: Waiter, end: Waiter, walked: tuple[Waiter, ...] = ()) -> Iterator[tuple[Waiter, ...]]:
    """Every path without repetition, by brute force."""
    walked = (*walked, start)
    if start is end:
        yield walked
        return
    for following in start.waits:
        if following not in walked:
            yield from simple_paths(following, end, walked)


@settings(max_examples=500)
@given(graphs(), st.data())
def test_an_ask_is_refused_exactly_when_a_circle_of_saturated_actors_would_close(
    nodes: list[Node], data: st.DataObject
) -> None:
    asker, target = data.draw(st.sampled_from(nodes)), data.draw(st.sampled_from(nodes))
    paths = [path for path in simple_paths(target, asker) if all(node.saturated for node in path)]
    names = circle(asker, target)
    if not paths:
        assert names is None
    else:
        assert names in [(asker.path, *(node.path for node in path)) for path in paths]


@settings(max_examples=200)
@given(graphs(), st.data())
def test_with_every_ask_checked_no_circle_ever_closes(nodes: list[Node], data: st.DataObject) -> None:
    for node in nodes:
        node.waits.clear()
    for _ in range(10):
        asker, target = data.draw(st.sampled_from(nodes)), data.draw(st.sampled_from(nodes))
        if circle(asker, target) is None:
            asker.waits[target] += 1
    for node in nodes:
        for following in node.waits:
            closed = [path for path in simple_paths(following, node) if all(one.saturated for one in path)]
            assert not closed


def asking(ref: Ref, work: Work) -> Work:
    async def ask() -> object:
        return await ref.ask(Do(work))

    return lambda actor, envelope: ask()


def done(actor: Doer, envelope: Envelope) -> str:
    return "done"


def root_cause(error: BaseException) -> BaseException:
    while isinstance(error, HandlerFailed):
        error = error.cause
    return error


async def test_an_actor_that_asks_itself_is_refused_when_no_handler_is_free(autojump_clock: MockClock) -> None:
    async with running(ActorSpec(name="a", factory=Doer)) as system:
        ref = system.ref("a")
        with pytest.raises(HandlerFailed) as caught:
            await ref.ask(Do(asking(ref, done)))
        assert isinstance(caught.value.cause, Deadlock)
        assert str(caught.value.cause) == "deadlock refused: a -> a"


async def test_an_actor_with_a_free_handler_may_be_asked_back(autojump_clock: MockClock) -> None:
    a_spec, b_spec = ActorSpec(name="a", factory=Doer, concurrency=2), ActorSpec(name="b", factory=Doer)
    async with running(a_spec, b_spec) as system:
        a, b = system.ref("a"), system.ref("b")
        assert await a.ask(Do(asking(b, asking(a, done)))) == "done"
        assert await a.ask(Do(asking(a, done))) == "done"


async def test_an_actor_whose_handlers_are_all_taken_counts_as_serial(autojump_clock: MockClock) -> None:
    a_spec, b_spec = ActorSpec(name="a", factory=Doer, concurrency=3), ActorSpec(name="b", factory=Doer)
    async with running(a_spec, b_spec) as system, trio.open_nursery() as nursery:
        a, b = system.ref("a"), system.ref("b")
        for _ in range(2):
            nursery.start_soon(a.ask, Do(lambda actor, envelope: trio.sleep(9)))
        await wait_all_tasks_blocked()
        with pytest.raises(HandlerFailed) as caught:
            await a.ask(Do(asking(b, asking(a, done))))
        refused = root_cause(caught.value)
        assert isinstance(refused, Deadlock)
        assert refused.names == ("b", "a", "b")
        assert system.clock.now() == 0


async def test_a_chain_without_a_circle_is_never_refused(autojump_clock: MockClock) -> None:
    specs = [ActorSpec(name=f"a{n}", factory=Doer) for n in range(12)]
    async with running(*specs) as system:
        work: Work = done
        for n in range(11, 0, -1):
            work = asking(system.ref(f"a{n}"), work)
        assert await system.ref("a0").ask(Do(work)) == "done"


async def test_a_refused_ask_leaves_no_edge_behind(autojump_clock: MockClock) -> None:
    async with running(ActorSpec(name="a", factory=Doer), ActorSpec(name="b", factory=Doer)) as system:
        a, b = system.ref("a"), system.ref("b")
        for _ in range(3):
            with pytest.raises(HandlerFailed):
                await a.ask(Do(asking(b, asking(a, done))))
        assert [cell.waits for cell in system.cells()] == [{}, {}]
        assert await a.ask(Do(asking(b, done))) == "done"
        assert await b.ask(Do(asking(a, done))) == "done"
