"""What a strict attempt waits for before its request leaves, and for how long."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

import callboard
from callboard.actors.ledger.actor import LedgerActor
from callboard.messages.base import Tell
from callboard.runtime.mailbox import Lane
from callboard.sections import StoreConfig
from callboard.testing import Behaviour

Opening = Callable[..., AbstractAsyncContextManager[Any]]
ALPHA = "alpha/sim-small"
STRICT = StoreConfig(mode="memory", durability="strict")


class Rubbish(Tell, frozen=True):
    """A message that no actor knows."""


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> None:
    """No commit of the ledger ends."""

    async def never(ledger: LedgerActor, operations: object) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(LedgerActor, "_committed", never)


@pytest.mark.usefixtures("hanging")
@pytest.mark.parametrize("temperature", [None, 0], ids=["not shared", "shared"])
async def test_a_call_whose_ledger_hangs_has_its_reply_before_its_deadline(
    autojump_clock: MockClock, world: Opening, temperature: float | None
) -> None:
    async with world({"alpha": Behaviour(latency=(1, 1))}, store=STRICT) as w:
        reply = await w.board.generate("Why?", model=ALPHA, temperature=temperature, timeout=8)
        assert (reply.recorded, trio.current_time() < 8) == ("failed", True)


@pytest.mark.usefixtures("hanging")
async def test_whoever_gets_a_shared_attempt_that_waits_for_its_record_waits_no_longer_than_he_can(
    autojump_clock: MockClock, world: Opening
) -> None:
    replies: list[callboard.Reply] = []
    async with world({"alpha": Behaviour(latency=(1, 1))}, store=STRICT) as w, trio.open_nursery() as nursery:
        leader = trio.CancelScope()

        async def lead() -> None:
            with leader:
                await w.board.generate("Why?", model=ALPHA, temperature=0, timeout=600)

        async def follow() -> None:
            replies.append(await w.board.generate("Why?", model=ALPHA, temperature=0, timeout=8))

        for call in (lead, follow):
            nursery.start_soon(call)
            await wait_all_tasks_blocked()
        await trio.sleep(1)
        leader.cancel()
        await trio.sleep(7)
        (reply,) = replies
        assert (reply.shared, w["alpha"].statistics().requests) == (False, 1)


async def test_what_a_request_no_longer_waits_for_comes_to_the_ledger_all_the_same(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world({"alpha": Behaviour(latency=(0.25, 0.25))}, store=STRICT) as w, trio.open_nursery() as nursery:
        ledger = w.board._system.ref("ledger")
        for _ in range(2):  # it starts anew at once only the first time
            ledger.tell(Rubbish(), lane=Lane.CONTROL)
            await trio.sleep(0.001)

        async def call() -> None:
            await w.board.generate("Why?", model=ALPHA, timeout=0.4)

        nursery.start_soon(call)
        await trio.sleep(0.2)
        assert w["alpha"].statistics().requests == 1
        assert ledger.snapshot.facts()["open_attempts"] == 1
