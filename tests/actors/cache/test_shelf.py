import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.actors.cache import recent
from callboard.actors.cache.place import Place, wanted
from callboard.actors.cache.shelf import ENTRIES, EVICTED_AT_ONCE, LOOKED_AT, ORDER, SWEPT_AT_ONCE, Bounds, Shelf
from callboard.messages.caching import Entry, Forget, Labels
from callboard.messages.chat import OpaquePart, TextPart
from callboard.messages.reply import Answer, FinishReason
from callboard.messages.storing import Operation, StorePut
from callboard.runtime.storage.errors import StoreClosed

SECOND = 1_000_000_000
FOREVER = 10**20


class Disk:
    """What was written; `underway` has been handed over and may be written later."""

    def __init__(self) -> None:
        self.databases: dict[str, dict[bytes, bytes]] = {ENTRIES: {}, ORDER: {}}
        self.underway: list[Operation] = []
        self.closed = False
        self.looked_at = 0
        """Places read."""

    def take(self, operations: tuple[Operation, ...]) -> None:
        self.underway.extend(operations)

    def write(self) -> None:
        for operation in self.underway:
            database = self.databases[operation.database]
            if isinstance(operation, StorePut):
                database[operation.key] = operation.value
            else:
                database.pop(operation.key, None)
        self.underway.clear()

    def lose(self) -> None:
        self.underway.clear()

    def get(self, database: str, key: bytes) -> bytes | None:
        return self._open(database).get(key)

    def first(self, database: str, limit: int, after: bytes) -> list[tuple[bytes, bytes]]:
        found = [pair for pair in sorted(self._open(database).items()) if pair[0] > after][:limit]
        self.looked_at += len(found)
        return found

    def last_key(self, database: str) -> bytes | None:
        return max(self._open(database), default=None)

    def count(self, database: str) -> int:
        return len(self._open(database))

    def size(self, database: str) -> int:
        return sum(len(value) for value in self._open(database).values())

    def _open(self, database: str) -> dict[bytes, bytes]:
        if self.closed:
            raise StoreClosed(Path("cache"))
        return self.databases[database]


def entry(text: str = "hello", stored: int = 0, **more: Any) -> Entry:
    answer = Answer(parts=(TextPart(text),), finish_reason=FinishReason.STOP, **more)
    return Entry(answer=answer, provider="p", model="m", stored=stored)


def shelf(disk: Disk, **bounds: Any) -> Shelf:
    return Shelf(lambda: disk, Bounds(**bounds))


def found(one: Shelf, keys: str, now: int = 0) -> str:
    """Those of the keys that the shelf has."""
    return "".join(key for key in keys if one.get(key.encode(), FOREVER, now) is not None)


def keep(one: Shelf, disk: Disk, keys: str, *, write: bool = True) -> None:
    for key in keys:
        disk.take(one.keep(key.encode(), entry(key)))
        if write:
            disk.write()
            one.refresh(one.latest)


def sweep(one: Shelf, disk: Disk, *, write: bool = True, **named: Any) -> int:
    """As the actor does it, step by step. How many were dropped."""
    until, after, dropped = one.latest, 0, 0
    while True:
        swept = one.sweep(wanted(Forget(**named)), after, until)
        disk.take(swept.operations)
        dropped += len(swept.keys)
        if write:
            disk.write()
            one.swept(swept, written=True)
        if swept.last is None:
            return dropped
        after = swept.last


def test_an_entry_is_found_right_after_and_after_it_was_written() -> None:
    disk = Disk()
    one = shelf(disk)
    disk.take(one.keep(b"k", entry("first")))
    assert one.get(b"k", FOREVER, 0) == entry("first")
    disk.write()
    assert one.get(b"k", FOREVER, 0) == entry("first")
    assert shelf(disk).get(b"k", FOREVER, 0) == entry("first")


