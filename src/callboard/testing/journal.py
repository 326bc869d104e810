"""The log of one provider's requests."""

import msgspec

from callboard.testing.asked import Asked
from callboard.testing.examine import HttpRequest
from callboard.testing.exchange import Exchange
from callboard.testing.plan import Plan
from callboard.testing.served import Outcome, Served


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

    def settle(self, number: int, exchange: Exchange, plan: Plan, now: int) -> None:
        """Note how a request ended, or was given up."""
        outcome = exchange.final()
        self._entries[number] = msgspec.structs.replace(
            self._entries[number],
            ended=now,
            outcome=outcome,
            status=exchange.status,
            usage=exchange.usage,
            finish=plan.said.finish if plan.said and outcome is Outcome.COMPLETE else None,
        )
        self.in_flight -= 1
