"""The tree as it is now, readable from any thread without asking anybody.

Everything is read from plain attributes, so a stuck actor cannot keep its status from being told. Whether the event
loop turns is found out by handing it a callback; when that does not come back, the stack of the loop's thread names
the handler that blocks.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

import trio

from callboard.messages.status import Blocked, MailboxStatus, NodeStatus, Status
from callboard.runtime.cell import Cell
from callboard.runtime.clock import seconds
from callboard.runtime.envelope import Envelope
from callboard.runtime.handlers import Handlers
from callboard.runtime.instance import Instance
from callboard.runtime.supervision.node import ActorNode
from callboard.runtime.supervision.supervisor import Supervisor
from callboard.runtime.system import System

PATIENCE = 0.2
"""Seconds that a turning event loop may take to answer."""
SHOWN = 16
"""Handlers listed by name below one actor."""

_HANDLER_FRAMES = {Instance._deliver.__code__, Handlers._own.__code__, Handlers._borrowed.__code__}


class StatusReader:
    """Takes the status of one system. Make it inside the Trio run; call it anywhere."""

    def __init__(self, system: System, version: str) -> None:
        self._system = system
        self._version = version
        self._token = trio.lowlevel.current_trio_token()
        self._thread = threading.get_ident()
        self._offset = time.monotonic_ns() - system.clock.now()
        self._started = time.monotonic_ns()

    def __call__(self) -> Status:
        """The status now. Waits at most `PATIENCE` seconds, and only when the event loop is stuck."""
        root = self._system.root
        return Status(
            taken=time.time_ns(),
            pid=os.getpid(),
            version=self._version,
            uptime=seconds(time.monotonic_ns() - self._started),
            tree=_supervisor(root, self._now()),
            dead_letters=self._system.dead_letters.counts(),
            clock_behind=seconds(self._system.clock.behind),
            blocked=None if self._turning() else self._blocked(),
        )

    def _now(self) -> int:
        if threading.get_ident() == self._thread:
            return self._system.clock.now()
        return time.monotonic_ns() - self._offset

    def _turning(self) -> bool:
        if threading.get_ident() == self._thread:
            return True
        answered = threading.Event()
        try:
            self._token.run_sync_soon(answered.set)
        except trio.RunFinishedError:
            return True
        return answered.wait(PATIENCE)

    def _blocked(self) -> Blocked:
        found = _handler_in(sys._current_frames().get(self._thread))
        if found is None:
            since = self._system.world.turns.began
            return Blocked(path="", message="outside any handler", seconds=max(0.0, seconds(self._now() - since)))
        cell, envelope = found
        return Blocked(
            path=cell.path,
            message=type(envelope.message).__name__,
            seconds=max(0.0, seconds(self._now() - envelope.started)),
        )


def _handler_in(frame: FrameType | None) -> tuple[Cell, Envelope] | None:
    while frame is not None:
        if frame.f_code in _HANDLER_FRAMES:
            return frame.f_locals["self"]._cell, frame.f_locals["envelope"]
        frame = frame.f_back
    return None


def _supervisor(node: Supervisor, now: int) -> NodeStatus:
    return NodeStatus(
        path=node.path,
        kind="supervisor",
        status=node.status.value,
        incarnation=node.incarnation,
        last_error=node.last_error,
        children=tuple(
            _actor(child, now) if isinstance(child, ActorNode) else _supervisor(child, now)
            for child in node.children.values()
        ),
    )


def _actor(node: ActorNode, now: int) -> NodeStatus:
    cell = node.cell
    facts: Callable[[], dict[str, object]] | None = getattr(cell.snapshot, "facts", None)
    running = list(cell.running.values())
    return NodeStatus(
        path=node.path,
        kind="actor",
        status=cell.status.value,
        incarnation=cell.incarnation,
        running=len(running),
        deferred=len(cell.deferred),
        mailbox=_mailbox(cell),
        failed=cell.handler_failures,
        late=cell.late_replies,
        last_error=cell.last_error,
        facts=None if facts is None else facts(),
        children=tuple(_handler(cell, envelope, now) for envelope in running[:SHOWN]),
    )


def _handler(cell: Cell, envelope: Envelope, now: int) -> NodeStatus:
    elapsed = max(0.0, seconds(now - envelope.started))
    return NodeStatus(
        path=f"{cell.path}#{envelope.id}",
        kind="attempt",
        status=f"{type(envelope.message).__name__} for {elapsed:.1f} s",
    )


def _mailbox(cell: Cell) -> MailboxStatus:
    counts = cell.mailbox.statistics()
    return MailboxStatus(
        queued=counts.queued,
        waiting=counts.waiting,
        accepted=counts.accepted,
        delivered=counts.delivered,
        skipped=counts.skipped_expired + counts.skipped_abandoned,
        dropped=counts.dropped,
        refused=counts.refused,
    )
