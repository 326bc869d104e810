"""What does an actor's mailbox cost: a tell and an ask, serial and from 64 clients at once?

usage: python bench/mailbox.py [--rounds N] [--quick] [--peers] [--json FILE] [--markdown FILE] [--svg FILE]

The reference is the same round trip over bare Trio memory channels: one channel to the worker, and one back for each
client. Nobody supervises that, and it has no deadline, no bound on what waits and no answer when the worker dies.

An actor that is idle handles a message in its sender's step, past its mailbox. While one is busy, messages wait in its
mailbox: here behind a handler that goes on until all clients have asked, or a burst was told. A client alone never
finds the actor busy.
"""

import gc
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import trio

from callboard.bench.harness.options import Options
from callboard.bench.harness.peers import PYKKA, measured
from callboard.bench.harness.question import Goal, Question, Subject
from callboard.bench.harness.running import main
from callboard.messages.base import Ask, Tell
from callboard.messages.priority import PRIORITIES
from callboard.runtime.actor import Actor
from callboard.runtime.envelope import Envelope, Message
from callboard.runtime.mailbox import MailboxSpec
from callboard.runtime.ref import Ref
from callboard.runtime.supervision.spec import ActorSpec, SupervisorSpec
from callboard.runtime.system import System

CROWD = 64
BURST = 1_000
"""Tells between two waits."""

IDLE = (
    "the actor is idle: each message is handled in its sender's step, past the mailbox; others get their turn after "
    "every sixteenth"
)
BUSY = "the actor is busy: each message waits in the mailbox until a handler has ended"

Trip = Callable[[int], Awaitable[None]]
"""So many round trips, one after the other."""


class Say(Ask[int], frozen=True):
    """An ask."""

    value: int


class Note(Tell, frozen=True):
    """A tell."""

    value: int


class Hold(Ask[None], frozen=True):
    """Be busy until then."""

    until: trio.Event


class Echo(Actor):
    """Answers with what it was asked, or is busy."""

    def receive(self, message: Message, envelope: Envelope) -> object:
        """Nothing more."""
        if isinstance(message, Hold):
            return message.until.wait()
        assert isinstance(message, Say | Note)
        return message.value


@contextmanager
def questions(options: Options) -> Iterator[Sequence[Question]]:
    """Serial and crowded asks, and tells."""
    yield [_asks(options, 1), _asks(options, CROWD), _tells(options)]


def _asks(options: Options, clients: int) -> Question:
    trips = options.amount(20_000) // clients * clients
    of_pykka = trips // 4 // clients * clients
    ours = [Subject("callboard", lambda: trio.run(_actor, trips, clients), note=IDLE)]
    if clients > 1:
        ours.append(Subject("callboard, busy", lambda: trio.run(_busy_actor, trips, clients), note=BUSY))
    pykka: tuple[Subject, ...] = ()
    if options.peers:
        pykka = (Subject("pykka", partial(measured, PYKKA, "ask", of_pykka, clients)),)
    bounds = {"Trio's channels": 1 / 0.6, **({"pykka": 1.0} if pykka and clients > 1 else {})}
    return Question(
        name=f"an ask, {clients} client{'s' if clients > 1 else ''}",
        asks="What does a round trip to an actor cost?",
        unit="us of CPU",
        settings={
            "round trips a sample": trips,
            "clients": clients,
            **({"round trips of Pykka": of_pykka} if pykka else {}),
        },
        turned_off="all but an actor that answers at once",
        subjects=(
            Subject("Trio's channels", lambda: trio.run(_channels, trips, clients)),
            *ours,
            *pykka,
        ),
        goals=tuple(
            Goal(subject=one.name, against=other, at_most=bound) for one in ours for other, bound in bounds.items()
        ),
    )


