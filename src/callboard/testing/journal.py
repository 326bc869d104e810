"""The log of one provider's requests."""

import msgspec

from callboard.testing.asked import Asked
from callboard.testing.examine import HttpRequest
from callboard.testing.exchange import Exchange
from callboard.testing.plan import Plan
from callboard.testing.served import Outcome, Served


class Journal:
    """Keeps everything: a provider lives as long as a test."""

    def __init__(self) -> None:
        self._entries: list[Served] = []
        self.in_flight = 0
        self.most_in_flight = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def entries(self) -> tuple[Served, ...]:
        """Every request, in the order of arrival."""
        return tuple(self._entries)

    def open(self, request: HttpRequest, asked: Asked, plan: Plan, now: int) -> int:
        """Note a request that has arrived, at `now` in monotonic nanoseconds. Returns its number."""
        number = len(self._entries) + 1
        self._entries.append(
            Served(
                number=number,
                attempt=request.headers.get("x-client-request-id"),
                method=request.method,
                path=request.path,
                model=asked.model,
                stream=asked.stream,
                started=now,
                fault=plan.fault,
            )
        )
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        return number

    def settle(self, number: int, exchange: Exchange, plan: Plan, now: int) -> None:
        """Note how a request ended, or was given up."""
        outcome = exchange.final()
        self._entries[number - 1] = msgspec.structs.replace(
            self._entries[number - 1],
            ended=now,
            outcome=outcome,
            status=exchange.status,
            usage=exchange.usage,
            finish=plan.said.finish if plan.said and outcome is Outcome.COMPLETE else None,
        )
        self.in_flight -= 1
