"""When an account looks at the time limits of its attempts.

A limit moves at every step of an attempt and at every piece of a stream, and is hardly ever met; but to move the
deadline of a scope is dear. So a limit that ends after the next round is only noted, and each round sets the deadlines
of those that end before the one after it. Every limit holds to the moment.
"""

import math
from collections.abc import Callable

import trio

EVERY = 10.0
"""Seconds from one round to the next."""


class Rounds:
    """`next` is when the next round is due, on Trio's clock: never, while nobody makes any; then all is set at once."""

    def __init__(self) -> None:
        self.next = math.inf

    async def make(self, look: Callable[[], None]) -> None:
        """Look at all limits, now and then, until cancelled."""
        while True:
            self.next = trio.current_time() + EVERY
            look()
            await trio.sleep_until(self.next)
