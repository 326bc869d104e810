"""How does the cost of a call grow with the calls in flight, and how much memory does one take?

usage: python bench/growth.py [--rounds N] [--quick] [--json FILE] [--markdown FILE] [--svg FILE]

The upstream waits a millisecond for each call in flight before it answers, so that all have come before the first is
answered. That nine tenths of those that are named really waited for their reply at once is asserted at the upstream.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from callboard.bench.harness import crowd
from callboard.bench.harness.client import TURNED_OFF
from callboard.bench.harness.options import Options
from callboard.bench.harness.question import Goal, Question, Subject
from callboard.bench.harness.running import main
from callboard.bench.harness.upstream import upstream

DELAY = 0.001
"""Seconds that the upstream waits, for each call in flight: more than sending one takes."""
CROWDS = (64, 1000, 5000)
WAITS = "a thousandth of the calls in flight"


@contextmanager
def questions(options: Options) -> Iterator[Sequence[Question]]:
    """CPU and memory, each sample against an upstream of its own."""
    yield [_cost(options), _memory(5000)]


def _cost(options: Options) -> Question:
    return Question(
        name="growth",
        asks="What does a call cost with so many really in flight?",
        unit="us of CPU",
        settings={
            "upstream's delay, s": WAITS,
            "so 64 in flight wait as well": "they cost more than in `call`, whose upstream answers at once",
            "calls a sample": "the larger of 4 a worker and 6400, after as many that are not measured",
            "really in flight": "nine tenths or more, asserted at the upstream in each sample",
        },
        subjects=tuple(Subject(f"{size} in flight", partial(_cpu, options, size)) for size in CROWDS),
        goals=(
            Goal(subject="1000 in flight", against="64 in flight", at_most=1.5),
            Goal(subject="5000 in flight", against="64 in flight", at_most=1.8),
        ),
        turned_off=TURNED_OFF,
    )


def _memory(size: int) -> Question:
    return Question(
        name="memory",
        asks="How much memory does a call in flight take, its connection included?",
        unit="KB of RSS",
        settings={"in flight": size, "really in flight": "nine tenths or more, asserted", "upstream's delay, s": WAITS},
        subjects=(Subject("a call", partial(_kilobytes, size)),),
        goals=(Goal(subject="a call", at_most=40),),
        turned_off=TURNED_OFF,
    )


def _cpu(options: Options, size: int) -> float:
    with upstream(delay=DELAY * size) as url:
        return crowd.cpu(url, max(4 * size, options.amount(6400)), size)


def _kilobytes(size: int) -> float:
    with upstream(delay=DELAY * size) as url:
        return crowd.memory(url, size)


if __name__ == "__main__":
    main(questions)