def test_an_entry_that_was_never_written_is_a_miss_for_the_next_life() -> None:
    disk = Disk()
    keep(shelf(disk), disk, "a", write=False)
    assert found(shelf(disk), "a") == ""


@pytest.mark.parametrize("written", [False, True])
def test_an_entry_that_is_too_old_is_a_miss(written: bool) -> None:
    disk = Disk()
    one = shelf(disk, max_age=60.0)
    disk.take(one.keep(b"k", entry(stored=100 * SECOND)))
    if written:
        disk.write()
        one = shelf(disk, max_age=60.0)
    assert one.get(b"k", FOREVER, 160 * SECOND) is not None
    assert one.get(b"k", FOREVER, 160 * SECOND + 1) is None
    assert one.get(b"k", 5 * SECOND, 105 * SECOND) is not None
    assert one.get(b"k", 5 * SECOND, 105 * SECOND + 1) is None


def test_an_entry_from_the_future_is_a_miss() -> None:
    disk = Disk()
    one = shelf(disk)
    disk.take(one.keep(b"k", entry(stored=100_000 * SECOND)))
    assert one.get(b"k", FOREVER, 99_000 * SECOND) is None
    assert one.get(b"k", FOREVER, 99_999 * SECOND) is not None, "a clock is put back a little now and then"


@pytest.mark.parametrize("written", [False, True])
def test_an_entry_of_this_run_grows_older_though_utc_stands_still(written: bool) -> None:
    disk = Disk()
    one = Shelf(lambda: disk, Bounds(), b"this")
    other = Shelf(lambda: disk, Bounds(), b"another")
    kept = msgspec.structs.replace(entry(stored=100), run=b"this", at=5 * SECOND)
    disk.take(one.keep(b"k", kept))
    if written:
        disk.write()
        one = Shelf(lambda: disk, Bounds(), b"this")
    assert one.get(b"k", 10 * SECOND, 100, 15 * SECOND) == kept
    assert one.get(b"k", 10 * SECOND, 100, 15 * SECOND + 1) is None
    assert one.get(b"k", 10 * SECOND, 100 + 11 * SECOND, 5 * SECOND) is None, "the machine slept"
    disk.write()
    assert other.get(b"k", 10 * SECOND, 100, 999 * SECOND) == kept, "whose monotonic clock is another"


def test_the_latest_of_two_entries_under_one_key_counts() -> None:
    disk = Disk()
    one = shelf(disk)
    for text in ("first", "second", "third"):
        disk.take(one.keep(b"k", entry(text)))
    assert one.get(b"k", FOREVER, 0) == entry("third")
    disk.write()
    assert shelf(disk).get(b"k", FOREVER, 0) == entry("third")
    assert (len(disk.databases[ENTRIES]), len(disk.databases[ORDER]), len(one)) == (1, 1, 1)


@pytest.mark.parametrize("write", [False, True])
def test_the_oldest_go_first_when_the_shelf_is_full(write: bool) -> None:
    disk = Disk()
    one = shelf(disk, max_entries=3)
    keep(one, disk, "abcde", write=write)
    assert found(one, "abcde") == "cde"
    disk.write()
    assert found(shelf(disk), "abcde") == "cde"


@pytest.mark.parametrize("write", [False, True])
def test_an_entry_that_is_written_again_is_the_youngest(write: bool) -> None:
    disk = Disk()
    one = shelf(disk, max_entries=3)
    keep(one, disk, "abcad", write=write)
    assert found(one, "abcd") == "acd"


@pytest.mark.parametrize("write", [False, True])
def test_writing_an_entry_again_pushes_nothing_off(write: bool) -> None:
    disk = Disk()
    one = shelf(disk, max_entries=3)
    keep(one, disk, "abcccbb", write=write)
    assert found(one, "abc") == "abc"


def test_an_entry_that_was_pushed_off_can_come_back() -> None:
    disk = Disk()
    one = shelf(disk, max_entries=2)
    keep(one, disk, "abca", write=False)
    assert (found(one, "abc"), len(one)) == ("ac", 2)
    disk.write()
    assert sorted(disk.databases[ENTRIES]) == [b"a", b"c"]


