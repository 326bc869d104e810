"""What does each of a thousand identical calls made at once cost, when one call upstream answers them all?

usage: python bench/single_flight.py [--rounds N] [--quick] [--json FILE] [--markdown FILE] [--svg FILE]

That the upstream was asked once is asserted at the upstream. As many different calls go before, so that both ways find
their connections open.
"""

import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import trio

import callboard
from callboard.bench.harness.client import LONGEST, NAMED, NOTHING, TURNED_OFF, opened, recorded
from callboard.bench.harness.options import Options
from callboard.bench.harness.question import Goal, Question, Subject
from callboard.bench.harness.running import main
from callboard.bench.harness.upstream import PROMPT, requests, upstream

DELAY = 0.5
"""Seconds, so that all have come before the answer does."""


@contextmanager
def questions(options: Options) -> Iterator[Sequence[Question]]:
    """One, against one upstream."""
    calls = options.amount(1000)
    with upstream(delay=DELAY) as url:
        yield [
            Question(
                name="single flight",
                asks="What does each of many identical concurrent calls cost, answered by one call upstream?",
                unit="us of CPU",
                settings={"calls at once": calls, "upstream's delay, s": DELAY},
                subjects=(
                    Subject("callboard", lambda: trio.run(_shared, url, calls)),
                    Subject("each its own", lambda: trio.run(_alone, url, calls)),
                ),
                goals=(Goal(subject="callboard", at_most=40),),
                turned_off=TURNED_OFF,
            )
        ]


async def _shared(url: str, calls: int) -> float:
    async with opened(url) as board:
        await _at_once(board, _different("warm up", calls))
        before = requests(url)
        spent = await _at_once(board, [PROMPT] * calls)
        made = requests(url) - before
        assert made == 1, f"{made} calls went upstream"
        assert recorded(board) == NOTHING.after(attempts=calls + 1, calls=2 * calls), "not every call was recorded"
        return spent / calls * 1e6


async def _alone(url: str, calls: int) -> float:
    async with opened(url) as board:
        await _at_once(board, _different("warm up", calls))
        before = requests(url)
        spent = await _at_once(board, _different(PROMPT, calls))
        assert requests(url) - before == calls, "not every call went upstream"
        assert recorded(board) == NOTHING.after(attempts=2 * calls, calls=2 * calls), "not every call was recorded"
        return spent / calls * 1e6


def _different(prompt: str, calls: int) -> list[str]:
    return [f"{prompt} {number}" for number in range(calls)]


async def _at_once(board: callboard.Board, prompts: list[str]) -> float:
    """CPU seconds, the records included, and replies that are written down meanwhile."""

    async def call(prompt: str) -> None:
        await board.generate(prompt, model=NAMED, cache="use")

    gc.collect()
    started = time.process_time()
    with trio.fail_after(LONGEST):
        async with trio.open_nursery() as nursery:
            for prompt in prompts:
                nursery.start_soon(call, prompt)
        await board.flush()
    return time.process_time() - started


if __name__ == "__main__":
    main(questions)
