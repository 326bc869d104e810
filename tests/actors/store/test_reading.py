from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from callboard.actors.store.reading import PAGE, Records
from callboard.messages.storing import VERSION
from callboard.runtime.storage.environment import Environment
from callboard.runtime.storage.errors import TooNew
from callboard.runtime.storage.operations import Put
from callboard.runtime.storage.record import pack


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    with Environment.open(tmp_path / "e", ("a", "b"), sync=False) as environment:
        yield environment


def write(environment: Environment, *keys: bytes, database: str = "a") -> None:
    environment.commit([Put(database, key, pack(key, 1, b"of " + key)) for key in keys])


def damage(environment: Environment, *keys: bytes, database: str = "a") -> None:
    environment.commit([Put(database, key, b"rubbish") for key in keys])


def test_a_record_comes_without_its_checksum(environment: Environment) -> None:
    write(environment, b"k")
    records = Records(environment)
    assert records.get("a", b"k") == b"of k"
    assert records.get("a", b"other") is None
    assert records.get("b", b"k") is None


def test_all_records_come_in_order_however_many_there_are(environment: Environment) -> None:
    keys = [b"%06d" % number for number in range(2 * PAGE + 1)]
    write(environment, *keys)
    assert [key for key, _ in Records(environment).all("a")] == keys


def test_the_first_ones_come_after_a_key(environment: Environment) -> None:
    write(environment, *[b"%d" % number for number in range(9)])
    records = Records(environment)
    assert [key for key, _ in records.first("a", 2)] == [b"0", b"1"]
    assert [key for key, _ in records.first("a", 2, b"1")] == [b"2", b"3"]
    assert [key for key, _ in records.first("a", 20, b"6")] == [b"7", b"8"]
    assert records.first("a", 2, b"8") == []


def test_the_first_ones_are_found_behind_broken_ones(environment: Environment) -> None:
    write(environment, *[b"%d" % number for number in range(9)])
    damage(environment, b"0", b"1", b"3")
    assert [key for key, _ in Records(environment).first("a", 3)] == [b"2", b"4", b"5"]


def test_each_broken_record_is_skipped_and_counted_once(environment: Environment) -> None:
    write(environment, b"k", b"l")
    damage(environment, b"k")
    damage(environment, b"k", database="b")
    records = Records(environment)
    for _ in range(3):
        assert records.get("a", b"k") is None
        assert [key for key, _ in records.all("a")] == [b"l"]
        assert records.all("b") == []
    assert records.broken == 2


def test_the_last_key_and_the_count_include_what_is_broken(environment: Environment) -> None:
    records = Records(environment)
    assert (records.last_key("a"), records.count("a")) == (None, 0)
    write(environment, b"a", b"c", b"b")
    damage(environment, b"c")
    assert (records.last_key("a"), records.count("a")) == (b"c", 3)


READINGS: list[Callable[[Records], object]] = [
    lambda records: records.get("a", b"k"),
    lambda records: records.all("a"),
    lambda records: records.first("a", 9),
    lambda records: records.page("a", 9, b""),
    lambda records: records.refuse_newer(("b", "a")),
]


@pytest.mark.parametrize("reading", READINGS, ids=["get", "all", "first", "page", "refuse_newer"])
def test_a_record_of_a_newer_version_is_refused_not_misread(
    environment: Environment, reading: Callable[[Records], object]
) -> None:
    write(environment, b"j")
    reading(Records(environment))
    environment.commit([Put("a", b"k", pack(b"k", VERSION + 1, b"of k"))])
    with pytest.raises(TooNew, match=rf"a newer callboard .* version {VERSION + 1}, .* none above {VERSION}; run the"):
        reading(Records(environment))


def test_a_broken_record_is_no_newer_one_whatever_it_begins_with(environment: Environment) -> None:
    damage(environment, b"k")
    records = Records(environment)
    records.refuse_newer(("a",))
    assert records.get("a", b"k") is None