def test_a_shelf_whose_bound_was_lowered_shrinks_in_steps() -> None:
    disk = Disk()
    one = shelf(disk)
    for number in range(600):
        disk.take(one.keep(b"%d" % number, entry()))
    disk.write()
    small = shelf(disk, max_entries=10)
    sizes = []
    for number in range(4):
        disk.take(small.keep(b"new %d" % number, entry()))
        disk.write()
        sizes.append(len(disk.databases[ENTRIES]))
    assert sizes == [601 - EVICTED_AT_ONCE, 602 - 2 * EVICTED_AT_ONCE, 10, 10]


programs = st.lists(
    st.one_of(
        st.tuples(st.just("keep"), st.sampled_from("abcdefgh")),
        st.tuples(st.just("keep"), st.sampled_from("abcdefgh")),
        st.tuples(st.just("huge"), st.sampled_from("abcdefgh")),
        st.tuples(st.just("write"), st.just("")),
        st.tuples(st.just("refresh"), st.just("")),
        st.tuples(st.just("reopen"), st.just("")),
        st.tuples(st.just("clear"), st.just("")),
        st.tuples(st.just("forget"), st.sampled_from("abcdefgh")),
    ),
    min_size=10,
    max_size=40,
)


@settings(max_examples=200)
@given(program=programs, bound=st.integers(1, 5))
def test_the_shelf_holds_the_latest_entries_up_to_its_bound(program: list[tuple[str, str]], bound: int) -> None:
    disk = Disk()
    one = shelf(disk, max_entries=bound, max_reply=1_000)
    model: dict[str, None] = {}
    """The keys, oldest first."""
    written = 0
    for name, key in program:
        match name:
            case "keep":
                keep(one, disk, key, write=False)
                model.pop(key, None)
                model[key] = None
                while len(model) > bound:
                    del model[next(iter(model))]
            case "huge":
                disk.take(one.keep(key.encode(), entry("x" * 2_000)))
                disk.write()
                written = one.latest
                model.pop(key, None)
            case "write":
                disk.write()
                written = one.latest
            case "refresh":
                one.refresh(written)
            case "reopen":
                disk.write()
                one = shelf(disk, max_entries=bound, max_reply=1_000)
                written = 0
            case "clear":
                assert sweep(one, disk) == len(model)
                model.clear()
            case "forget":
                assert sweep(one, disk, key=key.encode()) == (key in model)
                model.pop(key, None)
        assert set(found(one, "abcdefgh")) == set(model)
        assert len(one) == len(model)
    disk.write()
    assert {key.decode() for key in disk.databases[ENTRIES]} == set(model)
    assert len(disk.databases[ORDER]) == len(model)


def test_entries_that_the_store_lost_are_not_counted_for_ever() -> None:
    disk = Disk()
    one = shelf(disk, max_entries=1_000)
    keep(one, disk, "ab", write=True)
    keep(one, disk, "cdefgh", write=False)
    disk.lose()
    keep(one, disk, "ij", write=True)
    assert len(one) == len(disk.databases[ENTRIES]) == 4


def test_the_file_is_counted_anew_while_more_is_underway() -> None:
    disk = Disk()
    one = shelf(disk)
    keep(one, disk, "abc", write=False)
    disk.write()
    for database in disk.databases.values():
        del database[next(iter(database))]
    written = one.latest
    keep(one, disk, "bd", write=False)
    one.refresh(written)
    assert len(one) == 3, "b anew, c and d"
    disk.write()
    one.refresh(one.latest)
    assert (len(one), one.size) == (3, disk.size(ENTRIES))


