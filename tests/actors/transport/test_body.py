import gzip

import pytest
import trio
import trio.testing

from callboard.actors.transport.body import Body
from callboard.actors.transport.coding import PIECE, unfolding
from callboard.actors.transport.config import Timeouts
from callboard.actors.transport.policy import Origin
from callboard.actors.transport.stopwatch import Stopwatch

HERE = Origin("http", "here", 80)


class There:
    """A body that has come whole."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.ended = True
        self.closed = False

    def take(self) -> bytes:
        data, self._data = self._data, b""
        return data

    async def receive(self) -> None:
        raise AssertionError("nothing more comes")

    async def aclose(self) -> None:
        self.closed = True


def gzipped(source: There) -> Body:
    return Body(source, unfolding(b"gzip", 1 << 30, HERE), Stopwatch(Timeouts()), HERE)


async def test_what_unfolds_into_many_pieces_leaves_others_their_turn_after_each() -> None:
    body = gzipped(There(gzip.compress(bytes(20 * PIECE))))
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(other)
        pieces = [piece async for piece in body]
        nursery.cancel_scope.cancel()
    assert len(pieces) >= 20
    assert turns > len(pieces) // 2


async def test_what_unfolds_into_many_pieces_can_be_cancelled_between_them() -> None:
    source = There(gzip.compress(bytes(20 * PIECE)))
    with trio.CancelScope() as scope:
        scope.cancel()
        await gzipped(source).read()
    assert scope.cancelled_caught
    assert source.closed


@pytest.mark.parametrize("coded", [True, False])
async def test_one_piece_that_is_there_costs_no_checkpoint(coded: bool) -> None:
    body = (
        gzipped(There(gzip.compress(b"hello"))) if coded else Body(There(b"hello"), None, Stopwatch(Timeouts()), HERE)
    )
    with trio.testing.assert_no_checkpoints():
        assert await body.read() == b"hello"
