"""What does a reply from the cache cost, small and large, with few entries and with a million?

usage: python bench/cache_hit.py [--rounds N] [--quick] [--json FILE] [--markdown FILE] [--svg FILE]

Each hit is a whole call, `board.generate` with cache="use": key, look-up on disk, reply, record. The thousand replies
that are asked for again came through the runtime; the others are written as the cache's shelf writes them, and have 1
KB in every crowd.

Warm, each reply was read once before: the small ones are among the 8 MiB that the cache keeps in memory, of the large
ones most are read from the file, whose pages are mapped. A first hit is the first to read its pages since the store was
opened, as after a restart: from the system's memory; or cold, after the file was dropped from memory: once for the CPU
that it takes, once for the time. Of a small file the replies before have brought most along by
then, so a small crowd hardly waits for the disk; a large one mostly does.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import trio

from callboard.bench.harness import shelves
from callboard.bench.harness.options import Options
from callboard.bench.harness.question import Goal, Question, Subject
from callboard.bench.harness.running import main
from callboard.bench.harness.upstream import upstream

SIZES = {"1 KB": 1_000, "100 KB": 100_000}
CROWD = {"of a million": "the replies that are asked for have the size that is named, all others 1 KB"}
"""For the reader."""


class Filled(NamedTuple):
    """A cache on disk, and the upstream that it caches, which is not asked any more."""

    name: str
    url: str
    folder: Path


@contextmanager
def questions(options: Options) -> Iterator[Sequence[Question]]:
    """Warm, first and cold, with every size in every crowd."""
    probes, most = (100, 20_000) if options.quick else (1_000, 1_000_000)
    with tempfile.TemporaryDirectory(prefix="callboard-bench-") as folder:
        filled = [
            _filled(Path(folder, f"{size} {entries}"), f"{size}, {entries} entries", characters, probes, entries)
            for size, characters in SIZES.items()
            for entries in (probes, most)
        ]
        yield [
            _warm(filled, probes),
            _first(filled, probes),
            _cold(filled, probes, "us of CPU", time.process_time),
            _cold(filled, probes, "us on the wall's clock", time.perf_counter),
        ]


def _filled(folder: Path, name: str, characters: int, probes: int, entries: int) -> Filled:
    with upstream(reply=characters) as url:
        trio.run(shelves.ask_once, url, folder, probes)
        shelves.fill(folder, entries)
        return Filled(name, url, folder)


def _warm(filled: Sequence[Filled], probes: int) -> Question:
    return Question(
        name="a warm hit",
        asks="What does a reply from the cache cost that was read once before?",
        unit="us of CPU",
        settings={
            **CROWD,
            "hits a sample": 2 * probes,
            "replies they are taken from": probes,
            "before each sample": "each of these was asked for once: it is among the cache's 8 MiB in memory, or its "
            "pages of the file are mapped",
        },
        subjects=tuple(
            Subject(one.name, partial(shelves.hit, one.url, one.folder, probes, 2 * probes)) for one in filled
        ),
        goals=(Goal(subject=filled[0].name, at_most=60), *_flat(filled)),
        turned_off=shelves.TURNED_OFF,
    )


def _first(filled: Sequence[Filled], probes: int) -> Question:
    return Question(
        name="a first hit, in memory",
        asks="What does a reply cost that is read for the first time, while the system has the file in memory?",
        unit="us of CPU",
        settings={
            **CROWD,
            "hits a sample": probes - probes // 10,
            "before each sample": "the store was opened and other replies asked for, a tenth",
        },
        subjects=tuple(
            Subject(one.name, partial(shelves.first_hit, one.url, one.folder, probes, time.process_time))
            for one in filled
        ),
        goals=(Goal(subject=filled[0].name, at_most=60), *_flat(filled)),
        turned_off=shelves.TURNED_OFF,
    )


def _cold(filled: Sequence[Filled], probes: int, unit: str, clock: shelves.Clock) -> Question:
    return Question(
        name=f"a cold hit, from the disk, {unit}",
        asks="What does a reply cost that is read for the first time after its file was dropped from memory?",
        unit=unit,
        settings={
            **CROWD,
            "hits a sample": probes - probes // 10,
            "before each sample": "the file was dropped from memory, the store opened, and other replies asked for, "
            "a tenth",
        },
        subjects=tuple(
            Subject(one.name, partial(shelves.hit_on_disk, one.url, one.folder, probes, clock)) for one in filled
        ),
        goals=_flat(filled),
        turned_off=shelves.TURNED_OFF,
    )


def _flat(filled: Sequence[Filled]) -> tuple[Goal, ...]:
    """Each large crowd held against the small one before it."""
    return tuple(
        Goal(subject=many.name, against=few.name, at_most=1.5)
        for few, many in zip(filled[::2], filled[1::2], strict=True)
    )


if __name__ == "__main__":
    main(questions)
