"""What is over is freed at once: an ask that fails leaves nothing for the garbage collector."""

from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest
import trio

from callboard.runtime.actor import Scoped
from callboard.runtime.clock import ns
from callboard.runtime.envelope import Envelope
from callboard.runtime.errors import ActorError, DeclaredError
from callboard.runtime.supervision.spec import ActorSpec
from callboard.testing.doer import Do, Doer, Work
from callboard.testing.garbage import collected
from callboard.testing.running import running


class Declared(DeclaredError):
    """An error that is an answer."""


async def bug() -> None:
    await trio.lowlevel.checkpoint()
    raise KeyError


async def declared() -> None:
    await trio.lowlevel.checkpoint()
    raise Declared


def at_once(actor: Doer, envelope: Envelope) -> None:
    raise Declared


def in_a_task(work: Callable[[], Coroutine[Any, Any, object]]) -> Work:
    return lambda actor, envelope: work()


def lent(work: Callable[[], Coroutine[Any, Any, object]]) -> Work:
    return lambda actor, envelope: Scoped(trio.CancelScope(), work())


@pytest.mark.parametrize(
    "work",
    [
        pytest.param(at_once, id="declared at once"),
        pytest.param(in_a_task(declared), id="declared by a handler"),
        pytest.param(lent(declared), id="declared by a handler in the asker's task"),
        pytest.param(in_a_task(bug), id="a bug in a handler"),
        pytest.param(lent(bug), id="a bug in a handler in the asker's task"),
        pytest.param(in_a_task(trio.sleep_forever), id="the deadline"),
    ],
)
async def test_an_ask_that_ends_with_an_error_leaves_no_reference_cycle(autojump_clock: object, work: Work) -> None:
    async with running(ActorSpec(name="a", factory=Doer)) as system:

        async def ask() -> None:
            with suppress(ActorError):
                await system.ref("a").ask(Do(work), deadline=system.clock.now() + ns(1))
            await trio.sleep(2)

        await ask()
        with collected() as garbage:
            await ask()
        assert [type(one).__qualname__ for one in garbage] == []
