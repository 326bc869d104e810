"""How many records become durable a second, and what does `kill -9` lose of what was acknowledged?

usage: python bench/ledger.py [--rounds N] [--quick] [--json FILE] [--markdown FILE] [--svg FILE]

What `kill -9` cannot tell is what a loss of power would take: the system keeps what was written to it. Through the
ledger's and the store's actors, every commit synced to the disk that holds the temporary folder. The reference writes
the same number of records of the same size with bare LMDB, a thousand a commit. Where that folder is in memory, nothing
is measured.
"""

import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import lmdb
import msgspec
import trio

from callboard.bench.harness import books
from callboard.bench.harness.machine import IN_MEMORY, file_system
from callboard.bench.harness.options import Options
from callboard.bench.harness.question import Goal, Missing, Question, Subject
from callboard.bench.harness.running import main
from callboard.messages.accounting import Flush, Write, WriteDurably
from callboard.process import uninterrupted
from callboard.runtime.mailbox import Lane

AT_ONCE = 1_000
KILLS = 4
"""A sample."""
PATIENCE = 120.0
"""Seconds after which a sample whose records are not acknowledged, as on a full disk, has failed."""
LIVES = (0.1, 0.8)
"""Seconds after its first acknowledgement that a writer lives: at random between these."""

VANISHING = "the temporary folder is on a file system in memory, which makes nothing durable; TMPDIR may name another"


@contextmanager
def questions(options: Options) -> Iterator[Sequence[Question]]:
    """Speed, and what a kill loses."""
    records = options.amount(40_000, least=AT_ONCE)
    with tempfile.TemporaryDirectory(prefix="callboard-bench-") as folder:
        yield [_speed(records, Path(folder)), _loss(options, Path(folder))]


def _speed(records: int, folder: Path) -> Question:
    return Question(
        name="the ledger",
        asks="How many records become durable a second, on the wall's clock?",
        unit="records a second",
        settings={"records a sample": records, "waiting at once": AT_ONCE},
        turned_off="all but the ledger and its store",
        subjects=(
            Subject("LMDB alone", lambda: _bare(records, _fresh(folder))),
            Subject("told, then flushed", lambda: trio.run(_told, records, _fresh(folder))),
            Subject("each acknowledged", lambda: trio.run(_acknowledged, records, _fresh(folder))),
        ),
        goals=tuple(Goal(subject=name, at_least=20_000) for name in ("told, then flushed", "each acknowledged")),
    )


def _loss(options: Options, folder: Path) -> Question:
    kills = options.amount(KILLS)
    return Question(
        name="kill -9",
        asks="How many acknowledged records are gone after the writing process was killed at a random moment?",
        unit="records lost",
        settings={"kills a sample": kills, "askers": books.ASKERS, "a writer's life, s": f"{LIVES[0]} to {LIVES[1]}"},
        turned_off="all but the ledger and its store",
        subjects=(Subject("the ledger", lambda: _lost(kills, _fresh(folder))),),
        goals=(Goal(subject="the ledger", at_most=0, always=True),),
    )


def _fresh(folder: Path) -> Path:
    """One of its own for each sample. Raises Missing where syncing to the disk would cost nothing and keep nothing."""
    if file_system(folder) in IN_MEMORY:
        raise Missing(VANISHING)
    return Path(tempfile.mkdtemp(dir=folder))


def _bare(records: int, folder: Path) -> float:
    values = [msgspec.msgpack.encode(books.record(number)) for number in range(records)]
    started = time.perf_counter()
    with lmdb.open(str(folder), map_size=1 << 30) as environment:
        for first in range(0, records, AT_ONCE):
            with environment.begin(write=True) as transaction:
                for number in range(first, min(records, first + AT_ONCE)):
                    transaction.put(number.to_bytes(8, "big"), values[number])
    return records / (time.perf_counter() - started)


async def _told(records: int, folder: Path) -> float:
    """A thousand tells, then a pass for the others, as many callers would."""
    entries = [books.record(number) for number in range(records)]
    async with books.ledger(folder) as book:
        started = time.perf_counter()
        for first in range(0, records, AT_ONCE):
            for entry in entries[first : first + AT_ONCE]:
                assert book.tell(Write((entry,)), lane=Lane.CONTROL)
            await trio.lowlevel.checkpoint()
        with trio.fail_after(PATIENCE):
            await book.ask(Flush())
        spent = time.perf_counter() - started
    _assert_all(records, folder)
    return records / spent


async def _acknowledged(records: int, folder: Path) -> float:
    entries = iter([books.record(number) for number in range(records)])

    async def asker() -> None:
        for entry in entries:
            await book.ask(WriteDurably((entry,)), lane=Lane.CONTROL)

    async with books.ledger(folder) as book:
        started = time.perf_counter()
        with trio.fail_after(PATIENCE):
            async with trio.open_nursery() as nursery:
                for _ in range(AT_ONCE):
                    nursery.start_soon(asker)
        spent = time.perf_counter() - started
    _assert_all(records, folder)
    return records / spent


def _assert_all(records: int, folder: Path) -> None:
    with lmdb.open(str(folder / "ledger"), readonly=True, max_dbs=16) as environment:
        found = environment.open_db(b"journal", create=False)
        with environment.begin(db=found) as transaction:
            count = transaction.stat(found)["entries"]
    assert count == records, f"{count} of {records} records are on disk"


def _lost(kills: int, folder: Path) -> float:
    acknowledged: set[int] = set()
    for _ in range(kills):
        acknowledged |= _killed(folder, max(acknowledged, default=0) + 100_000)
    return len(acknowledged - books.written(folder))


def _killed(folder: Path, first: int) -> set[int]:
    """What one writer told as acknowledged before it was killed."""
    command = [sys.executable, "-m", books.__name__, str(folder), str(first)]
    with uninterrupted():
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None
        try:
            with _killed_after(PATIENCE, process):
                told = process.stdout.read(8)
            threading.Timer(random.uniform(*LIVES), process.kill).start()
            told += process.stdout.read()  # all the time: a writer that waits for its reader acknowledges nothing
        finally:
            process.kill()
    assert process.returncode == -signal.SIGKILL, f"the writer was not killed: it ended with {process.returncode}"
    assert told, f"the writer had nothing acknowledged within {PATIENCE:g} s"
    return {int.from_bytes(told[at : at + 8], "big") for at in range(0, len(told) - len(told) % 8, 8)}


@contextmanager
def _killed_after(seconds: float, process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Unless the block ends before: what it reads from the process may never come."""
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


if __name__ == "__main__":
    main(questions)
