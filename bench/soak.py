"""Do memory, objects and descriptors stay flat under traffic as it is: many slow streams, and plain calls beside them?

usage: python bench/soak.py [--quick] [--json FILE] [--markdown FILE] [--svg FILE]

A thousand streams together receive 50 chunks a second, paced by the upstream; one that ends is followed by another, and
every tenth is left at its third chunk of six. Beside them run 50 plain calls a second, every twentieth cancelled before
its reply. After half an hour memory, objects and descriptors are read twice a second for ten minutes. Flat: the lower
end of the slope's 95 % confidence interval is not above zero, and its upper end rules out what would matter: a
thousandth a minute of memory and objects, a tenth of a descriptor. Memory is read twice: what is the process's own, and
with the pages of the store's file that are mapped, which is what the system shows as resident. Objects are what the
interpreter has memory for.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import trio

from callboard.bench.harness.client import TURNED_OFF
from callboard.bench.harness.options import Options
from callboard.bench.harness.question import Goal, Question, Subject
from callboard.bench.harness.running import main
from callboard.bench.harness.traffic import CHUNKS, CHUNKS_A_SECOND, DELAY, LONG, Seen, Soak, soaked
from callboard.bench.harness.trend import Trend
from callboard.bench.harness.upstream import upstream

MINUTE = 60.0
KILOBYTES = 64
"""A minute: a thousandth of what is held."""
OBJECTS = 600
"""The same of them."""


@contextmanager
def questions(options: Options) -> Iterator[Sequence[Question]]:
    """Memory, objects and descriptors, of one run."""
    soak = Soak(seconds=24.0, streams=100) if options.quick else Soak(seconds=600.0, streams=1_000)

    seen = _Once(soak)

    yield [
        _slope("memory over time", "KB a minute", lambda: seen().memory, KILOBYTES, soak),
        _slope(
            "resident memory over time", "KB a minute, mapped files included", lambda: seen().resident, KILOBYTES, soak
        ),
        _slope("objects over time", "objects a minute", lambda: seen().objects, OBJECTS, soak),
        _slope("descriptors over time", "descriptors a minute", lambda: seen().descriptors, 0.1, soak),
        _pace(seen, soak),
        _streams(seen, soak),
        _held(seen, soak),
    ]


class _Once:
    """The traffic, once; what it broke with is told again to whoever asks again."""

    def __init__(self, soak: Soak) -> None:
        self._soak = soak
        self._seen: Seen | Exception | None = None

    def __call__(self) -> Seen:
        if self._seen is None:
            try:
                with upstream(pace=self._soak.pace, chunks=CHUNKS, delay=DELAY) as url:
                    self._seen = trio.run(soaked, url, self._soak)
            except Exception as error:
                self._seen = error
        if isinstance(self._seen, Exception):
            raise self._seen
        return self._seen


def _slope(name: str, unit: str, found: Callable[[], Trend], most: float, soak: Soak) -> Question:
    return _question(
        soak,
        name=name,
        asks="How much more does a long-running process hold with every minute of traffic?",
        unit=unit,
        subjects=(
            Subject("slope", lambda: MINUTE * found().slope),
            Subject("its lower end, 95 %", lambda: MINUTE * found().low),
            Subject("its upper end, 95 %", lambda: MINUTE * found().high),
        ),
        goals=(Goal(subject="its lower end, 95 %", at_most=0), Goal(subject="its upper end, 95 %", at_most=most)),
    )


def _pace(seen: Callable[[], Seen], soak: Soak) -> Question:
    return _question(
        soak,
        name="that traffic",
        asks="What was it that the memory was read under?",
        unit="a second, while it was read",
        subjects=(
            Subject("chunks received", lambda: seen().chunks),
            Subject("plain calls made", lambda: seen().calls),
        ),
        goals=(Goal(subject="chunks received", at_least=0.95 * CHUNKS_A_SECOND),),
    )


def _streams(seen: Callable[[], Seen], soak: Soak) -> Question:
    return _question(
        soak,
        name="that traffic's streams",
        asks="How many was the upstream writing when the memory was read last?",
        unit="streams",
        subjects=(Subject("in flight", lambda: seen().streams),),
        goals=(Goal(subject="in flight", at_least=0.9 * soak.streams),),
    )


def _held(seen: Callable[[], Seen], soak: Soak) -> Question:
    return _question(
        soak,
        name="memory at the end",
        asks="How much was it when it was read last, without mapped files?",
        unit="MB",
        subjects=(Subject("the process's own", lambda: seen().megabytes),),
    )


def _question(
    soak: Soak, *, name: str, asks: str, unit: str, subjects: tuple[Subject, ...], goals: tuple[Goal, ...] = ()
) -> Question:
    """One of that run. A ratio would say nothing: a slope that is near zero is no measure for its ends."""
    return Question(
        name=name,
        asks=asks,
        unit=unit,
        settings=soak.settings(),
        subjects=subjects,
        goals=goals,
        turned_off=f"{TURNED_OFF}; a stream may last {LONG:g} s in place of 600",
        once=True,
        compared=False,
    )


if __name__ == "__main__":
    main(questions)