def _tells(options: Options) -> Question:
    tells = _in_bursts(options.amount(50_000))
    to_pykka = _in_bursts(tells // 4)
    pykka = (Subject("pykka", partial(measured, PYKKA, "tell", to_pykka, 1)),) if options.peers else ()
    return Question(
        name="a tell",
        asks="What does a message cost that nobody waits for?",
        unit="us of CPU",
        settings={
            "tells a sample": tells,
            "tells in a burst": BURST,
            **({"tells to Pykka": to_pykka} if pykka else {}),
        },
        turned_off="all but an actor that does nothing",
        subjects=(
            Subject("Trio's channels", lambda: trio.run(_channel_tells, tells)),
            Subject("callboard", lambda: trio.run(_actor_tells, tells), note=IDLE),
            Subject("callboard, busy", lambda: trio.run(_busy_actor_tells, tells), note=BUSY),
            *pykka,
        ),
    )


def _in_bursts(tells: int) -> int:
    """As many of them as whole bursts are; one burst at least."""
    return max(1, tells // BURST) * BURST


async def _actor(trips: int, clients: int) -> float:
    async with trio.open_nursery() as nursery:
        spent = await _asked(await _started(nursery), trips, clients)
        nursery.cancel_scope.cancel()
    return spent


async def _busy_actor(trips: int, clients: int) -> float:
    async with trio.open_nursery() as nursery:
        echo = await _started(nursery)
        async with trio.open_nursery() as holding:
            holding.start_soon(_keep_busy, echo)
            spent = await _asked(echo, trips, clients)
            holding.cancel_scope.cancel()
        nursery.cancel_scope.cancel()
    return spent


async def _asked(echo: Ref, trips: int, clients: int) -> float:
    async def trip(count: int) -> None:
        for value in range(count):
            assert await echo.ask(Say(value)) == value

    await trip(100)
    return await _crowd([trip] * clients, trips)


async def _keep_busy(echo: Ref) -> None:
    """Whatever has come while the actor was busy is handled between one hold and the next, which is less urgent."""
    until = trio.Event()
    held = echo.submit(Hold(until))
    while True:
        then = trio.Event()
        following = echo.submit(Hold(then), priority=PRIORITIES["background"])
        until.set()
        await held.wait()
        held, until = following, then


async def _channels(trips: int, clients: int) -> float:
    send, receive = trio.open_memory_channel[tuple[int, trio.MemorySendChannel[int]]](BURST)

    async def worker() -> None:
        async for value, back in receive:
            await back.send(value)

    async def trip(count: int) -> None:
        back, answers = trio.open_memory_channel[int](1)
        for value in range(count):
            await send.send((value, back))
            assert await answers.receive() == value

    async with trio.open_nursery() as nursery:
        nursery.start_soon(worker)
        await trip(100)
        spent = await _crowd([trip] * clients, trips)
        nursery.cancel_scope.cancel()
    return spent


async def _crowd(clients: list[Trip], trips: int) -> float:
    """CPU microseconds a round trip."""
    gc.collect()
    started = time.process_time()
    async with trio.open_nursery() as nursery:
        for trip in clients:
            nursery.start_soon(trip, trips // len(clients))
    return (time.process_time() - started) / trips * 1e6


async def _actor_tells(tells: int) -> float:
    async with trio.open_nursery() as nursery:
        echo = await _started(nursery)

        async def burst() -> None:
            for value in range(BURST):
                assert echo.tell(Note(value))
            await echo.ask(Say(0))

        spent = await _bursts(burst, tells)
        nursery.cancel_scope.cancel()
    return spent


async def _busy_actor_tells(tells: int) -> float:
    async with trio.open_nursery() as nursery:
        echo = await _started(nursery)

        async def burst() -> None:
            until = trio.Event()
            held = echo.submit(Hold(until))
            for value in range(BURST):
                assert echo.tell(Note(value))
            until.set()
            await echo.ask(Say(0))
            await held.wait()

        spent = await _bursts(burst, tells)
        nursery.cancel_scope.cancel()
    return spent


async def _channel_tells(tells: int) -> float:
    send, receive = trio.open_memory_channel[int](BURST + 1)
    heard = 0

    async def worker() -> None:
        nonlocal heard
        async for _ in receive:
            heard += 1

    async def burst() -> None:
        until = heard + BURST
        for value in range(BURST):
            send.send_nowait(value)
        while heard < until:
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(worker)
        spent = await _bursts(burst, tells)
        nursery.cancel_scope.cancel()
    return spent


async def _bursts(burst: Callable[[], Awaitable[None]], tells: int) -> float:
    """CPU microseconds a tell, after a burst that is not measured."""
    await burst()
    gc.collect()
    started = time.process_time()
    for _ in range(tells // BURST):
        await burst()
    return (time.process_time() - started) / tells * 1e6


async def _started(nursery: trio.Nursery) -> Ref:
    spec = ActorSpec(name="echo", factory=Echo, mailbox=MailboxSpec(data=BURST + 1))
    system = System(SupervisorSpec(name="root", children=(spec,)))
    await nursery.start(system.run)
    return system.ref("echo")


if __name__ == "__main__":
    main(questions)
