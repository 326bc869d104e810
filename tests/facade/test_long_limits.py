"""Limits that end long after a call has begun."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import trio

import callboard
from callboard.actors.provider.deadline import Timeouts
from callboard.actors.provider.rounds import EVERY
from callboard.testing import Behaviour

FAR_OFF = Timeouts(first_byte=EVERY * 2.5)


async def test_a_limit_far_off_ends_an_attempt_to_the_moment(
    autojump_clock: object, world: Callable[..., AbstractAsyncContextManager[Any]]
) -> None:
    async with world({"alpha": Behaviour(hang_rate=1)}, timeouts=FAR_OFF) as w:
        with pytest.raises(callboard.CallError) as caught:
            await w.board.generate("Why?", model="alpha/sim-small", attempts=1)
        assert caught.value.fault.timeout == "first byte"
        assert trio.current_time() == pytest.approx(FAR_OFF.first_byte, abs=0.1)
        assert w.in_flight() == {}
