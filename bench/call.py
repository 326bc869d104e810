"""What does a supervised call cost, 64 and 1 in flight, beside what users would otherwise take?

usage: python bench/call.py [--rounds N] [--quick] [--peers] [--json FILE] [--markdown FILE] [--svg FILE]

A plain call asks for no cache, as by default where the sampling is not deterministic; beside it are calls whose reply
might be kept and is not: key, look-up, the attempt shared with whoever asks the same, and the reply written down. The
goals are for both. httpx makes as many calls as callboard, in this process; the other peers, each in a process of its
own, make fewer, since some would take minutes.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from callboard.bench.harness import client
from callboard.bench.harness.httpx_alone import cpu as httpx_cpu
from callboard.bench.harness.options import Options
from callboard.bench.harness.peers import peers
from callboard.bench.harness.question import Goal, Question, Subject
from callboard.bench.harness.running import main
from callboard.bench.harness.upstream import upstream

PLAIN, MISSED = "callboard", "callboard, not yet in the cache"
GOALS_AT_64 = tuple(
    goal
    for ours in (PLAIN, MISSED)
    for goal in (
        Goal(subject=ours, at_most=220),
        Goal(subject=ours, against="httpx", at_most=0.19),
        Goal(subject=ours, against="tensorzero", at_most=0.42),
        Goal(subject=ours, against="litellm router", at_most=1 / 18),
    )
)
GOALS_AT_1 = tuple(Goal(subject=ours, at_most=350) for ours in (PLAIN, MISSED))
"""Of both ways: a plain call never looks into the cache, one that misses it also writes its reply there."""


@contextmanager
def questions(options: Options) -> Iterator[Sequence[Question]]:
    """Both, against one upstream."""
    with upstream() as url:
        yield [
            _question(url, options, at_once=64, calls=options.amount(6400), goals=GOALS_AT_64),
            _question(url, options, at_once=1, calls=options.amount(1000), goals=GOALS_AT_1),
        ]


def _question(url: str, options: Options, *, at_once: int, calls: int, goals: tuple[Goal, ...]) -> Question:
    of_a_peer = max(calls // 8, at_once)
    settings: dict[str, str | int | float] = {
        "calls a sample": calls,
        "calls before it, not measured": calls,
        "in flight": at_once,
        **({"calls a sample of a peer": of_a_peer, "before it": "as many, and 6 s"} if options.peers else {}),
    }
    return Question(
        name=f"a call, {at_once} in flight",
        asks="What does a plain call cost through the whole runtime?",
        unit="us of CPU",
        settings=settings,
        subjects=(
            Subject(PLAIN, lambda: client.cpu(url, client.plain, calls, at_once, before=calls)),
            Subject(MISSED, lambda: client.cpu(url, client.missing(), calls, at_once, before=calls, kept=True)),
            Subject("httpx", lambda: httpx_cpu(url, calls, at_once)),
            *peers(options, url, calls=of_a_peer, at_once=at_once),
        ),
        goals=tuple(goal for goal in goals if options.peers or goal.against in (None, "httpx")),
        turned_off=client.TURNED_OFF,
    )


if __name__ == "__main__":
    main(questions)
