"""A handler that keeps the event loop from turning until somebody in another thread has looked."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

ENOUGH = 30.0
"""Seconds after which whoever should have come is not waited for any longer."""


class Block:
    """Call it in the loop's thread, as a handler or in one; look from another."""

    def __init__(self) -> None:
        self._begun, self._over = threading.Event(), threading.Event()

    def __call__(self, *_: object) -> None:
        """Block. Raises TimeoutError when nobody has looked after `ENOUGH` seconds."""
        self._begun.set()
        if not self._over.wait(ENOUGH):
            raise TimeoutError(f"nobody has looked at what blocks for {ENOUGH:g} s")

    @contextmanager
    def looked_at(self) -> Iterator[None]:
        """It blocks from before this block until after it. Raises TimeoutError when it does not begin."""
        if not self._begun.wait(ENOUGH):
            raise TimeoutError(f"what is to block has not begun for {ENOUGH:g} s")
        try:
            yield
        finally:
            self._over.set()
