"""The soak's traffic is what its page says."""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Any

import httpx
import trio
from trio.testing import MockClock

from callboard.bench.harness.traffic import CHUNKS, Traffic
from callboard.bench.harness.upstream import ENDING, streamed_reply, streams, upstream


class Streaming:
    """A board whose streams have as many chunks as the upstream's, a second apart."""

    def __init__(self) -> None:
        self.read: Counter[int] = Counter()

    @asynccontextmanager
    async def stream(self, prompt: str, **_: Any) -> AsyncIterator[AsyncIterator[int]]:
        async def chunks() -> AsyncGenerator[int, None]:
            for chunk in range(CHUNKS):
                self.read[int(prompt.rpartition(" ")[2])] += 1
                yield chunk
                await trio.sleep(1)

        async with aclosing(chunks()) as all_of_them:
            yield all_of_them


async def test_every_tenth_stream_is_left_in_its_middle(autojump_clock: MockClock) -> None:
    board: Any = Streaming()
    with trio.move_on_after(25 * CHUNKS):
        await Traffic(board).stream(0, wait=0)
    assert [board.read[number] for number in (10, 20)] == [CHUNKS // 2] * 2
    assert [board.read[number] for number in range(1, 20) if number != 10] == [CHUNKS] * 18


def test_streams_that_begin_together_write_their_chunks_in_turn() -> None:
    """And meanwhile the upstream tells how many there are."""
    came: list[int] = []

    async def read(number: int, stream: trio.SocketStream) -> None:
        await stream.receive_some()
        came.append(number)

    async def crowd() -> None:
        async with AsyncExitStack() as stack, trio.open_nursery() as nursery:
            for number in range(4):
                stream = await stack.enter_async_context(await trio.open_tcp_stream("127.0.0.1", port))
                await stream.send_all(b'POST / HTTP/1.1\r\nContent-Length: 14\r\n\r\n{"stream":true')
                nursery.start_soon(read, number, stream)
            assert await trio.to_thread.run_sync(streams, url) == 4

    with upstream(pace=1.0, chunks=2) as url:
        port = httpx.URL(url).port or 0
        trio.run(crowd)
    assert came == [1, 3, 0, 2], "each begins a golden share of the pace after the one before it, less whole paces"


def test_the_first_chunk_of_a_stream_comes_with_its_head() -> None:
    pieces = streamed_reply(CHUNKS)
    assert len(pieces) == CHUNKS + ENDING
    assert pieces[0].startswith(b"HTTP/1.1 200 OK") and b"word0 " in pieces[0]
