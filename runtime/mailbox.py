"""A bounded queue of three lanes, and what happens when the data lane is full.

Lanes, served in this order: *system* (what the runtime promised to tell, such as the end of a watched actor; a small
reserve), *control* (how the actor's own work ended, timers, operators, whatever must not wait behind work) and *data*
(everything else, by priority and first come first served within one). A stop needs no mailbox.
The runtime's own signals are never refused: each was promised by a watch or a deferred ask, so these bound them.

The mailbox is synchronous and knows no task. Whoever consumes it sets `on_ready`.
"""

import enum
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Final

import msgspec

from callboard.messages.priority import PRIORITIES
from callboard.messages.signals import Down, Left
from callboard.runtime.envelope import Envelope, Message
from callboard.runtime.errors import DeadlineExceeded, MailboxFull
from callboard.runtime.slot import OPEN, SlotState

COMPACT_AT = 64


class Lane(enum.IntEnum):
    """In the order in which they are served."""

    SYSTEM = 0
    CONTROL = 1
    DATA = 2


class Full(enum.Enum):
    """What a full data lane does with one more message."""

    WAIT = "wait"
    """An ask waits for room until its deadline, the most urgent first; a tell, which never waits, is refused."""
    REJECT = "reject"
    """Refused with MailboxFull, the message handed back."""
    DROP_OLDEST = "drop oldest"
    """The longest queued of the lowest priority makes room; the new one is dropped when all others are more urgent."""
    DROP_NEWEST = "drop newest"
    """The new one is dropped and counted."""
    COALESCE = "coalesce"
    """A queued tell with the same key is replaced, full or not; a new key is refused when full."""


class Delivery(enum.Enum):
    """What became of a message that was sent. True means accepted, or waiting for room."""

    ACCEPTED = "accepted"
    WAITING = "waiting for room"
    FULL = "mailbox full"
    DROPPED = "dropped"
    DOWN = "actor down"

    def __bool__(self) -> bool:
        return self in (Delivery.ACCEPTED, Delivery.WAITING)


DATA: Final = Lane.DATA
CONTROL: Final = Lane.CONTROL
ACCEPTED: Final = Delivery.ACCEPTED
"""The members on every message's path, under names that are looked up at once; see slot.py."""


class MailboxSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds and policy of one mailbox, in messages."""

    data: int = 1024
    control: int = 65_536
    system: int = 64
    full: Full = Full.REJECT
    key: Callable[[Message], Hashable] | None = None
    """What COALESCE compares."""

    def __post_init__(self) -> None:
        if min(self.data, self.control, self.system) < 1:
            raise ValueError("a mailbox lane holds at least one message")
        if (self.full is Full.COALESCE) != (self.key is not None):
            raise ValueError("a mailbox needs `key` when its policy is COALESCE, and only then")


class MailboxStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """Counts since the actor was first started. accepted = delivered + skipped + dropped + queued, always."""

    queued: int
    waiting: int
    accepted: int
    delivered: int
    skipped_expired: int
    skipped_abandoned: int
    dropped: int
    refused: int


class Mailbox:
    """The queue of one cell; it survives restarts."""

    def __init__(self, owner: str, spec: MailboxSpec) -> None:
        self._owner = owner
        self._spec = spec
        self._system: deque[Envelope] = deque()
        self._control: deque[Envelope] = deque()
        self._data: tuple[deque[Envelope], ...] = tuple(deque() for _ in PRIORITIES)
        self._data_queued = 0
        self.queued = 0
        """In all lanes: cheaper than looking into each."""
        self._overflow: tuple[OrderedDict[int, Envelope], ...] = tuple(OrderedDict() for _ in PRIORITIES)
        self._waiting = 0
        """In the overflow: cheaper than looking into each."""
        self._keys: dict[Hashable, Envelope] = {}
        self._gone = 0
        self._accepted = self._delivered = 0
        self.passed = 0
        """Messages that were handled at once because nothing was queued: accepted and delivered."""
        self._counts: Counter[str] = Counter()
        """The rarer ends."""
        self.on_ready: Callable[[], None] | None = None
        """Called when something was queued."""

    @property
    def data_queued(self) -> int:
        """In the data lanes."""
        return self._data_queued

    def __len__(self) -> int:
        return self.queued

    def put(self, envelope: Envelope, lane: Lane = DATA) -> Delivery:
        """Queue a message, or say what became of it. Never waits."""
        delivery = self._put_data(envelope) if lane is DATA else self._put_reserved(envelope, lane)
        if delivery is ACCEPTED:
            self._accepted += 1
            if self.on_ready is not None:
                self.on_ready()
        elif delivery is not Delivery.WAITING:
            self._counts["refused"] += 1
        return delivery

    def get(self, now: int, *, data: bool = True) -> Envelope | None:
        """The next message that somebody still wants, or None. Expired and abandoned ones are skipped and counted.

        With `data` false the data lane stays as it is.
        """
        while (envelope := self._pop(data)) is not None:
            slot = envelope.slot
            if slot is not None and slot.state is not OPEN:
                self._counts["skipped_abandoned"] += 1
            elif envelope.deadline <= now:
                self._counts["skipped_expired"] += 1
                envelope.fail(DeadlineExceeded(self._owner))
            else:
                self._delivered += 1
                return envelope
        return None

    def drain(self) -> list[Envelope]:
        """Take out everything that is queued or waits for room, in the order of service."""
        everything = [*self._system, *self._control]
        for queue in self._data:
            everything.extend(queue)
            queue.clear()
        self._counts["dropped"] += len(everything)
        for waiting in self._overflow:
            everything.extend(waiting.values())
            waiting.clear()
        for envelope in everything:
            if envelope.slot is not None:
                envelope.slot.on_end(None)
        self._system.clear()
        self._control.clear()
        self._keys.clear()
        self.queued = self._data_queued = self._gone = self._waiting = 0
        return everything

    def drop_own(self) -> None:
        """Drop what the actor has told itself: it all is in the control lane."""
        others = [envelope for envelope in self._control if not envelope.own]
        dropped = len(self._control) - len(others)
        self._counts["dropped"] += dropped
        self.queued -= dropped
        self._control.clear()
        self._control.extend(others)

    def statistics(self) -> MailboxStatistics:
        """The counts now."""
        counts = self._counts
        return MailboxStatistics(
            queued=len(self),
            waiting=self._waiting,
            accepted=self._accepted + self.passed,
            delivered=self._delivered + self.passed,
            skipped_expired=counts["skipped_expired"],
            skipped_abandoned=counts["skipped_abandoned"],
            dropped=counts["dropped"],
            refused=counts["refused"],
        )

    def _put_reserved(self, envelope: Envelope, lane: Lane) -> Delivery:
        queue, bound = (self._system, self._spec.system) if lane is Lane.SYSTEM else (self._control, self._spec.control)
        if len(queue) >= bound and not isinstance(envelope.message, Down | Left):
            return Delivery.FULL
        queue.append(envelope)
        self.queued += 1
        return ACCEPTED

    def _put_data(self, envelope: Envelope) -> Delivery:
        spec = self._spec
        if spec.key is not None and envelope.slot is None and self._replace(envelope, spec.key(envelope.message)):
            return ACCEPTED
        if self._data_queued - self._gone < spec.data:
            self._enqueue(envelope)
            return ACCEPTED
        match spec.full:
            case Full.WAIT if envelope.slot is not None:
                self._wait_for_room(envelope)
                return Delivery.WAITING
            case Full.DROP_OLDEST if self._drop_oldest(envelope.priority):
                self._enqueue(envelope)
                return ACCEPTED
            case Full.DROP_OLDEST | Full.DROP_NEWEST:
                return Delivery.DROPPED
            case _:
                return Delivery.FULL

    def _enqueue(self, envelope: Envelope) -> None:
        self._data[envelope.priority].append(envelope)
        self._data_queued += 1
        self.queued += 1
        if envelope.slot is not None:
            envelope.slot.on_end(self._left)
        elif self._spec.key is not None:
            self._keys[self._spec.key(envelope.message)] = envelope

    def _wait_for_room(self, envelope: Envelope) -> None:
        assert envelope.slot is not None
        self._overflow[envelope.priority][envelope.id] = envelope
        self._waiting += 1
        envelope.slot.on_end(self._no_room_wanted, envelope)

    def _no_room_wanted(self, _: SlotState, envelope: Envelope) -> None:
        del self._overflow[envelope.priority][envelope.id]
        self._waiting -= 1

    def _replace(self, envelope: Envelope, key: Hashable) -> bool:
        queued = self._keys.get(key)
        if queued is None:
            return False
        queued.message = envelope.message
        queued.deadline = max(queued.deadline, envelope.deadline)
        self._counts["dropped"] += 1
        return True

    def _drop_oldest(self, priority: int) -> bool:
        for queue in reversed(self._data[priority:]):
            while queue:
                dropped = self._take(queue)
                if dropped.abandoned:  # whose room was free already
                    self._counts["skipped_abandoned"] += 1
                    continue
                self._counts["dropped"] += 1
                dropped.fail(MailboxFull(self._owner, dropped.message))
                return True
        return False

    def _pop(self, data: bool) -> Envelope | None:
        if self._system or self._control:
            self.queued -= 1
            return (self._system or self._control).popleft()
        if data and self._data_queued:
            envelope = self._take(next(filter(None, self._data)))
            if self._waiting:
                self._admit_waiting()
            return envelope
        return None

    def _take(self, queue: deque[Envelope]) -> Envelope:
        envelope = queue.popleft()
        self._data_queued -= 1
        self.queued -= 1
        if envelope.slot is None:
            self._forget_key(envelope)
        elif envelope.abandoned:
            self._gone -= 1
        else:
            envelope.slot.on_end(None)
        return envelope

    def _admit_waiting(self) -> None:
        """The most urgent first, first come first served within one priority."""
        while self._waiting and self._data_queued - self._gone < self._spec.data:
            _, envelope = next(filter(None, self._overflow)).popitem(last=False)
            self._waiting -= 1
            self._accepted += 1
            self._enqueue(envelope)

    def _forget_key(self, envelope: Envelope) -> None:
        if self._spec.key is not None:
            self._keys.pop(self._spec.key(envelope.message), None)

    def _left(self, _: SlotState, about: None) -> None:
        """An asker left while queued: its room is free at once, and the dead entries never outgrow the living."""
        self._gone += 1
        if self._gone > COMPACT_AT and self._gone * 2 > self._data_queued:
            self._compact()
        self._admit_waiting()

    def _compact(self) -> None:
        for queue in self._data:
            living = [envelope for envelope in queue if not envelope.abandoned]
            self._counts["skipped_abandoned"] += len(queue) - len(living)
            queue.clear()
            queue.extend(living)
        self._data_queued = sum(len(queue) for queue in self._data)
        self.queued = len(self._system) + len(self._control) + self._data_queued
        self._gone = 0
