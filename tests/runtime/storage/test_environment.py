import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import lmdb
import pytest

from callboard.runtime.storage.environment import Environment
from callboard.runtime.storage.errors import (
    NeedsGrowth,
    StorageBusy,
    StorageFailed,
    StorageFull,
    StoreClosed,
    WrongProcess,
)
from callboard.runtime.storage.operations import Delete, DeleteRange, Operation, Put


def puts(*keys: str, database: str = "a", value: bytes = b"v") -> list[Operation]:
    return [Put(database, key.encode(), value) for key in keys]


def keys(environment: Environment, database: str = "a") -> str:
    return "".join(key.decode() for key, _ in environment.scan(database, limit=1000))


def commit_growing(environment: Environment, operations: list[Operation]) -> None:
    while True:
        try:
            return environment.commit(operations)
        except NeedsGrowth:
            environment.grow()


READER = """
import lmdb, sys, time
transaction = lmdb.open(sys.argv[1], map_size=0, max_dbs=1, readonly=True).begin()
print("reading", flush=True)
time.sleep(60)
"""


@contextmanager
def reading_elsewhere(environment: Environment) -> Iterator[None]:
    """Another process within a read transaction, killed at the end."""
    with subprocess.Popen([sys.executable, "-c", READER, str(environment.path)], stdout=subprocess.PIPE) as reader:
        try:
            assert reader.stdout is not None
            assert reader.stdout.readline() == b"reading\n"
            yield
        finally:
            reader.kill()


def overwrite(environment: Environment, times: int) -> None:
    for _ in range(times):
        commit_growing(environment, puts("x", value=os.urandom(20_000)))


SMAPS = Path("/proc/self/smaps")


def mapped(environment: Environment) -> int:
    """Kilobytes of the environment's file that this process has mapped and touched."""
    found = re.search(
        rf"{re.escape(str(environment.path))}/data\.mdb\n.*?^Rss: +(\d+) kB", SMAPS.read_text(), re.S | re.M
    )
    assert found is not None
    return int(found[1])


def test_a_commit_is_carried_out_in_order(environment: Environment) -> None:
    environment.commit([*puts("x", value=b"1"), Delete("a", b"x"), *puts("x", "y", value=b"2")])
    assert environment.scan("a", limit=9) == [(b"x", b"2"), (b"y", b"2")]


def test_a_commit_tells_when_only_the_disk_is_waited_for(environment: Environment) -> None:
    told: list[str] = []
    environment.commit(puts("x", "y"), lambda: told.append(keys(environment)))
    assert (told, keys(environment)) == ([""], "xy")


def test_databases_are_apart(environment: Environment) -> None:
    environment.commit([*puts("x"), *puts("y", database="b")])
    assert (keys(environment, "a"), keys(environment, "b")) == ("x", "y")
    assert environment.get("b", b"x") is None


def test_deleting_what_is_not_there_is_no_error(environment: Environment) -> None:
    environment.commit([Delete("a", b"x"), DeleteRange("a", b"", None, 5)])
    assert environment.count("a") == 0


@pytest.mark.parametrize(
    ("start", "stop", "limit", "left"),
    [
        (b"", None, 99, ""),
        (b"", None, 2, "cdef"),
        (b"b", b"d", 99, "adef"),
        (b"b", b"d", 1, "acdef"),
        (b"bb", b"bc", 9, "abcdef"),
        (b"c", b"c", 9, "abcdef"),
        (b"e", None, 9, "abcd"),
        (b"", b"", 9, "abcdef"),
        (b"g", None, 9, "abcdef"),
    ],
)
def test_a_range_is_deleted_from_its_start_before_its_stop(
    environment: Environment, start: bytes, stop: bytes | None, limit: int, left: str
) -> None:
    environment.commit([*puts(*"abcdef"), *puts("c", database="b")])
    environment.commit([DeleteRange("a", start, stop, limit)])
    assert keys(environment) == left
    assert keys(environment, "b") == "c"


def test_an_error_in_the_middle_changes_nothing(environment: Environment) -> None:
    with pytest.raises(LookupError):
        environment.commit([*puts("x"), *puts("y", database="unknown")])
    assert environment.count("a") == 0
    environment.commit(puts("z"))


def test_an_unknown_database_is_named(environment: Environment) -> None:
    environment.check(puts("x"))
    with pytest.raises(LookupError, match="no database 'c'; there are a, b"):
        environment.check(puts("x", database="c"))
    with pytest.raises(LookupError, match="no database 'c'"):
        environment.get("c", b"x")


