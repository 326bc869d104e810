"""What the ledger publishes."""

from collections.abc import Callable

from callboard.actors.ledger.book import Book
from callboard.messages.accounting import CircuitHistory, LatencyRow, Taken, UsageReport, UsageRow


class LedgerView:
    """Its sums, read without asking. `skipped`: records that could not be read when it began."""

    def __init__(self, book: Book, skipped: int, facts: Callable[[], dict[str, object]]) -> None:
        self._book = book
        self._skipped = skipped
        self._facts = facts

    def report(self) -> UsageReport:
        """All sums now."""
        return self._book.report(self._skipped)

    def counted(self, provider: str) -> list[UsageRow]:
        """What one provider's limits have to count, by day: what is underway as well, at its estimate."""
        return self._book.counted(provider)

    def taken(self, attempt: str) -> Taken | None:
        """What an attempt that is underway, or was just cancelled, is taken to use; None when nothing was sent."""
        return self._book.taken(attempt)

    def latency(self, provider: str, model: str) -> LatencyRow | None:
        """How long this model's attempts take; None without any."""
        return self._book.latency(provider, model)

    def circuits(self, provider: str) -> list[CircuitHistory]:
        """What is remembered of one provider's circuits."""
        return self._book.circuits(provider)

    def is_open(self, attempt: str) -> bool:
        """Whether this attempt has begun and not ended."""
        return attempt in self._book.open

    def facts(self) -> dict[str, object]:
        """For the status."""
        return self._facts()
