import os
import subprocess
import sys
from pathlib import Path

import pytest

from callboard.runtime.storage.environment import Environment
from callboard.runtime.storage.errors import NoStore
from callboard.runtime.storage.operations import Put
from callboard.runtime.storage.reading import ReadOnlyEnvironment

KEYS = [b"a", b"b", b"ba", b"c", b"\xff"]
WRITER = """
import sys
from pathlib import Path
from callboard.runtime.storage.environment import Environment
from callboard.runtime.storage.errors import NeedsGrowth
from callboard.runtime.storage.operations import Put
environment = Environment.open(Path(sys.argv[1]), ("a",), map_size=65536)
for line in sys.stdin.buffer:
    count = int(line)
    puts = [Put("a", b"%06d" % n, b"v" * 1000) for n in range(count)]
    while True:
        try:
            environment.commit(puts)
            break
        except NeedsGrowth:
            environment.grow()
    sys.stdout.buffer.write(b"%d\\n" % environment.map_size)
    sys.stdout.buffer.flush()
"""


def pairs(*keys: bytes) -> list[tuple[bytes, bytes]]:
    return [(key, b"v" + key) for key in keys]


@pytest.mark.parametrize(
    ("start", "stop", "limit", "found"),
    [
        (b"", None, 9, KEYS),
        (b"", None, 2, [b"a", b"b"]),
        (b"b", None, 9, [b"b", b"ba", b"c", b"\xff"]),
        (b"b", b"c", 9, [b"b", b"ba"]),
        (b"b\x00", b"c\x00", 9, [b"ba", b"c"]),
        (b"c", b"b", 9, []),
        (b"", b"", 9, []),
        (b"\xff\x00", None, 9, []),
        (b"", None, 0, []),
    ],
)
def test_a_scan_gives_what_lies_from_start_on_before_stop(
    environment: Environment, start: bytes, stop: bytes | None, limit: int, found: list[bytes]
) -> None:
    environment.commit([Put("a", key, value) for key, value in pairs(*KEYS)])
    assert environment.scan("a", start, stop, limit=limit) == pairs(*found)


@pytest.mark.parametrize(
    ("start", "stop", "limit", "found"),
    [
        (b"", None, 9, KEYS[::-1]),
        (b"", None, 2, [b"\xff", b"c"]),
        (b"b", b"c", 9, [b"ba", b"b"]),
        (b"", b"bb", 1, [b"ba"]),
        (b"", b"a", 9, []),
        (b"", b"", 9, []),
        (b"", b"\xff\xff", 1, [b"\xff"]),
        (b"c", b"b", 9, []),
    ],
)
def test_a_reverse_scan_gives_the_same_from_its_end(
    environment: Environment, start: bytes, stop: bytes | None, limit: int, found: list[bytes]
) -> None:
    environment.commit([Put("a", key, value) for key, value in pairs(*KEYS)])
    assert environment.scan("a", start, stop, limit=limit, reverse=True) == pairs(*found)


def test_an_empty_database_is_scanned_both_ways(environment: Environment) -> None:
    assert environment.scan("a", limit=5) == environment.scan("a", limit=5, reverse=True) == []


def test_a_reader_in_another_process_follows_the_owners_growth(tmp_path: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environ,
    ) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None

        def write(count: int) -> int:
            assert writer.stdin is not None
            assert writer.stdout is not None
            writer.stdin.write(b"%d\n" % count)
            writer.stdin.flush()
            return int(writer.stdout.readline())

        small = write(1)
        with ReadOnlyEnvironment.open_readonly(tmp_path, ("a",)) as reader:
            assert reader.count("a") == 1
            assert write(500) > small
            assert reader.count("a") == 500
            assert reader.scan("a", limit=1, reverse=True) == [(b"000499", b"v" * 1000)]
            writer.kill()
            writer.wait()
            assert reader.get("a", b"000250") == b"v" * 1000


def test_a_reader_sees_what_a_dead_owner_left(environment: Environment) -> None:
    environment.commit([Put("a", b"x", b"1")])
    environment.close()
    with ReadOnlyEnvironment.open_readonly(environment.path, ("a",)) as reader:
        assert reader.get("a", b"x") == b"1"


def test_a_database_that_nobody_has_made_is_empty(environment: Environment) -> None:
    environment.close()
    with ReadOnlyEnvironment.open_readonly(environment.path, ("a", "later")) as reader:
        assert (reader.get("later", b"x"), reader.scan("later", limit=5), reader.count("later")) == (None, [], 0)
        with pytest.raises(LookupError, match="no database 'never'; there are a, later"):
            reader.count("never")


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(NoStore, match="there is no store here yet"):
        ReadOnlyEnvironment.open_readonly(tmp_path / "store", ("a",))
    assert not (tmp_path / "store").exists()
