"""Does it cost more to let the next one through when ten thousand wait than when ten do? And what when nobody waits?

One request ends, the next one in the line goes, and another takes its place at the end. Decided alone, and through the
actor with its mailbox. The line is full all the time; it is built before the clock starts.

usage: python bench/limiter.py [--rounds N] [--quick] [--json FILE] [--markdown FILE] [--svg FILE]
"""

import gc
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import trio
import trio.lowlevel

from callboard.actors.limiter.actor import LimiterActor
from callboard.actors.limiter.decide import Limiter
from callboard.actors.limiter.limits import LimitSpec
from callboard.bench.harness.options import Options
from callboard.bench.harness.question import Goal, Question, Subject
from callboard.bench.harness.running import main
from callboard.messages.limiting import Permit, Reserve, Settle
from callboard.runtime.mailbox import Full, Lane, MailboxSpec
from callboard.runtime.supervision.spec import ActorSpec
from callboard.testing.running import running

FEW, MANY = 10, 10_000
AT_ONCE = 8
PLENTY = LimitSpec(requests_per_minute=10**9, tokens_per_minute=10**12, concurrency=AT_ONCE)
WISH = Reserve(model="m", tokens=1_000, priority="normal", deadline=2**62)


@contextmanager
def questions(options: Options) -> Iterator[Sequence[Question]]:
    """Both sizes of the line against each other, and the way past an empty one."""
    grants = options.amount(20_000)
    yield [
        Question(
            name="letting the next one through",
            asks="Reserve, settle and grant, decided alone, while others wait",
            unit="us of CPU",
            settings={"grants a sample": grants, "in flight": AT_ONCE},
            turned_off="all but the limiter's decisions",
            subjects=tuple(Subject(f"{size} wait", partial(decided, grants, size)) for size in (MANY, FEW)),
            goals=(Goal(subject=f"{MANY} wait", against=f"{FEW} wait", at_most=1.5),),
        ),
        Question(
            name="letting the next one through, by message",
            asks="An ask, a wait in the line, and a tell, through the actor and its mailbox",
            unit="us of CPU",
            settings={"grants a sample": grants, "in flight": AT_ONCE},
            turned_off="all but the limiter, whose mailbox has room for all",
            subjects=tuple(Subject(f"{size} wait", partial(trio.run, asked, grants, size)) for size in (MANY, FEW)),
            goals=(Goal(subject=f"{MANY} wait", against=f"{FEW} wait", at_most=1.5),),
        ),
        Question(
            name="nobody waits",
            asks="Reserve and settle, decided alone, with requests and tokens a minute limited",
            unit="us of CPU",
            settings={"grants a sample": grants},
            turned_off="all but the limiter's decisions",
            subjects=(Subject("at once", lambda: at_once(grants)),),
            goals=(Goal(subject="at once", at_most=10.0),),
        ),
    ]


def decided(grants: int, waiting: int) -> float:
    """CPU microseconds for one end, one grant and one that comes."""
    limiter, out, asker = Limiter(PLENTY, 1), deque[Permit](), 0
    while asker < AT_ONCE + waiting:
        out.extend(what for _, what in limiter.reserve(asker, WISH, asker) if isinstance(what, Permit))
        asker += 1
    gc.collect()
    began = time.process_time()
    for now in range(asker, asker + grants):
        out.extend(what for _, what in limiter.settle(Settle(out.popleft(), 900), now) if isinstance(what, Permit))
        limiter.reserve(now, WISH, now)
    spent = time.process_time() - began
    assert limiter.granted == AT_ONCE + grants
    assert limiter.facts(now)["waiting"] == waiting
    return spent / grants * 1e6


async def asked(grants: int, waiting: int) -> float:
    """CPU microseconds for the same, with a task for each that waits; a few more, so that always as many do."""
    spec = ActorSpec(
        name="limiter", factory=lambda: LimiterActor(PLENTY), mailbox=MailboxSpec(data=2 * MANY, full=Full.WAIT)
    )
    async with running(spec) as system, trio.open_nursery() as nursery:
        limiter, done, enough = system.ref("limiter"), 0, trio.Event()

        async def caller() -> None:
            nonlocal done
            while True:
                permit = await limiter.ask(WISH)
                assert isinstance(permit, Permit)
                await trio.lowlevel.checkpoint()
                limiter.tell(Settle(permit, 900), lane=Lane.CONTROL)
                done += 1
                if done == grants:
                    enough.set()

        for _ in range(2 * AT_ONCE + waiting):
            nursery.start_soon(caller)
        while limiter.snapshot.facts()["waiting"] < waiting:
            await trio.lowlevel.checkpoint()
        gc.collect()
        done, began = 0, time.process_time()
        await enough.wait()
        spent = time.process_time() - began
        assert limiter.snapshot.facts()["waiting"] >= waiting
        nursery.cancel_scope.cancel()
    return spent / grants * 1e6


def at_once(grants: int) -> float:
    """CPU microseconds for one that comes and its end."""
    limiter = Limiter(PLENTY, 1)
    began = time.process_time()
    for now in range(grants):
        permit = limiter.at_once(WISH, now)
        assert permit is not None
        limiter.settle(Settle(permit, 900), now)
    return (time.process_time() - began) / grants * 1e6


if __name__ == "__main__":
    main(questions)
