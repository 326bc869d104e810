"""How does the cost of a call grow with the calls in flight, and how much memory does one take?

usage: python bench/growth.py [--rounds N] [--quick] [--json FILE] [--markdown FILE] [--svg FILE]

The upstream waits 50 ms before it answers. That as many calls as are named were really in flight is asserted.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from callboard.bench.harness import crowd
from callboard.bench.harness.options import Options
from callboard.bench.harness.question import Goal, Question, Subject
from callboard.bench.harness.running import main
from callboard.bench.harness.upstream import upstream

DELAY = 0.05
CROWDS = (64, 1000, 5000)


@contextmanager
def questions(options: Options) -> Iterator[Sequence[Question]]:
    """CPU and memory, against one upstream."""
    with upstream(delay=DELAY) as url:
        yield [_cost(url, options), _memory(url)]


def _cost(url: str, options: Options) -> Question:
    return Question(
        name="growth",
        asks="What does a call cost with so many really in flight?",
        unit="us of CPU",
        settings={"upstream's delay, s": DELAY, "calls a sample": "the larger of 4 a worker and 6400"},
        subjects=tuple(
            Subject(f"{size} in flight", partial(crowd.cpu, url, max(4 * size, options.amount(6400)), size))
            for size in CROWDS
        ),
        goals=(
            Goal(subject="1000 in flight", against="64 in flight", at_most=1.5),
            Goal(subject="5000 in flight", against="64 in flight", at_most=1.8),
        ),
    )


def _memory(url: str) -> Question:
    return Question(
        name="memory",
        asks="How much memory does a call in flight take, its connection included?",
        unit="KB of RSS",
        settings={"in flight": 5000},
        subjects=(Subject("a call", lambda: crowd.memory(url, 5000)),),
        goals=(Goal(subject="a call", at_most=40),),
    )


if __name__ == "__main__":
    main(questions)