def test_the_bytes_of_the_file_are_told_while_more_is_underway() -> None:
    disk = Disk()
    one = shelf(disk)
    for number in range(100):
        disk.take(one.keep(b"%d" % number, entry("x" * number)))
        if number % 3 == 0:
            disk.write()
            written = one.latest
        if number % 5 == 0:
            one.refresh(written)
            shown = disk.size(ENTRIES)
            unseen = sum(
                len(put.value) for put in disk.underway if isinstance(put, StorePut) and put.database == ENTRIES
            )
            assert abs(one.size - shown - unseen) <= 8 * 5
    assert len(one) == 100


def late() -> tuple[Disk, Shelf]:
    """A shelf that has looked in vain for what the one before it had handed over, and what then came to the file."""
    disk = Disk()
    disk.take(shelf(disk).keep(b"k", entry("late")))
    one = shelf(disk, max_entries=1)
    assert one.get(b"k", FOREVER, 0) is None
    disk.write()
    one.refresh(one.latest)
    return disk, one


def test_what_came_to_the_file_after_it_was_looked_for_is_swept_all_the_same() -> None:
    _, one = late()
    assert one.sweep(wanted(Forget()), 0, 10).keys == (b"k",)


def test_what_came_to_the_file_after_it_was_looked_for_makes_room_all_the_same() -> None:
    disk, one = late()
    keep(one, disk, "n")
    keep(one, disk, "o")
    assert sorted(disk.databases[ENTRIES]) == [b"o"]
    assert len(disk.databases[ORDER]) == 1


def test_what_was_swept_and_is_not_yet_written_is_not_counted() -> None:
    disk = Disk()
    one = shelf(disk)
    keep(one, disk, "abc")
    step = one.sweep(wanted(Forget(key=b"a")), 0, one.latest)
    one.refresh(one.latest)
    assert len(one) == 2
    disk.take(step.operations)
    disk.write()
    one.swept(step, written=True)
    assert len(one) == 2


def test_a_sweep_that_failed_leaves_what_it_was_to_take_off() -> None:
    disk = Disk()
    one = shelf(disk)
    keep(one, disk, "abc")
    one.swept(one.sweep(wanted(Forget(key=b"a")), 0, one.latest), written=False)
    assert (len(one), found(one, "abc")) == (3, "abc")


def test_what_the_store_lost_is_swept_with_what_was_written_later() -> None:
    disk = Disk()
    one = shelf(disk)
    keep(one, disk, "ab", write=False)
    disk.lose()
    keep(one, disk, "cd")
    assert sweep(one, disk) == 4
    assert found(one, "abcd") == ""


def test_a_shelf_whose_cache_was_begun_anew_counts_what_it_holds_then() -> None:
    disk = Disk()
    one = shelf(disk)
    keep(one, disk, "abcd")
    for database in disk.databases.values():
        database.clear()
    keep(one, disk, "ef")
    assert (len(one), len(shelf(disk))) == (2, 2)


def test_what_the_store_failed_to_take_off_goes_later() -> None:
    disk = Disk()
    one = shelf(disk, max_entries=2)
    keep(one, disk, "ab")
    keep(one, disk, "c", write=False)
    disk.lose()
    keep(one, disk, "defg")
    assert sorted(disk.databases[ENTRIES]) == [b"f", b"g"]


def test_a_reply_larger_than_allowed_is_not_kept_and_takes_off_the_one_before() -> None:
    disk = Disk()
    one = shelf(disk, max_reply=200)
    assert one.keep(b"k", entry("x" * 300)) == ()
    keep(one, disk, "k")
    disk.take(one.keep(b"k", entry("x" * 300)))
    disk.write()
    assert found(one, "k") == ""
    assert len(one) == 0
    assert disk.databases == {ENTRIES: {}, ORDER: {}}


def test_a_reply_that_was_too_large_leaves_the_count_right() -> None:
    disk = Disk()
    one = shelf(disk, max_reply=200)
    keep(one, disk, "k")
    disk.take(one.keep(b"k", entry("x" * 300)))
    keep(one, disk, "x", write=False)
    assert len(one) == 1


