from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.messages.base import Ask, Tell
from callboard.messages.signals import Down, Left
from callboard.runtime.clock import NEVER
from callboard.runtime.envelope import Envelope
from callboard.runtime.errors import DeadlineExceeded, MailboxFull
from callboard.runtime.mailbox import Delivery, Full, Lane, Mailbox, MailboxSpec
from callboard.runtime.slot import Slot, SlotState


class Question(Ask[int], frozen=True):
    n: int
    key: int = 0


class Remark(Tell, frozen=True):
    n: int
    key: int = 0


def key_of(message: object) -> int:
    assert isinstance(message, Question | Remark)
    return message.key


def ask(n: int = 0, *, deadline: int = NEVER, priority: int = 1) -> Envelope:
    return Envelope(Question(n), Slot(), deadline=deadline, priority=priority)


def tell(n: int = 0, *, key: int = 0, priority: int = 1) -> Envelope:
    return Envelope(Remark(n, key), priority=priority)


def spec_of(full: Full, **bounds: int) -> MailboxSpec:
    return MailboxSpec(full=full, key=key_of if full is Full.COALESCE else None, **bounds)


def taken(mailbox: Mailbox, now: int = 0) -> list[int]:
    numbers = []
    while (envelope := mailbox.get(now)) is not None:
        assert isinstance(envelope.message, Question | Remark)
        numbers.append(envelope.message.n)
    return numbers


def error_of(envelope: Envelope) -> BaseException:
    assert envelope.slot is not None
    assert envelope.slot.state is SlotState.SETTLED
    with pytest.raises(Exception) as caught:
        envelope.slot.unwrap()
    return caught.value


def test_lanes_are_served_in_order_and_data_by_priority_then_age() -> None:
    mailbox = Mailbox("a", MailboxSpec())
    for n, priority in enumerate([2, 1, 0, 2, 1, 0]):
        mailbox.put(tell(n, priority=priority))
    mailbox.put(tell(10), Lane.CONTROL)
    mailbox.put(tell(20), Lane.SYSTEM)
    mailbox.put(tell(11), Lane.CONTROL)
    assert taken(mailbox) == [20, 10, 11, 2, 5, 1, 4, 0, 3]


def test_the_data_lane_stays_as_it_is_when_it_is_not_asked_for() -> None:
    mailbox = Mailbox("a", MailboxSpec())
    mailbox.put(tell(1))
    mailbox.put(tell(2), Lane.CONTROL)
    control = mailbox.get(0, data=False)
    assert control is not None
    assert control.message == Remark(2)
    assert mailbox.get(0, data=False) is None
    assert len(mailbox) == 1


def test_expired_and_abandoned_messages_are_skipped_and_counted() -> None:
    mailbox = Mailbox("a", MailboxSpec())
    expired, abandoned, wanted = ask(1, deadline=10), ask(2), ask(3, deadline=11)
    for envelope in (expired, abandoned, wanted):
        mailbox.put(envelope)
    assert abandoned.slot is not None
    abandoned.slot.abandon()
    assert mailbox.get(10) is wanted
    assert isinstance(error_of(expired), DeadlineExceeded)
    counts = mailbox.statistics()
    assert (counts.skipped_expired, counts.skipped_abandoned, counts.delivered) == (1, 1, 1)


def test_a_full_mailbox_that_rejects_refuses_and_counts() -> None:
    mailbox = Mailbox("a", spec_of(Full.REJECT, data=1))
    assert mailbox.put(tell(1))
    assert mailbox.put(tell(2)) is Delivery.FULL
    assert mailbox.put(ask(3)) is Delivery.FULL
    assert mailbox.statistics().refused == 2
    assert taken(mailbox) == [1]


def test_a_full_mailbox_that_waits_admits_asks_in_turn_and_refuses_tells() -> None:
    mailbox = Mailbox("a", spec_of(Full.WAIT, data=1))
    assert mailbox.put(ask(1)) is Delivery.ACCEPTED
    leaver = ask(2)
    assert mailbox.put(leaver) is Delivery.WAITING
    assert mailbox.put(ask(3)) is Delivery.WAITING
    assert mailbox.put(tell(4)) is Delivery.FULL
    assert leaver.slot is not None
    leaver.slot.abandon()
    assert mailbox.statistics().waiting == 1
    assert taken(mailbox) == [1, 3]


