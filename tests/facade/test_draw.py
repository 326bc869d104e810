"""Images through the whole runtime."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import Any

import pytest
import trio

import callboard
from callboard.testing import Behaviour

Opening = Callable[..., AbstractAsyncContextManager[Any]]
ALPHA = "alpha/sim-small"
KEPT = {"cache": "use"}
PNG = b"\x89PNG\r\n\x1a\n"


async def test_images_come_as_bytes_and_the_reply_tells_what_they_cost(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": Behaviour(latency=(0.5, 0.5))}) as w:
        reply = await w.board.draw("a theatre at night", model=ALPHA, count=2, metadata={"ticket": "7"})
        first, second = reply.images
        assert first.data.startswith(PNG) and second.data.startswith(PNG) and first.data != second.data
        assert (first.media_type, first.url) == ("image/png", None)
        assert w["alpha"].log[0].usage == callboard.Usage(input=4, output=2)
        assert reply.usage == callboard.Usage(input=4, apart=callboard.Apart(image_output=2))
        assert reply.cost == Decimal(4 * 1 + 2 * 2) / 1_000_000
        assert (reply.provider, reply.metadata, reply.cached) == ("alpha", {"ticket": "7"}, False)
        assert 0.5 <= reply.duration < 1
        await w.board.flush()
        [row] = w.board.usage().models
        assert (row.attempts, row.usage, row.cost) == (1, reply.usage, reply.cost)


async def test_another_provider_takes_over_from_those_that_fail_or_cannot(
    autojump_clock: object, world: Opening
) -> None:
    async with world({"beta": Behaviour(), "alpha": Behaviour(hang_rate=1), "gamma": Behaviour()}) as w:
        reply = await w.board.draw("a theatre at night", model="any")
        assert [(one.provider, one.fault and one.fault.kind) for one in reply.attempts] == [
            ("beta", callboard.FaultKind.UNSUPPORTED),
            ("alpha", callboard.FaultKind.TIMED_OUT),
            ("gamma", None),
        ]
        assert w["beta"].log == ()


async def test_a_drawing_is_kept_only_where_the_call_says_so(autojump_clock: object, world: Opening) -> None:
    async with world() as w:
        drawn = [await w.board.draw("a theatre", model=ALPHA, **use) for use in ({}, {}, KEPT, KEPT)]
        assert [reply.cached for reply in drawn] == [False, False, False, True]


async def test_a_drawing_that_was_left_is_settled_as_the_most_it_may_have_cost(
    autojump_clock: object, world: Opening
) -> None:
    async with world({"alpha": Behaviour(latency=(5, 5))}) as w:
        with trio.move_on_after(1):
            await w.board.draw("a theatre at night", model=ALPHA)
        await trio.sleep(0.1)
        assert (w["alpha"].log[0].outcome, w.in_flight()) == ("client_gone", {})
        [row] = w.board.usage().models
        assert (row.estimated, row.usage.apart) == (1, callboard.Apart(image_output=6_240))


async def test_its_time_may_run_out(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": Behaviour(latency=(5, 5))}) as w:
        with pytest.raises(callboard.DeadlineExceeded):
            await w.board.draw("a theatre at night", model=ALPHA, timeout=1)
        assert w.moves == []


@pytest.mark.parametrize(
    ("prompt", "options", "field"),
    [("", {}, "prompt"), (None, {}, "prompt"), ("x", {"count": 11}, "count"), ("x", {"model": "x"}, "model")],
)
async def test_a_mistake_never_leaves_the_process(
    autojump_clock: object, world: Opening, prompt: Any, options: dict[str, Any], field: str
) -> None:
    async with world() as w:
        with pytest.raises(callboard.InvalidRequest, match=f"^{field}"):
            await w.board.draw(prompt, **({"model": ALPHA} | options))
        assert w["alpha"].log == ()