@pytest.mark.parametrize(
    "more", [{"extra": {"n": 2**70}}, {"extra": {"s": "\ud800"}}, {"raw": {"o": object()}}], ids=["int", "text", "type"]
)
def test_a_reply_that_cannot_be_written_is_not_kept(more: dict[str, Any]) -> None:
    one = shelf(Disk())
    assert one.keep(b"k", entry(**more)) == ()
    assert len(one) == 0


def test_an_entry_comes_back_as_it_was() -> None:
    disk = Disk()
    opaque = OpaquePart(origin="w", block={"a": [1, 2.5, None, "é"]})
    answer = Answer(parts=(opaque,), finish_reason=None, extra={"n": 1}, raw={"all": True})
    kept = Entry(answer=answer, provider="p", model="m", stored=7)
    disk.take(shelf(disk).keep(b"k", kept))
    disk.write()
    assert shelf(disk).get(b"k", FOREVER, 7) == kept


@given(blob=st.binary(max_size=40))
def test_an_entry_that_cannot_be_read_is_a_miss(blob: bytes) -> None:
    disk = Disk()
    one = shelf(disk)
    disk.databases[ENTRIES][b"k"] = blob
    assert one.get(b"k", FOREVER, 0) is None


def test_an_entry_whose_text_is_no_text_is_a_miss() -> None:
    disk = Disk()
    keep(shelf(disk), disk, "k")
    disk.databases[ENTRIES][b"k"] = disk.databases[ENTRIES][b"k"].replace(b"stop", b"st\xffp")
    assert found(shelf(disk), "k") == ""


def test_an_entry_that_cannot_be_read_can_be_written_again() -> None:
    disk = Disk()
    keep(shelf(disk), disk, "k")
    disk.databases[ENTRIES][b"k"] = b"rubbish"
    one = shelf(disk)
    keep(one, disk, "k")
    assert found(shelf(disk), "k") == "k"


def test_a_cache_that_cannot_be_read_is_an_empty_one() -> None:
    disk = Disk()
    keep(shelf(disk), disk, "ab")
    other = shelf(disk)
    disk.closed = True
    assert found(other, "ab") == ""
    keep(other, disk, "cd", write=False)
    assert found(other, "abcd") == "cd"
    assert sweep(other, disk, write=False) == 2


def test_the_shelf_reads_from_the_store_as_it_is_open_now() -> None:
    disks = [Disk(), Disk()]
    keep(shelf(disks[1]), disks[1], "k")
    one = Shelf(lambda: disks[0], Bounds())
    assert found(one, "k") == ""
    disks.reverse()
    assert found(one, "k") == "k"


def test_clearing_drops_what_was_not_yet_written_too() -> None:
    disk = Disk()
    one = shelf(disk)
    keep(one, disk, "ab")
    keep(one, disk, "ca", write=False)
    assert sweep(one, disk, write=False) == 3
    assert found(one, "abc") == "", "though nothing is written yet"
    disk.write()
    assert disk.databases == {ENTRIES: {}, ORDER: {}}


def reopened(disk: Disk, keys: str) -> Shelf:
    """A shelf on which these are, read from the disk once."""
    keep(shelf(disk), disk, keys)
    one = shelf(disk)
    assert found(one, keys) == keys
    return one


def test_an_entry_that_was_read_from_the_disk_is_in_memory_then() -> None:
    disk = Disk()
    one = reopened(disk, "a")
    disk.closed = True
    assert found(one, "a") == "a"


def test_what_was_read_from_the_disk_is_not_found_in_memory_once_another_took_its_place() -> None:
    disk = Disk()
    one = reopened(disk, "ab")
    disk.take(one.keep(b"a", entry("another")))
    disk.take(one.keep(b"b", entry("x" * 2_000_000)))
    disk.write()
    assert one.get(b"a", FOREVER, 0) == entry("another")
    assert found(one, "b") == ""


