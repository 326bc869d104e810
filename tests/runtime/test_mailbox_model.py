"""Random programs of operations on a mailbox, against a model in plain lists."""

from collections import Counter
from unittest.mock import patch

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.messages.base import Ask, Tell
from callboard.runtime import mailbox as module
from callboard.runtime.envelope import Envelope
from callboard.runtime.mailbox import Delivery, Full, Lane, Mailbox, MailboxSpec
from callboard.runtime.slot import Slot


class Question(Ask[int], frozen=True):
    n: int
    key: int = 0


class Remark(Tell, frozen=True):
    n: int
    key: int = 0


def key_of(message: object) -> int:
    assert isinstance(message, Question | Remark)
    return message.key


def tell(n: int = 0, *, key: int = 0, priority: int = 1) -> Envelope:
    return Envelope(Remark(n, key), priority=priority)


def spec_of(full: Full, **bounds: int) -> MailboxSpec:
    return MailboxSpec(full=full, key=key_of if full is Full.COALESCE else None, **bounds)


class Entry(msgspec.Struct, eq=False):
    """One message of the model."""

    envelope: Envelope
    n: int
    lane: Lane
    key: int

    @property
    def is_ask(self) -> bool:
        return self.envelope.slot is not None

    @property
    def dead(self) -> bool:
        return self.envelope.abandoned


class Model:
    """The mailbox said as simply as possible: one list in the order of arrival, searched from the start each time."""

    def __init__(self, spec: MailboxSpec) -> None:
        self.spec = spec
        self.queue: list[Entry] = []
        self.waiting: list[Entry] = []
        self.counts: Counter[str] = Counter()

    def living(self) -> list[Entry]:
        return [entry for entry in self.queue if entry.lane is Lane.DATA and not entry.dead]

    def put(self, entry: Entry) -> Delivery:
        delivery = self._place(entry)
        self.counts["accepted"] += delivery is Delivery.ACCEPTED
        self.counts["refused"] += not delivery
        return delivery

    def _place(self, entry: Entry) -> Delivery:
        if entry.lane is not Lane.DATA:
            bound = self.spec.system if entry.lane is Lane.SYSTEM else self.spec.control
            if sum(other.lane is entry.lane for other in self.queue) >= bound:
                return Delivery.FULL
        elif self.spec.full is Full.COALESCE and not entry.is_ask and (same := self._same(entry)):
            same.n = entry.n
            self.counts["dropped"] += 1
            return Delivery.ACCEPTED
        elif len(self.living()) >= self.spec.data:
            return self._full(entry)
        self.queue.append(entry)
        return Delivery.ACCEPTED

    def _same(self, entry: Entry) -> Entry | None:
        return next((other for other in self.living() if not other.is_ask and other.key == entry.key), None)

    def _full(self, entry: Entry) -> Delivery:
        match self.spec.full:
            case Full.WAIT if entry.is_ask:
                self.waiting.append(entry)
                return Delivery.WAITING
            case Full.DROP_NEWEST:
                return Delivery.DROPPED
            case Full.DROP_OLDEST:
                lower = [other for other in self.living() if other.envelope.priority >= entry.envelope.priority]
                if not lower:
                    return Delivery.DROPPED
                self.queue.remove(max(lower, key=lambda other: other.envelope.priority))
                self.counts["dropped"] += 1
                self.queue.append(entry)
                return Delivery.ACCEPTED
            case _:
                return Delivery.FULL

    def get(self, now: int, *, data: bool) -> int | None:
        while (entry := self._first(data)) is not None:
            self.queue.remove(entry)
            self.admit()
            if entry.dead:
                self.counts["abandoned"] += 1
            elif entry.envelope.deadline <= now:
                self.counts["expired"] += 1
            else:
                self.counts["delivered"] += 1
                return entry.n
        return None

    def _first(self, data: bool) -> Entry | None:
        served = [entry for entry in self.queue if data or entry.lane is not Lane.DATA]
        return min(served, key=lambda one: (one.lane, one.lane is Lane.DATA and one.envelope.priority), default=None)

    def admit(self) -> None:
        self.waiting = [entry for entry in self.waiting if not entry.dead]
        while self.waiting and len(self.living()) < self.spec.data:
            self.queue.append(self._most_urgent())
            self.counts["accepted"] += 1

    def _most_urgent(self) -> Entry:
        entry = min(self.waiting, key=lambda one: one.envelope.priority)
        self.waiting.remove(entry)
        return entry

    def drop_own(self) -> None:
        left = [entry for entry in self.queue if not entry.envelope.own]
        self.counts["dropped"] += len(self.queue) - len(left)
        self.queue = left

    def drain(self) -> list[int]:
        order = []
        while (entry := self._first(data=True)) is not None:
            self.queue.remove(entry)
            order.append(entry.n)
        self.counts["dropped"] += len(order)
        while self.waiting:
            order.append(self._most_urgent().n)
        return order


