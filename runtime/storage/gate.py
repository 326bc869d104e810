"""Who may touch an environment now.

LMDB trusts its caller: growing the map under an open read transaction kills that transaction, a second commit
in the same process blocks its thread, and use after a fork damages the file. The gate turns each of these
into an error.

    readers    as many as like, each for one short call, beside a commit too
    commit     one at a time
    alone      growth, closing, opening anew: no reader, no commit; readers that come meanwhile wait a moment
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from callboard.runtime.storage.errors import StorageBusy, StoreClosed, WrongProcess


class Gate:
    """Counts readers and the commit, from any thread. Raises StorageBusy, StoreClosed and WrongProcess."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.closed = False
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._readers = 0
        self._committing = False

    @property
    def forked(self) -> bool:
        """Whether this is another process than the one that made the gate."""
        return os.getpid() != self._pid

    def reading(self) -> "_Reading":
        """Inside, nobody grows, replaces or closes the environment."""
        return _Reading(self)

    @contextmanager
    def committing(self) -> Iterator[None]:
        """Inside, nobody else commits, grows, replaces or closes."""
        with self._entry():
            if self._committing:
                raise StorageBusy(self.path, "a commit was started", "another one runs")
            self._committing = True
        try:
            yield
        finally:
            with self._lock:
                self._committing = False

    @contextmanager
    def alone(self, wanted: str) -> Iterator[None]:
        """Inside, nobody else does anything. `wanted` says what for, in the error. Keep it short."""
        with self._entry():
            if self._committing:
                raise StorageBusy(self.path, wanted, "a commit runs")
            if self._readers:
                raise StorageBusy(self.path, wanted, f"{self._readers} read transactions are open")
            yield

    @contextmanager
    def _entry(self) -> Iterator[None]:
        self._check_process()
        with self._lock:
            self._check_open()
            yield

    def _check_process(self) -> None:
        """Before the lock is touched: after a fork it may be held by a thread that is not there any more."""
        if self.forked:
            raise WrongProcess(self.path, self._pid)

    def _check_open(self) -> None:
        if self.closed:
            raise StoreClosed(self.path)


class _Reading:
    """A reader's stay. No generator: that would cost as much as the reading."""

    __slots__ = ("_gate",)

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def __enter__(self) -> None:
        gate = self._gate
        gate._check_process()
        with gate._lock:
            gate._check_open()
            gate._readers += 1

    def __exit__(self, *_: object) -> None:
        with self._gate._lock:
            self._gate._readers -= 1
