"""How long commits that fail are put off, what the next one takes, and when that is told."""

from callboard.actors.ledger.standstill import IN_A_ROW, LONGEST_RETRY, RETRY, Standstill, Why

DISK, FULL = Why("StorageFailed", "the disk is broken"), Why("StorageFull", "the disk is full")


def test_a_standstill_begins_with_the_first_failure_and_ends_with_all_that_waited_written() -> None:
    one = Standstill()
    assert not one.succeeded(whole=True)
    assert [one.failed(DISK), one.failed(FULL)] == [True, False]
    assert [one.succeeded(whole=False), one.succeeded(whole=True), one.succeeded(whole=True)] == [False, True, False]
    assert (one.failed(DISK), one.failures) == (True, 3)


def test_the_pause_doubles_up_to_its_longest_and_begins_anew_after_a_recovery() -> None:
    one = Standstill()
    pauses = []
    for _ in range(7):
        one.failed(DISK)
        pauses.append(one.pause)
    assert pauses == [RETRY, 2 * RETRY, 4 * RETRY, 8 * RETRY, LONGEST_RETRY, LONGEST_RETRY, LONGEST_RETRY]
    one.succeeded(whole=True)
    assert one.pause == 0
    one.failed(DISK)
    assert one.pause == RETRY


def test_deletions_that_succeed_shorten_no_pause() -> None:
    one = Standstill()
    one.failed(DISK)
    one.succeeded(whole=False)
    one.failed(DISK)
    assert one.pause == 2 * RETRY


def test_deletions_go_alone_only_in_a_standstill_and_so_many_times_in_a_row() -> None:
    one = Standstill()
    alone = [one.drops_alone]
    for _ in range(2):
        one.failed(DISK)
        for _ in range(IN_A_ROW):
            alone.append(one.drops_alone)
            one.succeeded(whole=False)
        alone.append(one.drops_alone)
    one.failed(DISK)
    one.succeeded(whole=True)
    alone.append(one.drops_alone)
    assert alone == [False, *2 * [*IN_A_ROW * [True], False], False]


def test_it_is_full_while_what_failed_last_wanted_room() -> None:
    one = Standstill()
    for why, full in ((FULL, True), (DISK, False), (FULL, True)):
        one.failed(why)
        assert one.full is full
    one.succeeded(whole=True)
    assert not one.full