Put = tuple[Lane, bool, int, int, int]


puts = st.tuples(
    st.sampled_from([Lane.DATA, Lane.DATA, Lane.DATA, Lane.CONTROL, Lane.SYSTEM]),
    st.booleans(),
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(1, 9),
)


operations = st.one_of(  # so many puts that lanes are full
    *(st.tuples(st.just("put"), puts) for _ in range(8)),
    *(st.tuples(st.just("get"), st.booleans()) for _ in range(3)),
    st.tuples(st.just("leave"), st.integers(0, 6)),
    st.tuples(st.just("time"), st.integers(1, 4)),
    st.tuples(st.just("drain"), st.none()),
    st.tuples(st.just("drop own"), st.none()),
)


specs = st.builds(
    lambda full, data, control, system: spec_of(full, data=data, control=control, system=system),
    st.sampled_from(Full),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(1, 2),
)


class Both:
    """The mailbox and its model, driven together."""

    def __init__(self, spec: MailboxSpec) -> None:
        self.mailbox = Mailbox("a", spec)
        self.model = Model(spec)
        self.sent: list[Envelope] = []
        self.now = 0
        self.ready = 0
        self.mailbox.on_ready = self._count

    def _count(self) -> None:
        self.ready += 1

    def put(self, arguments: Put) -> None:
        lane, is_ask, priority, key, patience = arguments
        n = len(self.sent)
        envelope = (
            Envelope(Question(n, key), Slot(), deadline=self.now + patience, priority=priority)
            if is_ask
            else tell(n, key=key, priority=priority)
        )
        envelope.own = lane is Lane.CONTROL and key == 0
        self.sent.append(envelope)
        before = self.ready
        expected = self.model.put(Entry(envelope, n, lane, key))
        assert self.mailbox.put(envelope, lane) is expected
        assert self.ready - before == (expected is Delivery.ACCEPTED)

    def get(self, data: bool) -> None:
        expected = self.model.get(self.now, data=data)
        envelope = self.mailbox.get(self.now, data=data)
        assert (None if envelope is None else number(envelope)) == expected
        if envelope is not None:
            envelope.reply(None)

    def leave(self, n: int) -> None:
        askers = [slot for envelope in self.sent if (slot := envelope.slot) is not None and slot.open]
        if askers:
            askers[-1 - n % len(askers)].abandon()
            self.model.admit()

    def drop_own(self) -> None:
        self.model.drop_own()
        self.mailbox.drop_own()

    def drain(self) -> None:
        mine = self.model.drain()
        theirs = [number(envelope) for envelope in self.mailbox.drain()]
        dead = {n for n, envelope in enumerate(self.sent) if envelope.abandoned}
        assert [n for n in theirs if n not in dead] == [n for n in mine if n not in dead]

    def agree(self) -> None:
        counts, expected = self.mailbox.statistics(), self.model.counts
        skipped = counts.skipped_expired + counts.skipped_abandoned
        assert counts.accepted == counts.delivered + skipped + counts.dropped + counts.queued
        assert counts.queued == len(self.mailbox)
        assert counts.waiting == len(self.model.waiting)
        assert (counts.accepted, counts.delivered, counts.refused) == (
            expected["accepted"],
            expected["delivered"],
            expected["refused"],
        )
        assert counts.skipped_expired == expected["expired"]
        gone = counts.skipped_abandoned + counts.dropped + counts.queued
        assert gone == expected["abandoned"] + expected["dropped"] + len(self.model.queue)


def number(envelope: Envelope) -> int:
    assert isinstance(envelope.message, Question | Remark)
    return envelope.message.n


@settings(max_examples=400)
@given(specs, st.lists(operations, min_size=10, max_size=60))
def test_any_program_of_operations_ends_as_the_model_says(spec: MailboxSpec, program: list[tuple[str, object]]) -> None:
    both = Both(spec)
    with patch.object(module, "COMPACT_AT", 1):
        for name, argument in program:
            match name, argument:
                case "put", tuple():
                    both.put(argument)
                case "get", bool():
                    both.get(argument)
                case "leave", int():
                    both.leave(argument)
                case "time", int():
                    both.now += argument
                case "drop own", None:
                    both.drop_own()
                case _:
                    both.drain()
            both.agree()
