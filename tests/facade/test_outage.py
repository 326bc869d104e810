"""A provider that is down for ten minutes under steady load, with a second one configured."""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any

import pytest
import trio

import callboard
from callboard.testing import Behaviour

Opening = Callable[..., AbstractAsyncContextManager[Any]]
PACE = Behaviour(latency=(0.2, 0.6), between_tokens=(0.05, 0.15))
EVERY = 2.0
"""Seconds from one plain call and one stream to the next."""
DIES, REVIVES, ENDS = 60.0, 660.0, 840.0


async def test_every_plain_call_succeeds_and_only_streams_that_were_running_are_interrupted(
    autojump_clock: object, world: Opening
) -> None:
    plain: Counter[str] = Counter()
    ends: list[tuple[float, str]] = []
    async with world({"alpha": PACE, "beta": PACE}) as w:

        async def call(number: int) -> None:
            plain[(await w.board.generate(f"Call {number}?", model="any")).provider] += 1

        async def stream(number: int) -> None:
            began, text = trio.current_time(), ""
            try:
                async with w.board.stream(f"Stream {number}?", model="any") as stream:
                    async for delta in stream:
                        text += delta.text
                ends.append((began, "complete"))
                assert text == stream.reply.text
            except callboard.Interrupted as error:
                ends.append((began, "interrupted"))
                assert error.partial is not None
                assert "".join(getattr(part, "text", "") for part in error.partial.parts) == text

        async def outage() -> None:
            await trio.sleep_until(DIES)
            w["alpha"].die()
            await trio.sleep_until(REVIVES)
            w["alpha"].revive()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(outage)
            for number in range(int(ENDS / EVERY)):
                nursery.start_soon(call, number)
                nursery.start_soon(stream, number)
                await trio.sleep(EVERY)
        calls = int(ENDS / EVERY)
        assert plain.total() == len(ends) == calls
        assert plain["beta"] > 250
        assert plain["alpha"] > 50, "it is used again after it has come back"
        interrupted = [began for began, how in ends if how == "interrupted"]
        assert interrupted, "some were running when it died"
        assert all(DIES - 5 < began <= DIES for began in interrupted)
        assert w.in_flight() == {}


async def test_a_moment_without_descriptors_is_no_providers_fault(
    autojump_clock: object, world: Opening, starving: Callable[[], AbstractContextManager[None]]
) -> None:
    async with world() as w:
        with starving():
            for _ in range(12):
                with pytest.raises(callboard.CallError, match="ulimit -n") as refused:
                    await w.board.generate("Why?", model="any")
                assert refused.value.fault.kind is callboard.FaultKind.INTERNAL
        assert {health.state for health in w.board.health()} == {"ok"}
        await w.board.generate("Why?", model="any")