def test_what_was_read_is_forgotten_though_its_file_was_begun_anew_since() -> None:
    disk = Disk()
    one = reopened(disk, "ab")
    for database in disk.databases.values():
        database.clear()
    sweep(one, disk)
    assert found(one, "ab") == ""


def test_what_was_kept_where_the_file_was_begun_anew_takes_the_place_of_what_was_read() -> None:
    disk = Disk()
    one = reopened(disk, "a")
    for database in disk.databases.values():
        database.clear()
    disk.take(one.keep(b"a", entry("x" * 2_000_000)))
    disk.write()
    assert found(one, "a") == ""


def test_the_shelf_remembers_no_more_than_its_share_of_memory() -> None:
    remembered = recent.Recent()
    for number in range(recent.MOST + 10):
        remembered.put(entry(), number + 1, Place(b"%d" % number, 10), written=number)
    assert remembered.get(b"9") is None
    assert remembered.get(b"10") is not None
    large = Place(b"large", recent.MOST_BYTES)
    remembered.put(entry(), 999, large, written=998)
    assert remembered.get(b"large") is not None
    assert remembered.after(0, 9) == [(999, large)]


def test_of_what_is_not_written_the_shelf_remembers_as_much_as_the_store_lets_wait() -> None:
    remembered = recent.Recent()
    for number in range(recent.WAITING + 10):
        remembered.put(entry(), number + 1, Place(b"%d" % number, 10), written=0)
    assert remembered.get(b"9") is None
    assert remembered.get(b"10") is not None
    large = Place(b"large", recent.WAITING_BYTES)
    remembered.put(entry(), 9_999, large, written=0)
    assert remembered.after(0, 9) == [(9_999, large)]


def test_all_that_is_not_yet_written_is_found_and_swept_however_much_it_is() -> None:
    disk = Disk()
    one = shelf(disk)
    keys = [b"%d" % number for number in range(2 * recent.MOST)]
    for key in keys:
        disk.take(one.keep(key, entry()))
    assert all(one.get(key, FOREVER, 0) for key in keys)
    assert sweep(one, disk, write=False) == len(keys)
    disk.write()
    assert disk.databases == {ENTRIES: {}, ORDER: {}}


def test_the_first_of_what_is_remembered_beyond_a_number_are_told_in_order() -> None:
    remembered = recent.Recent()
    places = [Place(b"%d" % number, 10) for number in range(6)]
    for number, one in enumerate(places):
        remembered.put(entry(), number, one, written=0)
    assert remembered.after(1, 2) == [(2, places[2]), (3, places[3])]
    assert remembered.after(4, 2) == [(5, places[5])]


def test_what_is_remembered_only_until_it_is_written_is_forgotten_then() -> None:
    disk = Disk()
    one = shelf(disk)
    for number in range(2 * recent.MOST):
        disk.take(one.keep(b"%d" % number, entry()))
    one.refresh(0)
    assert one.get(b"0", FOREVER, 0) == entry()
    disk.write()
    one.refresh(one.latest)
    disk.closed = True
    assert one.get(b"%d" % (recent.MOST - 1), FOREVER, 0) is None
    assert one.get(b"%d" % recent.MOST, FOREVER, 0) == entry()


@pytest.mark.parametrize("written", [False, True])
def test_one_more_on_a_full_shelf_looks_at_a_few_places_however_many_there_are(written: bool) -> None:
    disk = Disk()
    one = shelf(disk, max_entries=100)
    for number in range(100):
        disk.take(one.keep(b"%d" % number, entry()))
    if written:
        disk.write()
        one = shelf(disk, max_entries=100)
    disk.looked_at = 0
    disk.take(one.keep(b"new", entry()))
    assert len(one) == 100
    assert disk.looked_at <= LOOKED_AT