def test_of_those_who_wait_for_room_the_most_urgent_is_let_in_first() -> None:
    mailbox = Mailbox("a", spec_of(Full.WAIT, data=1))
    assert mailbox.put(ask(0))
    leaver = ask(9, priority=0)
    for waiting in (ask(1, priority=2), ask(2), ask(3), leaver, ask(4, priority=0), ask(5, priority=0)):
        assert mailbox.put(waiting) is Delivery.WAITING
    assert leaver.slot is not None
    leaver.slot.abandon()
    assert mailbox.statistics().waiting == 5
    assert taken(mailbox) == [0, 4, 5, 2, 3, 1]


def test_an_asker_that_leaves_frees_its_room_at_once() -> None:
    mailbox = Mailbox("a", spec_of(Full.WAIT, data=1))
    first = ask(1)
    mailbox.put(first)
    mailbox.put(ask(2))
    assert first.slot is not None
    first.slot.abandon()
    counts = mailbox.statistics()
    assert (counts.accepted, counts.waiting) == (2, 0)
    assert taken(mailbox) == [2]


def test_drop_oldest_drops_the_oldest_of_the_lowest_priority() -> None:
    mailbox = Mailbox("a", spec_of(Full.DROP_OLDEST, data=3))
    victim = ask(2, priority=2)
    for envelope in (tell(1, priority=0), victim, tell(3, priority=2)):
        mailbox.put(envelope)
    assert mailbox.put(tell(4, priority=1))
    assert isinstance(error_of(victim), MailboxFull)
    assert taken(mailbox) == [1, 4, 3]


def test_drop_oldest_never_drops_for_something_less_urgent() -> None:
    mailbox = Mailbox("a", spec_of(Full.DROP_OLDEST, data=1))
    mailbox.put(tell(1, priority=0))
    assert mailbox.put(tell(2, priority=2)) is Delivery.DROPPED
    assert taken(mailbox) == [1]


def test_drop_oldest_does_not_take_a_dead_entry_for_room() -> None:
    mailbox = Mailbox("a", spec_of(Full.DROP_OLDEST, data=1))
    dead = ask(1)
    mailbox.put(dead)
    assert dead.slot is not None
    dead.slot.abandon()
    mailbox.put(tell(2))
    mailbox.put(tell(3))
    assert taken(mailbox) == [3]
    assert mailbox.statistics().skipped_abandoned == 1


def test_drop_newest_drops_and_counts_the_new_one() -> None:
    mailbox = Mailbox("a", spec_of(Full.DROP_NEWEST, data=1))
    mailbox.put(tell(1))
    assert mailbox.put(tell(2)) is Delivery.DROPPED
    assert mailbox.statistics().refused == 1
    assert taken(mailbox) == [1]


def test_coalesce_replaces_a_queued_tell_with_the_same_key_in_its_place() -> None:
    mailbox = Mailbox("a", spec_of(Full.COALESCE, data=2))
    mailbox.put(tell(1, key=7))
    mailbox.put(tell(2, key=8))
    assert mailbox.put(tell(3, key=7))
    assert mailbox.put(tell(4, key=9)) is Delivery.FULL
    assert taken(mailbox) == [3, 2]
    mailbox.put(tell(5, key=7))
    assert taken(mailbox) == [5]


def test_the_reserved_lanes_are_bounded_too() -> None:
    mailbox = Mailbox("a", MailboxSpec(control=1, system=1))
    for lane in (Lane.CONTROL, Lane.SYSTEM):
        assert mailbox.put(tell(), lane)
        assert mailbox.put(tell(), lane) is Delivery.FULL


def test_what_the_runtime_has_promised_is_never_refused() -> None:
    mailbox = Mailbox("a", MailboxSpec(control=1, system=1))
    for n in range(5):
        assert mailbox.put(Envelope(Down(f"b{n}", "it ended")), Lane.SYSTEM)
        assert mailbox.put(Envelope(Left(n)), Lane.CONTROL)
    assert len(mailbox) == 10