def test_a_commit_too_large_for_the_map_asks_for_growth_and_changes_nothing(environment: Environment) -> None:
    environment.commit(puts("x"))
    large = puts(*(f"k{n:03}" for n in range(300)), value=b"v" * 1000)
    with pytest.raises(NeedsGrowth):
        environment.commit(large)
    assert keys(environment) == "x"
    commit_growing(environment, large)
    assert environment.count("a") == 301
    assert environment.map_size == 65536 * 2 ** environment.statistics().growths


def test_growth_stops_at_its_bound_and_smaller_commits_go_on(tmp_path: Path) -> None:
    with Environment.open(tmp_path, ("a",), map_size=65536, max_map_size=200_000, sync=False) as environment:
        with pytest.raises(StorageFull, match="bound of 200000 bytes"):
            commit_growing(environment, puts(*(f"k{n:03}" for n in range(300)), value=b"v" * 1000))
        assert environment.map_size == 200_704
        assert environment.count("a") == 0
        environment.commit(puts("x"))
        assert keys(environment) == "x"


@pytest.mark.parametrize("batch", [1, 7, 50])
def test_a_store_at_its_bound_can_be_emptied_and_filled_again(tmp_path: Path, batch: int) -> None:
    rows = [puts(*(f"{n:04}" for n in range(i, i + batch)), value=b"v" * 500) for i in range(0, 2000, batch)]
    with Environment.open(tmp_path, ("a",), map_size=65536, max_map_size=524_288, sync=False) as environment:
        counts = []
        for _ in range(3):
            with pytest.raises(StorageFull, match="its bound of 524288 bytes is reached"):
                for row in rows:
                    commit_growing(environment, row)
            counts.append(environment.count("a"))
            while environment.count("a"):
                environment.commit([DeleteRange("a", b"", None, 20)])
        assert counts[0] > 500
        assert counts == [counts[0]] * 3


def test_a_store_at_its_bound_is_full_only_while_its_reader_lives(tmp_path: Path) -> None:
    with Environment.open(tmp_path, ("a",), map_size=524_288, max_map_size=524_288, sync=False) as environment:
        environment.commit(puts("x"))
        with reading_elsewhere(environment):
            for _ in range(2):
                with pytest.raises(StorageFull, match="its bound of 524288 bytes is reached"):
                    overwrite(environment, 50)
            assert environment.statistics().live < 65536
        overwrite(environment, 50)


def test_what_a_killed_reader_held_is_used_before_the_map_grows(environment: Environment) -> None:
    environment.commit(puts("x"))
    with reading_elsewhere(environment):
        overwrite(environment, 2)
        before = environment.map_size
    overwrite(environment, 50)
    assert environment.map_size == before


def test_nothing_grows_under_a_reader(environment: Environment) -> None:
    with environment._gate.reading(), pytest.raises(StorageBusy, match="the map was to grow while"):
        environment.grow()
    assert environment.map_size == 65536


def test_nothing_is_closed_under_a_reader(environment: Environment) -> None:
    with environment._gate.reading(), pytest.raises(StorageBusy, match="to be closed while"):
        environment.close()
    environment.commit(puts("x"))


def test_a_second_commit_is_refused_while_one_runs(environment: Environment) -> None:
    with environment._gate.committing(), pytest.raises(StorageBusy, match="another one runs"):
        environment.commit(puts("x"))


def test_what_was_committed_is_there_after_opening_again(tmp_path: Path) -> None:
    for n in range(5):
        with Environment.open(tmp_path, ("a", "b"), map_size=65536) as environment:
            commit_growing(environment, puts(f"{n}", value=b"v" * 50_000))
            assert keys(environment) == "01234"[: n + 1]


def test_databases_can_be_added_to_a_full_file(tmp_path: Path) -> None:
    with Environment.open(tmp_path, ("a",), map_size=65536) as environment:
        commit_growing(environment, puts("large", value=b"v" * 1_000_000))
        used = environment.statistics().used
    names = tuple("abcdefghijklmnopqrstuvwxyz")
    with Environment.open(tmp_path, names, map_size=65536, max_map_size=65536) as environment:
        assert environment.statistics().entries == {name: int(name == "a") for name in names}
        assert environment.map_size > used


def test_a_closed_environment_says_so(environment: Environment) -> None:
    environment.close()
    environment.close()
    for use in (
        lambda: environment.get("a", b"x"),
        lambda: environment.commit(puts("x")),
        environment.grow,
        environment.statistics,
    ):
        with pytest.raises(StoreClosed):
            use()


def test_a_forked_child_is_refused_and_does_no_harm(environment: Environment) -> None:
    environment.commit(puts("x"))
    child = os.fork()
    if child == 0:
        try:
            environment.close()
            with pytest.raises(WrongProcess):
                environment.commit(puts("y"))
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    environment.commit(puts("z"))
    assert keys(environment) == "xz"