@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize(
    ("named", "left"),
    [
        ({"tag": "x"}, "c"),
        ({"user": "u"}, "ac"),
        ({"model": "p/other"}, "ab"),
        ({"partition": "t"}, "bc"),
        ({"stored_before": 20}, "bc"),
        ({"tag": "x", "stored_before": 20}, "bc"),
        ({"key": b"b"}, "ac"),
        ({"tag": "nobody's"}, "abc"),
        ({}, ""),
    ],
    ids=str,
)
def test_what_has_everything_that_is_named_is_forgotten(named: dict[str, Any], left: str, written: bool) -> None:
    disk = Disk()
    one = shelf(disk)
    disk.take(one.keep(b"a", entry(stored=10), Labels("x", None, "t")))
    disk.take(one.keep(b"b", entry(stored=20), Labels("x", "u", "")))
    other = Entry(answer=entry().answer, provider="p", model="other", stored=30)
    disk.take(one.keep(b"c", other, Labels(None, None, "")))
    if written:
        disk.write()
        one = shelf(disk)
    assert sweep(one, disk, **named) == 3 - len(left)
    assert found(one, "abc") == left
    assert found(shelf(disk), "abc") == left
    assert (len(one), len(disk.databases[ORDER])) == (len(left), len(left))


def test_a_sweep_goes_in_steps_and_leaves_what_came_after_it_began() -> None:
    disk = Disk()
    one = shelf(disk)
    for number in range(SWEPT_AT_ONCE + 10):
        disk.take(one.keep(b"%d" % number, entry()))
    disk.write()
    until = one.latest
    first = one.sweep(wanted(Forget()), 0, until)
    assert (len(first.keys), first.last) == (SWEPT_AT_ONCE, SWEPT_AT_ONCE)
    assert one.get(b"0", FOREVER, 0) is None, "though it is still written"
    disk.take(first.operations)
    disk.take(one.keep(b"0", entry("anew")))
    disk.write()
    one.swept(first, written=True)
    second = one.sweep(wanted(Forget()), first.last or 0, until)
    assert (len(second.keys), second.last) == (10, None)
    disk.take(second.operations)
    disk.write()
    assert list(disk.databases[ENTRIES]) == [b"0"]
    assert one.get(b"0", FOREVER, 0) == entry("anew")


@pytest.mark.parametrize("write", [False, True])
def test_the_oldest_make_room_for_the_bytes_of_a_new_one(write: bool) -> None:
    disk = Disk()
    one = shelf(disk, max_bytes=5_000)
    for key in "abcde":
        disk.take(one.keep(key.encode(), entry("x" * 1_400)))
        if write:
            disk.write()
        assert one.size <= 5_000
    assert found(one, "abcde") == "cde"
    disk.take(one.keep(b"f", entry("x" * 4_900)))
    assert found(one, "abcdef") == "f"


def test_an_entry_larger_than_all_room_has_it_alone() -> None:
    disk = Disk()
    one = shelf(disk, max_bytes=100)
    keep(one, disk, "ab")
    assert found(one, "ab") == "b"


def test_a_list_of_an_earlier_version_is_read_and_shrinks() -> None:
    disk = Disk()
    keep(shelf(disk), disk, "ab")
    disk.databases[ORDER] = dict(zip(disk.databases[ORDER], (b"a", b"b"), strict=True))
    one = shelf(disk, max_entries=2)
    keep(one, disk, "c")
    assert found(one, "abc") == "bc"
    assert sweep(one, disk) == 2


@pytest.mark.parametrize(
    "bad",
    [
        {"max_entries": 0},
        {"max_reply": 0},
        {"max_bytes": 0},
        {"max_age": 0.0},
        {"max_age": math.inf},
        {"max_age": math.nan},
    ],
    ids=str,
)
def test_bounds_without_sense_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Bounds(**bad)


def test_a_shelf_whose_file_cannot_be_read_when_it_opens_is_an_empty_one() -> None:
    disk = Disk()
    disk.closed = True
    opened = shelf(disk)
    assert (len(opened), opened.size, opened.latest) == (0, 0, 0)
