"""`kill -9` in the middle of calls: whatever was acknowledged is in the ledger that is opened next."""

import random
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from callboard.actors.ledger.journal import JOURNAL, load
from callboard.actors.store.actor import LEDGER_DATABASES
from callboard.actors.store.reading import Records
from callboard.messages.accounting import CallEnded, LedgerEntry
from callboard.runtime.storage.reading import ReadOnlyEnvironment

KILLS = 20
CALLER = Path(__file__).with_name("killed_caller.py")


def test_every_acknowledged_call_is_in_the_ledger_after_kill_9(tmp_path: Path) -> None:
    rng = random.Random(20261121)
    store = tmp_path / "store"
    acknowledged: set[str] = set()
    for _ in range(KILLS):
        fresh = _run_and_kill(store, rng.uniform(0.0, 0.25))
        assert fresh, "there are some"
        acknowledged |= fresh
    kept = _calls_kept(store)
    assert acknowledged <= kept
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
