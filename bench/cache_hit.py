"""What does a reply from the cache cost, small and large, with few entries and with a million?

usage: python bench/cache_hit.py [--rounds N] [--quick] [--json FILE] [--markdown FILE] [--svg FILE]

Each hit is a whole call, `board.generate` with cache="use": key, look-up on disk, reply, record. The thousand replies
that are asked for again came through the runtime; the others are written as the cache's shelf writes them.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import trio

from callboard.bench.harness import shelves
from callboard.bench.harness.options import Options
from callboard.bench.harness.question import Goal, Question, Subject
from callboard.bench.harness.running import main
from callboard.bench.harness.upstream import upstream

SIZES = {"1 KB": 1_000, "100 KB": 100_000}


@contextmanager
def questions(options: Options) -> Iterator[Sequence[Question]]:
    """One, with every size in every crowd."""
    probes, most = (100, 20_000) if options.quick else (1_000, 1_000_000)
    crowds = {"few": probes, "many": most}
    with tempfile.TemporaryDirectory(prefix="callboard-bench-") as folder:
        subjects = []
        for size, characters in SIZES.items():
            with upstream(reply=characters) as url:
                for crowd, entries in crowds.items():
                    shelf = Path(folder, f"{size} {crowd}")
                    trio.run(shelves.ask_once, url, shelf, probes)
                    shelves.fill(shelf, entries)
                    subjects.append(
                        Subject(f"{size}, {entries} entries", partial(shelves.hit, url, shelf, probes, 2 * probes))
                    )
        yield [_question(tuple(subjects), probes, most)]


def _question(subjects: tuple[Subject, ...], probes: int, most: int) -> Question:
    return Question(
        name="a hit",
        asks="What does a reply from the cache cost?",
        unit="us of CPU",
        settings={
            "hits a sample": 2 * probes,
            "replies they are taken from": probes,
            "before each sample": "each of these was asked for once, so that its pages of the file are mapped",
        },
        subjects=subjects,
        goals=(
            Goal(subject=f"1 KB, {probes} entries", at_most=60),
            Goal(subject=f"1 KB, {most} entries", against=f"1 KB, {probes} entries", at_most=1.5),
            Goal(subject=f"100 KB, {most} entries", against=f"100 KB, {probes} entries", at_most=1.5),
        ),
    )


if __name__ == "__main__":
    main(questions)
