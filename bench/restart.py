"""How long from an actor's crash until it answers again, and from an open circuit to its refusal?

usage: python bench/restart.py [--rounds N] [--quick] [--json FILE] [--markdown FILE] [--svg FILE]

The circuit is opened by an operator's command. The refusal is timed at the provider's actor, which keeps the circuits:
from the ask to the fault that says when the next trial is. Beside it a whole call that is refused: plan, outcome, error
and record included.
"""

import logging
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import trio

import callboard
from callboard.actors.store.actor import StoreSpec
from callboard.bench.harness.client import NAMED, TURNED_OFF, configuration, opened
from callboard.bench.harness.options import Options
from callboard.bench.harness.question import Goal, Question, Subject
from callboard.bench.harness.running import main
from callboard.bench.harness.upstream import MODEL, PROMPT
from callboard.messages.base import Ask
from callboard.messages.calls import Attempt, Operate
from callboard.messages.chat import user
from callboard.messages.faults import FaultKind
from callboard.messages.request import Request
from callboard.opening import http_transport
from callboard.runtime.actor import Actor
from callboard.runtime.envelope import Envelope, Message
from callboard.runtime.errors import ActorCrashed
from callboard.runtime.ref import Ref
from callboard.runtime.supervision.backoff import Backoff
from callboard.runtime.supervision.intensity import Intensity
from callboard.runtime.supervision.spec import ActorSpec, SupervisorSpec
from callboard.runtime.system import System
from callboard.spec import Plumbing, tree

NOWHERE = "http://127.0.0.1:9/v1"
"""Never asked: the circuit is open."""


class Stumble(Ask[None], frozen=True):
    """Crash."""


class Answer(Ask[float], frozen=True):
    """The moment of the last crash."""


class Stumbling(Actor):
    """Crashes when told to. `moments` outlives it."""

    def __init__(self, moments: list[float]) -> None:
        self._moments = moments

    def receive(self, message: Message, envelope: Envelope) -> object:
        """Crash, or answer."""
        if isinstance(message, Stumble):
            self._moments.append(time.perf_counter())
            raise RuntimeError("the benchmark's crash")
        return self._moments[-1]


@contextmanager
def questions(options: Options) -> Iterator[Sequence[Question]]:
    """Both."""
    times = options.amount(1_000)
    yield [_crash(times), _refusal(times)]


def _crash(times: int) -> Question:
    return Question(
        name="restart",
        asks="How long from the exception in an actor until its next incarnation has answered?",
        unit="us on the wall's clock",
        settings={"crashes a sample": times, "a sample": "the median of them"},
        turned_off="the bound on restarts, the pause before the second one, and a place for the log's lines",
        subjects=(Subject("crash to answer", lambda: trio.run(_restarts, times)),),
        goals=(Goal(subject="crash to answer", at_most=200),),
    )


def _refusal(times: int) -> Question:
    return Question(
        name="an open circuit's refusal",
        asks="How long until an open circuit has refused?",
        unit="us on the wall's clock",
        settings={"refusals a sample": times, "a sample": "the median of them"},
        subjects=(
            Subject("the provider", lambda: trio.run(_refused_by_provider, times)),
            Subject("a whole call", lambda: trio.run(_refused_calls, times)),
        ),
        goals=(Goal(subject="the provider", at_most=30),),
        turned_off=TURNED_OFF,
    )


async def _restarts(times: int) -> float:
    moments: list[float] = []
    spec = SupervisorSpec(
        name="root",
        children=(ActorSpec(name="stumbling", factory=partial(Stumbling, moments)),),
        intensity=Intensity(failures=times + 1),
        backoff=Backoff(base=1, max=1),
    )
    with _unlogged():
        async with trio.open_nursery() as nursery:
            system = System(spec)
            await nursery.start(system.run)
            took = [await _crashed(system.ref("stumbling")) for _ in range(times)]
            assert len(moments) == times
            system.stop()
    return statistics.median(took) * 1e6


@contextmanager
def _unlogged() -> Iterator[None]:
    """The lines are written, and go nowhere."""
    logger, nowhere = logging.getLogger("callboard"), logging.NullHandler()
    logger.addHandler(nowhere)
    try:
        yield
    finally:
        logger.removeHandler(nowhere)


async def _crashed(actor: Ref) -> float:
    """Seconds from a crash to the next answer."""
    try:
        await actor.ask(Stumble())
    except ActorCrashed:
        moment = await actor.ask(Answer())
    return time.perf_counter() - moment


async def _refused_by_provider(times: int) -> float:
    request = Request(model=NAMED, messages=(user(PROMPT),))
    with tempfile.TemporaryDirectory(prefix="callboard-bench-") as folder:
        async with trio.open_nursery() as nursery:
            system = _whole(Path(folder))
            await nursery.start(system.run)
            provider = system.ref("providers/up")
            await provider.ask(Operate(command="open"))
            took = []
            for number in range(times):
                attempt = Attempt(id=f"{number}-1", call=str(number), request=request, model=MODEL)
                began = time.perf_counter()
                attempted = await provider.ask(attempt)
                took.append(time.perf_counter() - began)
                assert attempted.fault is not None and attempted.fault.kind is FaultKind.UNAVAILABLE
            system.stop()
    return statistics.median(took) * 1e6


def _whole(folder: Path) -> System:
    """The tree of a whole runtime, whose actors can be asked one by one."""

    def lookup(path: str) -> Ref:
        return system.ref(path)

    plumbing = Plumbing(lookup=lookup, transport=http_transport(), store=StoreSpec(path=folder), utc=time.time_ns)
    system = System(tree(configuration(NOWHERE, str(folder)), plumbing))
    return system


async def _refused_calls(times: int) -> float:
    took = []
    async with opened(NOWHERE) as board:
        await board.operate("up", Operate(command="open"))
        for _ in range(times):
            began = time.perf_counter()
            try:
                await board.generate(PROMPT, model=NAMED)
            except callboard.Unavailable:
                took.append(time.perf_counter() - began)
        assert len(took) == times, "a call was not refused"
    return statistics.median(took) * 1e6


if __name__ == "__main__":
    main(questions)
