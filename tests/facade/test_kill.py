"""`kill -9` in the middle of calls: whatever was acknowledged is in the ledger that is opened next."""

import random
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import trio

import callboard
from callboard.actors.ledger.journal import JOURNAL, load
from callboard.actors.logbook import pages
from callboard.actors.store.actor import LEDGER_DATABASES
from callboard.actors.store.reading import Records
from callboard.config import Config
from callboard.messages.accounting import AttemptSettled, CallEnded, LedgerEntry
from callboard.runtime.storage.reading import ReadOnlyEnvironment
from callboard.sections import ProviderConfig, StoreConfig

KILLS = 20
CALLER = Path(__file__).with_name("killed_caller.py")


def test_every_acknowledged_call_is_in_the_ledger_after_kill_9(tmp_path: Path) -> None:
    rng = random.Random(20261121)
    store = tmp_path / "store"
    acknowledged: set[str] = set()
    left_open: set[str] = set()
    for _ in range(KILLS):
        fresh = _run_and_kill(store, rng.uniform(0.0, 0.25))
        assert fresh, "there are some"
        acknowledged |= fresh
        left_open |= _left_open(store)
    kept = _calls_kept(store)
    assert acknowledged <= kept
    _settle(store)
    lost = _settled_as_lost(store)
    assert left_open, "some kills fell into the middle of an attempt"
    assert set(lost) == left_open, "each was settled once, when the ledger was next opened"
    assert all(entry.estimated and entry.usage.total > 0 for entry in lost.values())
    assert _left_open(store) == set()
    _log_is_whole(store)
    assert (store / "ledger" / "data.mdb").stat().st_size > 65_536, "it grew underway"


def _run_and_kill(store: Path, seconds: float) -> set[str]:
    """The ids that came out before the kill, which falls this long after the first of them."""
    with subprocess.Popen([sys.executable, str(CALLER), str(store)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(seconds)
        process.kill()
        lines = [first, *process.stdout.read().splitlines(keepends=True)]
    return {line.strip() for line in lines if line.endswith("\n")}


def _calls_kept(store: Path) -> set[str]:
    decoder: msgspec.msgpack.Decoder[LedgerEntry] = msgspec.msgpack.Decoder(LedgerEntry)
    with ReadOnlyEnvironment.open_readonly(store / "ledger", LEDGER_DATABASES) as environment:
        records = Records(environment)
        entries = [decoder.decode(payload) for _, payload in records.all(JOURNAL)]
        book, _, skipped = load(records)
    assert skipped == 0
    kept = {entry.id for entry in entries if isinstance(entry, CallEnded)}
    assert sum(row.calls for row in book.report(0).calls) == len(kept), "the sums agree with the journal"
    return kept


def _left_open(store: Path) -> set[str]:
    with ReadOnlyEnvironment.open_readonly(store / "ledger", LEDGER_DATABASES) as environment:
        book, _, _ = load(Records(environment))
    return set(book.open)


def _settle(store: Path) -> None:
    """Open the store once more, and close it in order."""

    async def main() -> None:
        providers = {"alpha": ProviderConfig(wire="openai", base_url="http://127.0.0.1:9", free=True)}
        config = Config(providers=providers, store=StoreConfig(path=str(store)))
        async with callboard.open(config) as board:
            await board.flush()

    trio.run(main)


def _settled_as_lost(store: Path) -> dict[str, AttemptSettled]:
    decoder: msgspec.msgpack.Decoder[LedgerEntry] = msgspec.msgpack.Decoder(LedgerEntry)
    with ReadOnlyEnvironment.open_readonly(store / "ledger", LEDGER_DATABASES) as environment:
        entries = [decoder.decode(payload) for _, payload in Records(environment).all(JOURNAL)]
    settled = [entry for entry in entries if isinstance(entry, AttemptSettled)]
    assert len({entry.id for entry in settled}) == len(settled), "no attempt is settled twice"
    return {entry.id: entry for entry in settled if entry.outcome == "lost"}


def _log_is_whole(store: Path) -> None:
    """Each record that is there can be read and found by its call."""
    with ReadOnlyEnvironment.open_readonly(store / "ledger", LEDGER_DATABASES) as environment:
        records = Records(environment)
        logged = [pages.decode(payload) for _, payload in records.all(pages.LOG)]
        assert logged
        assert all(one is not None and pages.find(records, one.call) == one for one in logged)
        assert records.broken == 0
