"""Whether a file may be given to LMDB.

LMDB makes a new store of an empty file, as though nothing had been lost, and a reader of one is told of a bad file
descriptor. So an empty file is refused.

LMDB maps its file and trusts it: what was cut short kills the process with SIGBUS, a blank page inside a tree with an
assertion. So a file is verified first, by py-lmdb's own verifier, which reads it without mapping it, at some hundred
megabytes a second,

    when the process that wrote it last did not close it: then a power cut may have lost what was not synced,
    when it is shorter than it says.

A mark beside the file tells the first: made before it is opened to write, removed once it is synced and closed.
"""

import os
from pathlib import Path

import lmdb

from callboard.runtime.storage.errors import Unreadable

DATA, LOCK, MARK = "data.mdb", "lock.mdb", "in-use"


def refuse_empty(path: Path) -> None:
    """Raise Unreadable when there is a file and nothing in it. To be asked before LMDB is."""
    data = path / DATA
    if data.exists() and data.stat().st_size == 0:
        raise Unreadable(data, "the file is empty")


def refuse_damage(environment: lmdb.Environment, path: Path, *, may_be_torn: bool) -> None:
    """Raise Unreadable when something is missing or wrong. Touches no page of the map but the first two."""
    # In this order: the file of a store that another process is writing only gets longer.
    claimed = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    length = (path / DATA).stat().st_size
    if (may_be_torn or length < claimed) and (problems := _verify(path)):
        raise Unreadable(path / DATA, f"{length} bytes, {claimed} were written; {problems[0]}")


def is_marked(path: Path) -> bool:
    """Whether the last writer did not close the files, or has them open."""
    return (path / MARK).exists()


def mark(path: Path) -> None:
    """Note, durably, that the files are about to be written."""
    (path / MARK).touch(mode=0o600)
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def unmark(path: Path) -> None:
    """Note that the files are synced and closed."""
    (path / MARK).unlink(missing_ok=True)


def _verify(path: Path) -> list[str]:
    from lmdb import verify

    try:
        problems: list[str] = verify.verify(str(path))  # type: ignore[no-untyped-call] # it has no annotations
    except verify.VerifyError as error:
        return [str(error)]
    return problems
