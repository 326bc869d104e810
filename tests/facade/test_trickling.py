"""A provider whose refusal never comes to its end."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock

import callboard
from callboard.actors.provider.deadline import Timeouts
from callboard.testing import Behaviour

Opening = Callable[..., AbstractAsyncContextManager[Any]]
HEAD = b"HTTP/1.1 503 Busy\r\nContent-Length: 100000\r\n\r\n"


async def trickling(stream: trio.SocketStream) -> None:
    """A byte now and then, for ever."""
    await stream.receive_some()
    await stream.send_all(HEAD)
    try:
        while True:
            await trio.sleep(4)
            await stream.send_all(b" ")
    except trio.BrokenResourceError:
        return


async def test_a_refusal_that_trickles_is_told_by_its_status_before_long(
    autojump_clock: MockClock, world: Opening
) -> None:
    """Not when the call's time has run out, which leaves none for anybody else."""
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, trickling, 0, host="127.0.0.1"))
        url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/v1"
        async with world({"alpha": Behaviour()}, base_url=url, timeouts=Timeouts(between_bytes=10)) as w:
            started = trio.current_time()
            with pytest.raises(callboard.CallError) as caught:
                await w.board.generate("Why?", model="alpha/sim-small", attempts=1)
            assert (caught.value.fault.kind, caught.value.fault.status) == ("overloaded", 503)
            assert trio.current_time() - started < 11
            assert w.in_flight() == {}
        nursery.cancel_scope.cancel()
