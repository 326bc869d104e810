import os
import random
import re
import resource
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from callboard.runtime.storage import soundness
from callboard.runtime.storage.environment import Environment
from callboard.runtime.storage.errors import StorageError, StorageFailed, Unreadable
from callboard.runtime.storage.opening import LOCK_BYTES, Plan, open_to_write
from callboard.runtime.storage.operations import Put
from callboard.runtime.storage.reading import ReadOnlyEnvironment

PAGE = 4096
DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "zeros": lambda whole: bytes(len(whole)),
    "noise": lambda whole: random.Random(1).randbytes(len(whole)),
    "another file": lambda _: b"SQLite format 3\x00" * 1000,
    "nothing left": lambda _: b"",
    "a few bytes left": lambda whole: whole[:100],
    "one page left": lambda whole: whole[:PAGE],
    "two pages left": lambda whole: whole[: 2 * PAGE],
    "half left": lambda whole: whole[: len(whole) // 2 // PAGE * PAGE],
    "last page lost": lambda whole: whole[:-PAGE],
    "zeros behind the head": lambda whole: whole[: 2 * PAGE] + bytes(len(whole) - 2 * PAGE),
}


def make(path: Path) -> bytes:
    """A store of some hundred pages, the last of which is in use."""
    with Environment.open(path, ("a",), map_size=1 << 20) as environment:
        for n in range(20):
            environment.commit([Put("a", b"%05d" % (20 * n + m), b"v" * 500) for m in range(20)])
    return (path / "data.mdb").read_bytes()


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_journal_is_an_error_and_stays_as_it_is(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    damaged = damage(make(tmp_path))
    (tmp_path / "data.mdb").write_bytes(damaged)
    with pytest.raises(Unreadable, match=r"data\.mdb: .* put a copy back, or move the folder away"):
        Environment.open(tmp_path, ("a",))
    with pytest.raises(Unreadable):
        ReadOnlyEnvironment.open_readonly(tmp_path, ("a",))
    assert (tmp_path / "data.mdb").read_bytes() == damaged


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_cache_is_dropped_counted_and_begun_anew(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    (tmp_path / "data.mdb").write_bytes(damage(make(tmp_path)))
    with Environment.open(tmp_path, ("a",), disposable=True, sync=False) as environment:
        assert environment.count("a") == 0
        assert environment.statistics().dropped == 1
        environment.commit([Put("a", b"x", b"1")])
    with Environment.open(tmp_path, ("a",), disposable=True, sync=False) as environment:
        assert environment.get("a", b"x") == b"1"
        assert environment.statistics().dropped == 0


def blank_page(whole: bytes, content: bytes) -> bytes:
    """The file with the page that holds `content` lost, as a power cut leaves what was not synced."""
    first = whole.index(content) // PAGE * PAGE
    return whole[:first] + bytes(PAGE) + whole[first + PAGE :]


def test_a_file_that_was_not_closed_is_verified_before_lmdb_gets_it(tmp_path: Path) -> None:
    with Environment.open(tmp_path / "alive", ("a",), map_size=1 << 20) as environment:
        environment.commit([Put("a", b"%05d" % n, b"v" * 500) for n in range(400)])
        shutil.copytree(tmp_path / "alive", tmp_path / "left")
    with Environment.open(tmp_path / "left", ("a",)) as environment:
        assert environment.count("a") == 400
        shutil.copytree(tmp_path / "left", tmp_path / "torn")
    data = tmp_path / "torn" / "data.mdb"
    data.write_bytes(blank_page(data.read_bytes(), b"00200" + b"v" * 500))
    with pytest.raises(Unreadable, match="page"):
        Environment.open(tmp_path / "torn", ("a",))
    with Environment.open(tmp_path / "torn", ("a",), disposable=True) as environment:
        assert environment.statistics().dropped == 1


def test_a_file_that_was_closed_is_not_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path)
    monkeypatch.setattr(soundness, "_verify", lambda path: ["verified"])
    Environment.open(tmp_path, ("a",)).close()


def test_damage_found_while_reading_is_told_and_the_next_commit_begins_a_cache_anew(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(blank_page(make(tmp_path), b"00200" + b"v" * 500))
    with Environment.open(tmp_path, ("a",), disposable=True, sync=False) as environment:
        with pytest.raises(Unreadable):
            environment.get("a", b"00200")
        environment.commit([Put("a", b"x", b"1")])
        assert environment.scan("a", limit=1000) == [(b"x", b"1")]
        assert environment.statistics().dropped == environment.dropped == 1
        environment.commit([Put("a", b"y", b"2")])
        assert (environment.count("a"), environment.dropped) == (2, 1)


@pytest.mark.parametrize(("first", "last"), [(0, 2), (2, None)], ids=["the first pages", "all others"])
@pytest.mark.parametrize(
    "rubbish", [b"\xff" * PAGE, bytes(PAGE), random.Random(1).randbytes(PAGE)], ids=["ones", "zeros", "noise"]
)
def test_a_cache_that_is_overwritten_while_it_is_open_is_begun_anew(
    tmp_path: Path, first: int, last: int | None, rubbish: bytes
) -> None:
    whole = len(make(tmp_path)) // PAGE
    with Environment.open(tmp_path, ("a",), disposable=True, sync=False) as environment:
        with (tmp_path / "data.mdb").open("r+b") as file:
            file.seek(first * PAGE)
            file.write(rubbish * ((last or whole) - first))
        with suppress(StorageError):
            environment.get("a", b"00200")
        environment.commit([Put("a", b"x", b"1")])
        assert (environment.get("a", b"x"), environment.dropped) == (b"1", 1)


LAST_PAGE = 16 + 24 + 2 * 48
"""Where one of LMDB's first two pages says which is the last: behind its header, its own numbers and two databases."""


@pytest.mark.parametrize("at_its_bound", [False, True])
@pytest.mark.parametrize("claimed", [10**9, 2**62])
def test_a_commit_begins_a_cache_anew_whose_first_pages_claim_more_than_was_written(
    tmp_path: Path, claimed: int, at_its_bound: bool
) -> None:
    make(tmp_path)
    most = (4 << 20) if at_its_bound else (16 << 20)
    with Environment.open(
        tmp_path, ("a",), map_size=4 << 20, max_map_size=most, disposable=True, sync=False
    ) as environment:
        with (tmp_path / "data.mdb").open("r+b") as file:
            for page in (0, 1):
                file.seek(page * PAGE + LAST_PAGE)
                file.write(claimed.to_bytes(8, "little"))
        environment.commit([Put("a", b"x", b"1")])
        assert (environment.get("a", b"x"), environment.dropped) == (b"1", 1)


def test_a_commit_that_meets_damage_in_a_cache_begins_it_anew(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(blank_page(make(tmp_path), b"00200" + b"v" * 500))
    with Environment.open(tmp_path, ("a",), disposable=True, sync=False) as environment:
        environment.commit([Put("a", b"00200", b"1")])
        assert environment.scan("a", limit=1000) == [(b"00200", b"1")]
        assert environment.dropped == 1


def test_a_journal_that_is_damaged_is_never_begun_anew(tmp_path: Path) -> None:
    whole = make(tmp_path)
    (tmp_path / "data.mdb").write_bytes(blank_page(whole, b"00200" + b"v" * 500))
    with Environment.open(tmp_path, ("a",)) as environment:
        with pytest.raises(Unreadable):
            environment.get("a", b"00200")
        with pytest.raises(Unreadable):
            environment.commit([Put("a", b"00200", b"1")])
        assert environment.count("a") == 400
        assert environment.dropped == 0


def test_only_what_is_disposable_can_be_begun_anew(tmp_path: Path) -> None:
    make(tmp_path)
    with Environment.open(tmp_path, ("a",)) as environment:
        with pytest.raises(ValueError, match="is to stay"):
            environment.begin_anew()
        assert (environment.count("a"), environment.dropped) == (400, 0)


def test_a_cut_file_is_whole_or_refused(tmp_path: Path) -> None:
    with Environment.open(tmp_path, ("a",), map_size=1 << 20) as environment:
        for value in (b"1", b"v" * 30 * PAGE, b"2", b"3", b"4"):
            environment.commit([Put("a", b"x", value)])
        assert environment.statistics().used > 30 * PAGE
    whole = (tmp_path / "data.mdb").read_bytes()
    outcomes = ""
    for pages in range(len(whole) // PAGE, 1, -1):
        (tmp_path / "data.mdb").write_bytes(whole[: pages * PAGE])
        try:
            with ReadOnlyEnvironment.open_readonly(tmp_path, ("a",)) as reader:
                assert reader.get("a", b"x") == b"4"
            outcomes += "w"
        except Unreadable:
            outcomes += "r"
    assert re.fullmatch("w{10,}r+", outcomes), outcomes


def test_a_place_that_cannot_be_a_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailed, match="file: the store failed"):
        Environment.open(tmp_path / "file", ("a",))
    with pytest.raises(StorageFailed, match="file/store: the store failed"):
        Environment.open(tmp_path / "file" / "store", ("a",), disposable=True)


def test_an_empty_file_is_told_as_one(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").touch()
    with pytest.raises(Unreadable, match=r"data\.mdb: the store cannot be read \(the file is empty\); put a copy back"):
        Environment.open(tmp_path, ("a",))
    with pytest.raises(Unreadable, match=r"data\.mdb: the store cannot be read \(the file is empty\); put a copy back"):
        ReadOnlyEnvironment.open_readonly(tmp_path, ("a",))


@pytest.mark.parametrize("room", [0, 100])
def test_a_new_file_that_finds_no_room_is_not_there_the_next_time(tmp_path: Path, room: int) -> None:
    make(tmp_path)  # and so LMDB's lock file, which finds none either
    (tmp_path / "data.mdb").unlink()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises(StorageError):
            Environment.open(tmp_path, ("a",))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with Environment.open(tmp_path, ("a",)) as environment:
        assert environment.count("a") == 0


def without(path: Path) -> None:
    path.unlink()


def sparse(path: Path) -> None:
    """As LMDB makes it."""
    path.write_bytes(b"")
    os.truncate(path, LOCK_BYTES)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def opened_to_write(path: Path) -> None:
    Environment.open(path, ("a",)).close()


def opened_to_read(path: Path) -> None:
    ReadOnlyEnvironment.open_readonly(path, ("a",)).close()


@pytest.mark.parametrize("opened", [opened_to_write, opened_to_read])
@pytest.mark.parametrize("was", [without, sparse, empty])
def test_the_lock_file_has_its_pages_on_the_disk(
    tmp_path: Path, was: Callable[[Path], None], opened: Callable[[Path], None]
) -> None:
    """LMDB makes it without, and writes to it through a map: on a full disk that ends the process."""
    make(tmp_path)
    (tmp_path / "zeros").write_bytes(bytes(LOCK_BYTES))
    if (tmp_path / "zeros").stat().st_blocks * 512 < LOCK_BYTES:
        pytest.skip("this file system keeps no pages of zeros")
    was(tmp_path / "lock.mdb")
    opened(tmp_path)
    assert (tmp_path / "lock.mdb").stat().st_blocks * 512 >= LOCK_BYTES


def test_a_new_lock_file_that_finds_no_room_is_not_there_the_next_time(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(StorageFailed, match="too large"):
            Environment.open(tmp_path, ("a",))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not (tmp_path / "lock.mdb").exists()


def deleted(path: Path) -> None:
    shutil.rmtree(path)


def replaced(path: Path) -> None:
    """As by a copy that was put back."""
    shutil.copy(path / "data.mdb", path / "copy")
    (path / "copy").replace(path / "data.mdb")


@pytest.mark.parametrize("disposable", [False, True])
@pytest.mark.parametrize("goes", [deleted, replaced])
def test_nothing_is_committed_to_a_store_that_was_deleted_or_replaced(
    tmp_path: Path, goes: Callable[[Path], None], disposable: bool
) -> None:
    """Not even a cache is begun anew: what lies there now may be another process's."""
    store = tmp_path / "store"
    with Environment.open(store, ("a",), disposable=disposable) as environment:
        environment.commit([Put("a", b"1", b"v")])
        goes(store)
        there = sorted(path.stat().st_ino for path in tmp_path.rglob("*"))
        with pytest.raises(StorageFailed, match=r"data\.mdb was deleted or replaced .* restart the program"):
            environment.commit([Put("a", b"2", b"v")])
        assert (environment.statistics().failures, environment.dropped) == (1, 0)
    assert sorted(path.stat().st_ino for path in tmp_path.rglob("*")) == there, "the mark of another's file included"


def test_a_store_whose_path_leads_elsewhere_by_now_goes_on(tmp_path: Path) -> None:
    """As when a link to the release is switched, or the process may no longer look into the folder."""
    for name in ("one", "two"):
        make(tmp_path / name)
    (tmp_path / "current").symlink_to("one")
    with Environment.open(tmp_path / "current", ("a",)) as environment:
        (tmp_path / "current").unlink()
        (tmp_path / "current").symlink_to("two")
        environment.commit([Put("a", b"new", b"v")])
    with ReadOnlyEnvironment.open_readonly(tmp_path / "one", ("a",)) as again:
        assert again.get("a", b"new") == b"v"


def test_a_handle_that_could_not_be_completed_is_closed(tmp_path: Path) -> None:
    plan = Plan(path=tmp_path, databases=("a",), map_size=1 << 20, max_map_size=1 << 20, sync=True, disposable=False)
    whole = make(tmp_path)
    (tmp_path / "data.mdb").write_bytes(whole[: 2 * PAGE])
    with pytest.raises(Unreadable) as caught:
        open_to_write(plan)
    assert caught.value.__traceback__ is not None, "which keeps every local variable of the opening alive"
    (tmp_path / "data.mdb").write_bytes(whole)
    open_to_write(plan).close()
