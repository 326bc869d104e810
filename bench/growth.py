"""How does the cost of a call grow with the calls in flight, and how much memory does one take?

What grows is the garbage collector's part alone, and it grows with the objects that a call keeps: they are counted too.

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
FEW = 64
CROWDS = {1000: 1.5, 5000: 1.8}
"""Each with what a call may cost in it, in that of a call with few in flight. Of a quick run they are a tenth."""
CALLS = 6400
WAITS = "a thousandth of the calls in flight"


@contextmanager
def questions(options: Options) -> Iterator[Sequence[Question]]:
    """CPU and memory, each sample against an upstream of its own."""
    yield [_cost(options), _memory(options.amount(max(CROWDS))), _objects(options.amount(min(CROWDS)))]


def _cost(options: Options) -> Question:
    calls = options.amount(CALLS)
    most = {options.amount(size): bound for size, bound in CROWDS.items()}
    return Question(
        name="growth",
        asks="What does a call cost with so many really in flight?",
        unit="us of CPU",
        settings={
            "upstream's delay, s": WAITS,
            f"so {FEW} in flight wait as well": "they cost more than in `call`, whose upstream answers at once",
            "calls a sample": f"the larger of 4 a worker and {calls}, after as many that are not measured",
            "really in flight": "nine tenths or more, asserted at the upstream in each sample",
        },
        subjects=tuple(Subject(f"{size} in flight", partial(_cpu, calls, size)) for size in (FEW, *most)),
        goals=tuple(
            Goal(subject=f"{size} in flight", against=f"{FEW} in flight", at_most=bound) for size, bound in most.items()
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


def _objects(size: int) -> Question:
    return Question(
        name="objects",
        asks="How many objects does a call in flight keep for the garbage collector to follow?",
        unit="objects",
        settings={"in flight": size, "really in flight": "all, asserted", "upstream's delay, s": WAITS},
        subjects=(Subject("a call", partial(_followed, size)),),
        turned_off=TURNED_OFF,
    )


def _followed(size: int) -> float:
    with upstream(delay=DELAY * size) as url:
        return crowd.objects(url, size)


def _cpu(calls: int, size: int) -> float:
    with upstream(delay=DELAY * size) as url:
        return crowd.cpu(url, max(4 * size, calls), size)


def _kilobytes(size: int) -> float:
    with upstream(delay=DELAY * size) as url:
        return crowd.memory(url, size)


if __name__ == "__main__":
    main(questions)