def test_the_room_of_an_asker_that_left_is_freed_once() -> None:
    mailbox = Mailbox("a", spec_of(Full.REJECT, data=2))
    dead = ask(1)
    mailbox.put(dead)
    assert dead.slot is not None
    dead.slot.abandon()
    mailbox.put(tell(2))
    assert taken(mailbox) == [2]
    assert [bool(mailbox.put(tell(n))) for n in range(3)] == [True, True, False]


def test_the_dead_never_outnumber_the_living_by_much() -> None:
    mailbox = Mailbox("a", MailboxSpec(data=10_000))
    asks = [ask(n) for n in range(1_000)]
    for envelope in asks:
        mailbox.put(envelope)
    mailbox.put(tell(-1), Lane.CONTROL)
    for envelope in asks[:900]:
        assert envelope.slot is not None
        envelope.slot.abandon()
    assert len(mailbox) < 300
    assert taken(mailbox) == [-1, *range(900, 1_000)]
    assert len(mailbox) == 0


def test_draining_takes_everything_in_order_and_asks_no_longer_tell_the_mailbox() -> None:
    mailbox = Mailbox("a", spec_of(Full.WAIT, data=1))
    queued, waiting = ask(1), ask(2)
    mailbox.put(queued)
    mailbox.put(waiting)
    mailbox.put(tell(3), Lane.CONTROL)
    assert [key.message for key in mailbox.drain()] == [Remark(3), Question(1), Question(2)]
    for envelope in (queued, waiting):
        assert envelope.slot is not None
        envelope.slot.abandon()
    counts = mailbox.statistics()
    assert (counts.queued, counts.waiting, counts.accepted, counts.dropped) == (0, 0, 2, 2)


def test_what_an_actor_told_itself_is_dropped_and_counted_and_nothing_else() -> None:
    mailbox = Mailbox("a", MailboxSpec())
    for n in range(4):
        mailbox.put(Envelope(Remark(n), own=n % 2 == 0), Lane.CONTROL)
    mailbox.put(tell(4))
    mailbox.drop_own()
    assert taken(mailbox) == [1, 3, 4]
    counts = mailbox.statistics()
    assert (counts.accepted, counts.delivered, counts.dropped, counts.queued) == (5, 3, 2, 0)


@given(st.sampled_from(Full), st.lists(st.tuples(st.integers(0, 7), st.integers(0, 2), st.integers(0, 5)), max_size=80))
def test_what_is_queued_is_counted_through_all_that_happens_to_it(full: Full, steps: list[tuple[int, ...]]) -> None:
    mailbox, asks = Mailbox("a", spec_of(full, data=4, control=2, system=2)), []
    for what, priority, n in steps:
        match what:
            case 0 | 1:
                asks.append(ask(n, priority=priority, deadline=n))
                mailbox.put(asks[-1])
            case 2:
                mailbox.put(tell(n, key=n, priority=priority))
            case 3:
                mailbox.put(Envelope(Remark(n), own=bool(priority)), (Lane.CONTROL, Lane.SYSTEM)[n % 2])
            case 4 | 5:
                mailbox.get(n, data=what == 4)
            case 6 if asks:
                slot = asks[n % len(asks)].slot
                assert slot is not None
                slot.abandon()
            case _:
                mailbox.drop_own()
    counts = mailbox.statistics()
    skipped = counts.skipped_expired + counts.skipped_abandoned
    assert counts.accepted == counts.delivered + skipped + counts.dropped + counts.queued
    assert mailbox.queued == counts.queued == len(mailbox.drain()) - counts.waiting
    assert len(mailbox) == 0


@pytest.mark.parametrize("bounds", [{"data": 0}, {"control": 0}, {"system": -1}])
def test_a_lane_without_room_is_refused(bounds: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="at least one message"):
        MailboxSpec(**bounds)


def test_coalescing_needs_a_key_and_only_coalescing_takes_one() -> None:
    with pytest.raises(ValueError, match="key"):
        MailboxSpec(full=Full.COALESCE)
    with pytest.raises(ValueError, match="key"):
        MailboxSpec(full=Full.REJECT, key=key_of)
