"""The soak's traffic is what its page says."""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import trio
from trio.testing import MockClock

from callboard.bench.harness.traffic import CHUNKS, Traffic
from callboard.bench.harness.upstream import ENDING, streamed_reply


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


def test_the_first_chunk_of_a_stream_comes_with_its_head() -> None:
    pieces = streamed_reply(CHUNKS)
    assert len(pieces) == CHUNKS + ENDING
    assert pieces[0].startswith(b"HTTP/1.1 200 OK") and b"word0 " in pieces[0]
