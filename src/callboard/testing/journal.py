"""The log of one provider's requests."""

from typing import Protocol

import msgspec

from callboard.messages.usage import Usage
from callboard.testing.asked import Asked
from callboard.testing.examine import HttpRequest
from callboard.testing.plan import Plan
from callboard.testing.served import Outcome, Served


class Ending(Protocol):
    """A request in hand, as far as the log is concerned."""

    @property
    def status(self) -> int | None:
        """HTTP status of the reply that was begun."""
        ...

    @property
    def usage(self) -> Usage:
        """What is billed so far."""
        ...

    def final(self) -> Outcome:
        """The outcome, if nothing more is going to happen."""
        ...


class Journal:
    """Keeps everything until it is told to forget."""

    def __init__(self) -> None:
        self._entries: dict[int, Served] = {}
        self._arrived = 0
        self.in_flight = 0
        self.most_in_flight = 0

    def __len__(self) -> int:
        return self._arrived

    @property
    def entries(self) -> tuple[Served, ...]:
        """Every request, in the order of arrival."""
        return tuple(self._entries.values())

    def forget(self) -> None:
        """Drop the requests that have ended."""
        self._entries = {number: one for number, one in self._entries.items() if one.outcome is Outcome.OPEN}

    def open(self, request: HttpRequest, asked: Asked, plan: Plan, now: int) -> int:
        """Note a request that has arrived, at `now` in monotonic nanoseconds. Returns its number."""
        self._arrived = number = self._arrived + 1
        self._entries[number] = Served(
            number=number,
            attempt=request.headers.get("x-client-request-id"),
            method=request.method,
            path=request.path,
            model=asked.model,
            stream=asked.stream,
            started=now,
            fault=plan.fault,
        )
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        return number

    def settle(self, number: int, exchange: Ending, plan: Plan, now: int) -> Served:
        """Note how a request ended, or was given up."""
        outcome = exchange.final()
        self._entries[number] = served = msgspec.structs.replace(
            self._entries[number],
            ended=now,
            outcome=outcome,
            status=exchange.status,
            usage=exchange.usage,
            finish=plan.said.finish if plan.said and outcome is Outcome.COMPLETE else None,
        )
        self.in_flight -= 1
        return served
