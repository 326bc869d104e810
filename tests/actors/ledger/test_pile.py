"""What waits to be written: of several operations on one place the last counts, and drops may go alone."""

from callboard.actors.ledger.journal import JOURNAL, OPEN
from callboard.actors.ledger.pile import Group, Pile
from callboard.messages.storing import Operation, StoreDelete, StorePut

A, B = StoreDelete("spend", b"a"), StoreDelete("spend", b"b")


def put(key: bytes, value: bytes = b"", database: str = "spend") -> StorePut:
    return StorePut(database, key, value)


def failed(pile: Pile, *fresh: Operation, most: int = 99) -> int:
    return pile.put_back(pile.take(fresh), most)


def taken(pile: Pile, *fresh: Operation) -> tuple[Operation, ...]:
    return pile.take(fresh).operations


def test_drops_go_first_and_what_failed_goes_ahead_of_what_is_new() -> None:
    pile = Pile()
    failed(pile, put(b"old"))
    pile.drop([A])
    assert taken(pile, put(b"new")) == (A, put(b"old"), put(b"new"))
    assert (taken(pile), len(pile)) == ((), 0)


def test_of_what_fails_again_and_again_the_last_write_to_a_place_is_left() -> None:
    pile = Pile()
    failed(pile, put(b"k", b"1"), put(b"l"))
    failed(pile, put(b"k", b"2"))
    assert taken(pile) == (put(b"k", b"2"), put(b"l"))


def test_what_is_dropped_is_not_written_by_an_earlier_commit_that_is_tried_again() -> None:
    pile = Pile()
    failed(pile, put(b"a"))
    pile.drop([A])
    assert pile.take_drops(9) == Group({("spend", b"a"): A})
    assert taken(pile) == ()


def test_what_is_dropped_while_a_commit_runs_is_not_written_when_that_fails() -> None:
    pile = Pile()
    group = pile.take((put(b"a"), put(b"b")))
    pile.drop([A])
    pile.put_back(group, 99)
    assert taken(pile) == (A, put(b"b"))


def test_what_is_written_after_its_drop_stays() -> None:
    pile = Pile()
    pile.drop([A])
    failed(pile, put(b"a"))
    assert pile.take_drops(9) == Group({("spend", b"a"): A})
    assert taken(pile) == (put(b"a"),)


def test_drops_go_alone_so_many_at_a_time_and_come_back_when_they_fail() -> None:
    pile = Pile()
    pile.drop([A, B])
    failed(pile, put(b"k"))
    first = pile.take_drops(1)
    assert first == Group({("spend", b"a"): A})
    pile.put_back(first, 99)
    assert (len(pile.drops), len(pile)) == (2, 3)
    assert taken(pile) == (A, B, put(b"k"))
    assert pile.take_drops(1) is None


def test_the_oldest_entries_beyond_a_bound_are_not_kept_and_rows_are() -> None:
    pile = Pile()
    entries = [put(bytes([number]), database=JOURNAL) for number in range(5)]
    assert failed(pile, *entries, put(b"row"), most=2) == 3
    assert taken(pile) == (*entries[3:], put(b"row"))


def test_of_attempts_that_began_and_ended_while_commits_failed_so_many_deletions_are_kept() -> None:
    pile = Pile()
    opened = [put(bytes([number]), database=OPEN) for number in range(5)]
    ended = [StoreDelete(OPEN, bytes([number])) for number in range(5)]
    assert failed(pile, *opened, most=2) == 0
    assert failed(pile, *ended, put(b"row"), most=2) == 0
    assert failed(pile, most=2) == 0
    assert taken(pile) == (*ended[3:], put(b"row"))
    assert taken(pile) == ()
    assert not pile._doubtful


def test_no_attempt_that_is_open_on_disk_stays_so_and_none_that_is_underway_is_forgotten() -> None:
    pile = Pile()
    opened = [put(bytes([number]), database=OPEN) for number in range(5)]
    ended = [StoreDelete(OPEN, bytes([number])) for number in range(5, 10)]
    assert failed(pile, *opened, *ended, most=2) == 0
    assert taken(pile) == (*opened, *ended)
    late = [StoreDelete(OPEN, bytes([number])) for number in range(5)]
    assert failed(pile, *late, most=2) == 0, "what opened them was written"
    assert taken(pile) == tuple(late)


def test_what_is_left_for_later_goes_behind_what_failed_and_is_bounded_with_it() -> None:
    pile = Pile()
    entries = [put(bytes([number]), database=JOURNAL) for number in range(5)]
    pile.drop([A])
    drops = pile.take_drops(9)
    assert drops is not None
    pile.leave([*entries, put(b"a")])
    assert pile.put_back(drops, 2) == 3
    assert taken(pile) == (A, *entries[3:], put(b"a"))
