import random

import pytest

from callboard.runtime.clock import NEVER
from callboard.runtime.storage.backlog import Backlog, GroupLimits, when_to_commit
from callboard.runtime.storage.operations import Delete, DeleteRange, Operation, Put


def deletes(count: int) -> list[Operation]:
    return [Delete("a", b"%d" % n) for n in range(count)]


def taken(backlog: Backlog) -> list[int]:
    return [len(submission.operations) for submission in backlog.take()]


@pytest.mark.parametrize(
    ("oldest", "urgent", "enough", "when"),
    [
        (None, False, False, NEVER),
        (None, True, True, NEVER),
        (100, False, False, 120),
        (100, True, False, 100),
        (100, False, True, 100),
        (100, True, True, 100),
    ],
)
def test_a_commit_lingers_unless_it_is_urgent_or_a_whole_group(
    oldest: int | None, urgent: bool, enough: bool, when: int
) -> None:
    assert when_to_commit(oldest, urgent=urgent, enough=enough, linger=20) == when


def test_a_group_is_the_oldest_that_fit() -> None:
    backlog = Backlog(GroupLimits(operations=10))
    for count in (4, 6, 1, 9):
        backlog.add(deletes(count), 0, urgent=False)
    assert [taken(backlog), taken(backlog), taken(backlog)] == [[4, 6], [1, 9], []]


def test_a_submission_is_never_split() -> None:
    backlog = Backlog(GroupLimits(operations=10))
    for count in (4, 25, 6):
        backlog.add(deletes(count), 0, urgent=False)
    assert [taken(backlog), taken(backlog), taken(backlog)] == [[4], [25], [6]]


def test_a_large_value_is_a_group_by_itself() -> None:
    backlog = Backlog(GroupLimits(size=1000))
    for length in (10, 5000, 10):
        backlog.add([Put("a", b"key", b"v" * length)], 0, urgent=False)
    assert [taken(backlog), taken(backlog), taken(backlog)] == [[1], [1], [1]]


def test_a_range_counts_as_what_it_may_delete() -> None:
    backlog = Backlog(GroupLimits(operations=10))
    backlog.add([DeleteRange("a", b"", None, 10)], 0, urgent=False)
    backlog.add(deletes(1), 0, urgent=False)
    assert taken(backlog) == [1]


@pytest.mark.parametrize("limits", [GroupLimits(waiting=3), GroupLimits(waiting_size=40)])
def test_a_backlog_is_full_at_its_bound_and_not_before(limits: GroupLimits) -> None:
    backlog = Backlog(limits)
    for _ in range(3):
        assert not backlog.full
        backlog.add([Put("a", b"key", b"v" * 11)], 0, urgent=False)
    assert backlog.full
    backlog.take()
    assert not backlog.full


def test_an_urgent_submission_hurries_those_before_it_and_only_them() -> None:
    backlog = Backlog(GroupLimits(operations=2))
    assert backlog.due(20) == NEVER
    backlog.add(deletes(1), 100, urgent=False)
    assert backlog.due(20) == 120
    backlog.add(deletes(1), 105, urgent=True)
    assert backlog.due(20) == 100
    backlog.take()
    backlog.add(deletes(1), 110, urgent=False)
    assert backlog.due(20) == 130


def test_a_flush_hurries_all_that_waits() -> None:
    backlog = Backlog(GroupLimits(operations=3))
    backlog.hurry()
    for urgent in (False, True, False, False):
        backlog.add(deletes(2), 100, urgent=urgent)
    backlog.hurry()
    backlog.hurry()
    for _ in range(4):
        assert backlog.due(20) == 100
        backlog.take()
    backlog.add(deletes(1), 100, urgent=False)
    assert backlog.due(20) == 120


def test_totals_are_those_of_what_waits() -> None:
    chance = random.Random(3)
    backlog = Backlog(GroupLimits(operations=9, size=90))
    inside: list[tuple[int, int]] = []
    for _ in range(500):
        if chance.random() < 0.6:
            values = [chance.randrange(30) for _ in range(chance.randrange(5))]
            inside.append((len(values), sum(values) + len(values)))
            backlog.add([Put("a", b"k", b"v" * length) for length in values], 0, urgent=chance.random() < 0.5)
        else:
            del inside[: len(backlog.take())]
        assert backlog.weight == sum(weight for weight, _ in inside)
        assert backlog.size == sum(size for _, size in inside)
        assert len(backlog) == len(backlog.pending()) == len(inside)


@pytest.mark.parametrize("name", ["operations", "size", "waiting", "waiting_size"])
def test_limits_without_sense_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        GroupLimits(**{name: 0})
