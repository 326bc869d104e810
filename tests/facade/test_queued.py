"""Calls that end before the orchestrator has taken them up, because it has its hands full."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

import callboard
from callboard import spec
from callboard.actors.store.actor import LEDGER_DATABASES
from callboard.actors.store.reading import Records
from callboard.messages.accounting import CallEnded, LedgerEntry
from callboard.messages.base import Tell
from callboard.runtime.mailbox import Lane
from callboard.runtime.storage.reading import ReadOnlyEnvironment
from callboard.sections import StoreConfig
from callboard.testing import Behaviour

Opening = Callable[..., AbstractAsyncContextManager[Any]]
ALPHA = "alpha/sim-small"


class Rubbish(Tell, frozen=True):
    """A message that no actor knows."""


async def ends(w: Any) -> dict[str | None, CallEnded]:
    """What the ledger has of each call that has ended, by tag."""
    await w.board.flush()
    decoder: msgspec.msgpack.Decoder[LedgerEntry] = msgspec.msgpack.Decoder(LedgerEntry)
    decoded = (decoder.decode(payload) for _, payload in w.board._system.ref("store").snapshot.ledger.all("journal"))
    return {entry.tag: entry for entry in decoded if isinstance(entry, CallEnded)}


async def read(w: Any, timeout: float) -> None:
    async with w.board.stream("Why?", model=ALPHA, tag="queued", timeout=timeout) as stream:
        await stream.collect()


async def generate(w: Any, timeout: float) -> None:
    await w.board.generate("Why?", model=ALPHA, tag="queued", timeout=timeout)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("expires", [False, True])
async def test_a_call_that_ends_in_the_queue_is_in_the_ledger_as_any_other(
    autojump_clock: MockClock, world: Opening, monkeypatch: pytest.MonkeyPatch, stream: bool, expires: bool
) -> None:
    monkeypatch.setattr(spec, "CALLS", 1)
    async with world({"alpha": Behaviour(latency=(5, 5))}) as w, trio.open_nursery() as nursery:
        nursery.start_soon(lambda: w.board.generate("Why?", model=ALPHA, tag="first"))
        await wait_all_tasks_blocked()
        with trio.move_on_after(2):
            with pytest.raises(callboard.DeadlineExceeded) if expires else trio.CancelScope():
                await (read if stream else generate)(w, 1 if expires else 100)
        await wait_all_tasks_blocked()
        row = (await ends(w))["queued"]
        kind = callboard.FaultKind.DEADLINE if expires else None
        assert (row.outcome, row.fault, row.asked, row.stream) == (
            "fault" if expires else "cancelled",
            kind,
            ALPHA,
            stream,
        )
        assert (row.attempts, row.cost, row.provider) == (0, 0, None)
        assert row.duration / 1e9 == pytest.approx(1.25 if expires else 2)
        [sums] = [row for row in w.board.usage().calls if row.tag == "queued"]
        assert (sums.calls, sums.faults, sums.cancelled) == (1, int(expires), int(not expires))
    assert len(w["alpha"].log) == 1


@pytest.mark.parametrize("bound", [1, 10])
async def test_calls_that_the_end_of_the_runtime_meets_in_the_queue_or_in_hand_have_a_row_each(
    autojump_clock: MockClock, world: Opening, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bound: int
) -> None:
    monkeypatch.setattr(spec, "CALLS", bound)

    async def stopped(w: Any, tag: str) -> None:
        with pytest.raises(callboard.RuntimeStopped):
            await w.board.generate("Why?", model=ALPHA, tag=tag, timeout=100)

    async with trio.open_nursery() as nursery:
        async with world({"alpha": Behaviour(latency=(50, 50))}, store=StoreConfig(path=str(tmp_path))) as w:
            for tag in ("first", "second"):
                nursery.start_soon(stopped, w, tag)
                await wait_all_tasks_blocked()
    with ReadOnlyEnvironment.open_readonly(tmp_path / "ledger", LEDGER_DATABASES) as environment:
        decoder: msgspec.msgpack.Decoder[LedgerEntry] = msgspec.msgpack.Decoder(LedgerEntry)
        entries = [decoder.decode(payload) for _, payload in Records(environment).all("journal")]
    rows = [(entry.tag, entry.outcome) for entry in entries if isinstance(entry, CallEnded)]
    assert sorted(rows) == [("first", "cancelled"), ("second", "cancelled")]


async def test_a_call_that_was_taken_up_is_in_the_ledger_once(autojump_clock: MockClock, world: Opening) -> None:
    async with world({"alpha": Behaviour(latency=(5, 5))}) as w:
        with pytest.raises(callboard.DeadlineExceeded):
            await generate(w, 1)
        with trio.move_on_after(1):
            await read(w, 100)
        await w.board.flush()
        [row] = w.board.usage().calls
        assert (row.calls, row.faults, row.cancelled) == (2, 1, 1)


async def test_a_call_that_begins_again_behind_others_and_ends_there_is_in_the_ledger_with_both_beginnings(
    autojump_clock: MockClock, world: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spec, "CALLS", 1)
    async with world({"alpha": Behaviour(latency=(5, 5))}) as w:
        async with trio.open_nursery() as nursery:

            async def begin_again() -> None:
                with pytest.raises(callboard.DeadlineExceeded):
                    await generate(w, 4)

            nursery.start_soon(begin_again)
            await wait_all_tasks_blocked()
            nursery.start_soon(lambda: w.board.generate("How?", model=ALPHA, tag="next"))
            await wait_all_tasks_blocked()
            w.board._system.ref("orchestrator").tell(Rubbish(), lane=Lane.CONTROL)
        await w.board.flush()
        [sums] = [row for row in w.board.usage().calls if row.tag == "queued"]
        assert (sums.calls, sums.cancelled, sums.faults) == (2, 1, 1)
