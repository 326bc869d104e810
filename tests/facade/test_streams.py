"""Streamed calls through the whole runtime: the commit point, slow readers, early leavers, interruptions."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import trio
import trio.testing

import callboard
from callboard.board import AHEAD
from callboard.testing import Behaviour

Opening = Callable[..., AbstractAsyncContextManager[Any]]
ALPHA = "alpha/sim-small"
SLOW = Behaviour(between_tokens=(1.0, 1.0), tokens=(10, 10))


async def test_a_stream_gives_the_same_text_as_its_reply(autojump_clock: object, world: Opening) -> None:
    async with world() as w:
        for model in (ALPHA, "beta/sim-small"):
            async with w.board.stream("Why?", model=model) as stream:
                text = "".join([delta.text async for delta in stream])
            assert text == stream.reply.text
            assert stream.reply.usage == w[model.partition("/")[0]].log[-1].usage
            assert stream.reply.attempts[0].first_token is not None


@pytest.mark.parametrize(
    "before",
    [
        Behaviour(hang_rate=1),
        Behaviour(reset_rate=1),
        Behaviour(error_rate=1),
        Behaviour(overload_rate=1),
        Behaviour(drip_rate=1),
        Behaviour(cut_rate=1, fault_after=(0, 0)),
        Behaviour(truncate_rate=1, fault_after=(0, 0)),
        Behaviour(stream_error_rate=1, fault_after=(0, 0)),
        Behaviour(first_token=(30, 30)),
    ],
    ids=["hang", "reset", "error", "overload", "drip", "cut", "truncated", "error event", "slow first token"],
)
async def test_a_fault_before_the_first_token_falls_back_silently(
    autojump_clock: object, world: Opening, before: Behaviour
) -> None:
    async with world({"alpha": before, "beta": Behaviour()}) as w:
        async with w.board.stream("Why?", model="any") as stream:
            text = "".join([delta.text async for delta in stream])
        assert stream.reply.provider == "beta"
        assert text == stream.reply.text
        assert text
        assert w.in_flight() == {}


@pytest.mark.parametrize(
    "after",
    [
        Behaviour(cut_rate=1, fault_after=(3, 3)),
        Behaviour(truncate_rate=1, fault_after=(3, 3)),
        Behaviour(stream_error_rate=1, fault_after=(3, 3)),
    ],
    ids=["cut", "truncated", "error event"],
)
async def test_a_fault_after_the_first_token_ends_typed_with_what_had_come(
    autojump_clock: object, world: Opening, after: Behaviour
) -> None:
    async with world({"alpha": after, "beta": Behaviour()}) as w:
        text = ""
        with pytest.raises(callboard.Interrupted) as caught:
            async with w.board.stream("Why?", model="any") as stream:
                async for delta in stream:
                    text += delta.text
        assert text
        assert caught.value.partial is not None
        assert "".join(getattr(part, "text", "") for part in caught.value.partial.parts) == text
        assert len(w["beta"].log) == 0, "nothing is said twice by another provider"
        assert [row.interrupted for row in w.board.usage().calls] == [1]


async def test_the_time_between_tokens_is_bounded(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": Behaviour(between_tokens=(11, 11), tokens=(5, 5))}) as w:
        with pytest.raises(callboard.Interrupted) as caught:
            async with w.board.stream("Why?", model=ALPHA) as stream:
                await stream.collect()
        assert caught.value.fault.timeout == "between tokens"


async def test_leaving_early_stops_the_upstream_and_settles_the_bill(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": SLOW}) as w:
        async with w.board.stream("Why?", model=ALPHA) as stream:
            async for _ in stream:
                break
        await trio.testing.wait_all_tasks_blocked()
        served = w["alpha"].log[0]
        assert served.outcome.value == "client_gone"
        assert w.in_flight() == {}
        [row] = w.board.usage().models
        assert (row.attempts, row.estimated) == (1, 1)
        assert row.usage.output >= served.usage.output - 1


async def test_a_stream_is_read_in_its_block_and_entered_once(autojump_clock: object, world: Opening) -> None:
    async with world() as w:
        outside = w.board.stream("Why?", model=ALPHA)
        with pytest.raises(RuntimeError, match="before it is entered"):
            await outside.collect()
        async with outside as stream:
            await stream.collect()
            with pytest.raises(RuntimeError, match="entered once"):
                await outside.__aenter__()
        with pytest.raises(RuntimeError, match="was left"):
            await anext(stream)
        assert stream.reply.text
        assert (await w.board.generate("Why?", model=ALPHA)).text


async def test_an_error_in_the_readers_block_comes_out_as_it_was(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": SLOW}) as w:
        with pytest.raises(KeyError, match="mine"):
            async with w.board.stream("Why?", model=ALPHA) as stream:
                async for _ in stream:
                    raise KeyError("mine")
        await trio.testing.wait_all_tasks_blocked()
        assert w.in_flight() == {}


async def test_a_slow_reader_holds_the_upstream_back_and_is_nobodys_fault(
    autojump_clock: object, world: Opening
) -> None:
    async with world({"alpha": Behaviour(tokens=(400, 400))}) as w:
        count = 0
        async with w.board.stream("Why?", model=ALPHA, max_tokens=1000, timeout=100_000) as stream:
            async for _ in stream:
                count += 1
                await trio.sleep(20)
        assert count >= 400
        assert w.moves == []


async def test_a_reader_who_pauses_is_never_more_than_a_few_pieces_behind(
    autojump_clock: object, world: Opening
) -> None:
    async with world({"alpha": Behaviour(tokens=(400, 400))}) as w:
        async with w.board.stream("Why?", model=ALPHA, max_tokens=1000) as stream:
            await anext(aiter(stream))
            await trio.sleep(100)
            assert stream._stream.sent <= AHEAD + 1
            await stream.collect()
            assert stream._stream.sent >= 400


async def test_a_reader_who_stops_reading_is_cut_at_the_deadline(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": SLOW}) as w:
        async with w.board.stream("Why?", model=ALPHA, timeout=5) as stream:
            await trio.sleep(10)
            assert w.in_flight() == {}
            with pytest.raises(callboard.DeadlineExceeded):
                await stream.collect()


async def test_opening_a_circuit_leaves_healthy_streams_running(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": Behaviour(between_tokens=(1, 1), tokens=(30, 30))}) as w:
        texts: list[str] = []

        async def read() -> None:
            async with w.board.stream("Why?", model=ALPHA) as stream:
                texts.append((await stream.collect()).text)

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(read)
            await trio.sleep(3)
            w["alpha"].behaviour = Behaviour(error_rate=1, error_statuses=(500,))
            for _ in range(8):
                with pytest.raises(callboard.CallError):
                    await w.board.generate("Why?", model=ALPHA, attempts=1)
            assert w.moves[0] == ("alpha", "endpoint sim-small", "closed", "open")
        assert len(texts) == 5
        assert all(texts)


async def test_a_kept_reply_is_replayed_as_a_stream(autojump_clock: object, world: Opening) -> None:
    async with world() as w:
        kept = await w.board.generate("Why?", model=ALPHA, temperature=0)
        async with w.board.stream("Why?", model=ALPHA, temperature=0) as stream:
            text = "".join([delta.text async for delta in stream])
        assert text == kept.text
        assert stream.reply.cached
        assert len(w["alpha"].log) == 1


async def test_many_streams_at_once_each_end_once(autojump_clock: object, world: Opening) -> None:
    behaviours = {
        "alpha": Behaviour(cut_rate=0.3, reset_rate=0.2, between_tokens=(0.1, 0.3)),
        "beta": Behaviour(stream_error_rate=0.2, between_tokens=(0.1, 0.3)),
    }
    ends: list[str] = []
    async with world(behaviours) as w:

        async def read(number: int) -> None:
            try:
                async with w.board.stream(f"Why {number}?", model="any") as stream:
                    await stream.collect()
                ends.append("complete")
            except callboard.CallError as error:
                ends.append(type(error).__name__)

        async with trio.open_nursery() as nursery:
            for number in range(200):
                nursery.start_soon(read, number)
        assert len(ends) == 200
        assert set(ends) <= {"complete", "Interrupted"}
        assert ends.count("complete") > 100
        [row] = w.board.usage().calls
        assert (row.calls, row.ok, row.interrupted) == (200, ends.count("complete"), ends.count("Interrupted"))
        assert w.in_flight() == {}


@pytest.mark.parametrize("leaves", [False, True], ids=["does not read on", "leaves"])
async def test_a_trial_whose_reader_is_slow_or_leaves_lets_others_in_once_it_is_answered(
    autojump_clock: object, world: Opening, leaves: bool
) -> None:
    async with world({"alpha": Behaviour(error_rate=1)}) as w:
        for _ in range(5):
            with pytest.raises(callboard.CallError):
                await w.board.generate("Why?", model=ALPHA, attempts=1)
        w["alpha"].behaviour = Behaviour(tokens=(5_000, 5_000))
        await trio.sleep(10)
        async with w.board.stream("Why?", model=ALPHA, timeout=3_600) as stream:
            await anext(stream)
            if not leaves:
                await trio.sleep(600)
        await trio.sleep(1)
        assert [after for _, _, _, after in w.moves][:3] == ["open", "half-open", "ramping"]
        assert (await w.board.generate("Why?", model=ALPHA, wait=True, timeout=100)).text