def test_the_same_files_are_not_opened_twice(environment: Environment) -> None:
    with pytest.raises(StorageFailed, match="already open in this process"):
        Environment.open(environment.path, ("a",))


def test_only_its_user_may_read_the_files(environment: Environment) -> None:
    assert environment.path.stat().st_mode & 0o777 == 0o700
    assert (environment.path / "data.mdb").stat().st_mode & 0o777 == 0o600


def test_statistics_count_what_was_done(environment: Environment) -> None:
    environment.commit([*puts(*"abc"), *puts("x", database="b")])
    commit_growing(environment, puts("large", value=b"v" * 100_000))
    with pytest.raises(StorageBusy), environment._gate.committing():
        environment.commit(puts("y"))
    told = environment.statistics()
    assert told.entries == {"a": 4, "b": 1}
    assert (told.commits, told.operations, told.growths, told.failures, told.dropped) == (2, 5, 2, 1, 0)
    assert (told.map_size, told.max_map_size) == (262_144, 4 << 20)
    assert 100_000 < told.live < told.used < told.map_size


@pytest.mark.parametrize(("size", "bound"), [(0, 10), (-1, 10), (11, 10)])
def test_sizes_without_sense_are_refused(tmp_path: Path, size: int, bound: int) -> None:
    with pytest.raises(ValueError, match="map_size"):
        Environment.open(tmp_path / "store", ("a",), map_size=size, max_map_size=bound)
    with pytest.raises(ValueError, match="at least one named database"):
        Environment.open(tmp_path / "store", ())
    assert not (tmp_path / "store").exists()


@pytest.fixture
def short_files() -> Iterator[None]:
    """No file gets longer than 256 KiB: the disk refuses."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (262_144, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("short_files")
def test_a_disk_that_refuses_fails_one_commit_and_not_the_next(environment: Environment) -> None:
    environment.commit(puts("x"))
    with pytest.raises(StorageFailed, match="Input/output error"):
        commit_growing(environment, puts("large", value=b"v" * 500_000))
    environment.commit(puts("y"))
    assert keys(environment) == "xy"


@pytest.fixture
def full_disk(short_files: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the disk says that it is full."""

    class Usage(NamedTuple):
        free: int = 4096

    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage())


@pytest.mark.usefixtures("full_disk")
def test_a_refusal_by_a_full_disk_is_told_as_such(environment: Environment) -> None:
    with pytest.raises(StorageFull, match="the disk is full"):
        commit_growing(environment, puts("large", value=b"v" * 500_000))


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_refuses_nothing_for_a_killed_readers_sake(tmp_path: Path) -> None:
    with Environment.open(tmp_path, ("a",), map_size=4 << 20, sync=False) as environment:
        environment.commit(puts("x"))
        with reading_elsewhere(environment), pytest.raises(StorageFull, match="the disk is full"):
            overwrite(environment, 50)
        overwrite(environment, 50)


def test_a_map_that_cannot_be_made_leaves_the_old_one(tmp_path: Path) -> None:
    with Environment.open(tmp_path, ("a",), map_size=1 << 44, max_map_size=1 << 60) as environment:
        environment.commit(puts("x"))
        with pytest.raises(StorageFailed, match="the map cannot have"):
            for _ in range(16):
                environment.grow()
        environment.commit(puts("y"))
        assert keys(environment) == "xy"


class Panicking:
    """An environment after a write of LMDB's own page has failed."""

    def __init__(self, real: lmdb.Environment) -> None:
        self._real = real

    def begin(self, *, write: bool = False) -> Any:
        raise lmdb.PanicError("begin", 0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def test_an_environment_that_lmdb_gave_up_is_opened_anew(environment: Environment) -> None:
    environment.commit(puts("x"))
    given_up: Any = Panicking(environment._handle.environment)
    environment._handle = environment._handle._replace(environment=given_up)
    with pytest.raises(StorageFailed):
        environment.commit(puts("y"))
    environment.commit(puts("z"))
    assert keys(environment) == "xz"


@pytest.mark.skipif(not SMAPS.exists(), reason="only Linux tells what is mapped")
def test_a_map_laid_anew_holds_no_page_and_all_entries(environment: Environment) -> None:
    commit_growing(environment, puts(*(f"k{n:03}" for n in range(300)), value=b"v" * 1000))
    environment.count("a")
    before = mapped(environment)
    environment.remap()
    assert mapped(environment) < before / 4
    assert environment.count("a") == 300
    environment.commit(puts("more"))
    assert environment.statistics().remaps == 1


def test_no_map_is_laid_anew_under_a_reader(environment: Environment) -> None:
    with environment._gate.reading(), pytest.raises(StorageBusy, match="the map was to be laid anew while"):
        environment.remap()
    assert environment.statistics().remaps == 0
