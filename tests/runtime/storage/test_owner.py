import contextlib
import json
import os
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from callboard.runtime.storage.errors import StorageFailed, StoreOwned
from callboard.runtime.storage.owner import OwnerLock

SINCE = 1_767_225_600_000_000_000
HOLDER = f"""
import sys, os, time
from pathlib import Path
from callboard.runtime.storage.owner import OwnerLock
lock = OwnerLock.acquire(Path(sys.argv[1]), {SINCE})
if sys.argv[2] == "fork" and os.fork() == 0:
    os.write(1, b"%d\\n" % os.getpid())
    time.sleep(60)
    os._exit(0)
if sys.argv[2] == "alone":
    os.write(1, b"held\\n")
time.sleep(60)
"""


def holder(path: Path, mode: str) -> "subprocess.Popen[bytes]":
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, "-c", HOLDER, str(path), mode], stdout=subprocess.PIPE, env=environ)


def test_a_second_opener_is_told_who_owns_the_store(tmp_path: Path) -> None:
    path = tmp_path / "owner.lock"
    with holder(path, "alone") as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(StoreOwned, match=rf"process {other.pid} \(-c\) on .* since 2026-01-01 00:00:00 UTC"):
            OwnerLock.acquire(path, 0)
        other.kill()


def test_a_killed_owner_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "owner.lock"
    with holder(path, "alone") as other:
        assert other.stdout is not None
        other.stdout.readline()
        other.kill()
    with OwnerLock.acquire(path, SINCE) as lock:
        assert lock.held


def test_a_forked_child_does_not_keep_its_dead_parents_lock(tmp_path: Path) -> None:
    path = tmp_path / "owner.lock"
    with holder(path, "fork") as other:
        assert other.stdout is not None
        orphan = int(other.stdout.readline())
        other.kill()
        other.wait()
        try:
            os.kill(orphan, 0)
            OwnerLock.acquire(path, SINCE).release()
        finally:
            os.kill(orphan, signal.SIGKILL)


def test_a_forked_child_cannot_release_its_parents_lock(tmp_path: Path) -> None:
    path = tmp_path / "owner.lock"
    with OwnerLock.acquire(path, SINCE) as lock:
        text = path.read_bytes()
        child = os.fork()
        if child == 0:
            try:
                held = lock.held
                lock.release()
                os._exit(int(held))
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert path.read_bytes() == text
        with pytest.raises(StoreOwned):
            OwnerLock.acquire(path, SINCE)


def test_a_forked_child_keeps_no_lock_though_one_cannot_be_closed(tmp_path: Path) -> None:
    locks = [OwnerLock.acquire(tmp_path / f"{n}.lock", SINCE) for n in range(9)]
    for lock in locks[::4]:
        assert lock._file is not None
        os.close(lock._file)
    child = os.fork()
    if child == 0:
        os._exit(sum(lock.held for lock in locks))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    for lock in locks:
        with contextlib.suppress(OSError):
            lock.drop()


def test_a_lock_that_was_let_go_costs_nothing(tmp_path: Path) -> None:
    def take(times: int) -> int:
        for _ in range(times):
            OwnerLock.acquire(tmp_path / "owner.lock", SINCE).release()
        # From Python 3.13 pathlib interns names, and whoever interns may have to make their whole table anew.
        kept = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(False, "*pathlib*")])
        return sum(trace.size for trace in kept.traces)

    tracemalloc.start()
    try:
        before = take(10)
        assert take(1000) - before < 20_000
    finally:
        tracemalloc.stop()


def test_the_same_process_is_refused_too(tmp_path: Path) -> None:
    path = tmp_path / "owner.lock"
    with OwnerLock.acquire(path, SINCE), pytest.raises(StoreOwned, match=f"process {os.getpid()}"):
        OwnerLock.acquire(path, SINCE)


def test_a_released_lock_is_free_and_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "owner.lock"
    lock = OwnerLock.acquire(path, SINCE)
    told = json.loads(path.read_bytes())
    assert {"pid": os.getpid(), "since": SINCE}.items() <= told.items()
    assert set(told) == {"pid", "since", "host", "program"}
    lock.release()
    lock.release()
    assert not lock.held
    assert path.read_bytes() == b""
    OwnerLock.acquire(path, SINCE).release()


@pytest.mark.parametrize("text", [b"", b"{", b'{"pid": "x"}', b"\xff" * 9000])
def test_the_text_is_only_for_people(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "owner.lock"
    path.write_bytes(text)
    with OwnerLock.acquire(path, SINCE):
        path.write_bytes(text)
        with pytest.raises(StoreOwned, match="owned by another process"):
            OwnerLock.acquire(path, SINCE)


def test_only_its_user_may_read_the_lock_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "owner.lock"
    with OwnerLock.acquire(path, SINCE):
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailed, match=r"file/owner\.lock: .*cannot be opened"):
        OwnerLock.acquire(tmp_path / "file" / "owner.lock", SINCE)


def test_a_system_without_flock_gets_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.raises(StorageFailed, match="no flock; run with a store in memory"):
        OwnerLock.acquire(tmp_path / "owner.lock", SINCE)
