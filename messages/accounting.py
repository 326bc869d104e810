"""What the ledger is told, what it keeps, and what it tells."""

from typing import Literal, TypeAlias

import msgspec

from callboard.messages.base import Ask, Tell
from callboard.messages.budgeting import BudgetRow
from callboard.messages.faults import FaultKind
from callboard.messages.usage import Cost, Usage


class Spent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A sum of attempts."""

    attempts: int = 0
    faults: int = 0
    usage: Usage = Usage()
    cost: Cost = Cost(0)
    """US dollars, of the attempts with a known price."""
    unpriced: int = 0
    """Attempts whose price is unknown."""
    estimated: int = 0
    """Attempts whose usage is an estimate."""
    unsent: int = 0
    """Attempts that the provider cannot have seen: no connection came about, say."""

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(
            attempts=self.attempts + other.attempts,
            faults=self.faults + other.faults,
            usage=self.usage + other.usage,
            cost=self.cost + other.cost,
            unpriced=self.unpriced + other.unpriced,
            estimated=self.estimated + other.estimated,
            unsent=self.unsent + other.unsent,
        )


class AttemptOpened(msgspec.Struct, frozen=True, kw_only=True, tag="attempt_open", gc=False):
    """Handed to the writer before the first byte goes out. Without its `attempt_settled` it was lost in a crash."""

    id: str
    call: str
    provider: str
    model: str
    at: int
    """UTC nanoseconds, here and below."""
    estimate: Usage
    """What it will use at the most, as far as that can be told."""
    estimated_cost: Cost | None
    tag: str | None = None
    user: str | None = None
    counts_at: int | None = None
    """The moment in whose budgets' windows it counts, when that is not `at`."""


class AttemptSettled(msgspec.Struct, frozen=True, kw_only=True, tag="attempt_settled", gc=False):
    """How an attempt ended."""

    id: str
    call: str
    provider: str
    model: str
    at: int
    outcome: Literal["ok", "fault", "cancelled", "lost"]
    """lost: the process died under it; settled as an estimate when the ledger was next opened."""
    fault: FaultKind | None
    usage: Usage
    cost: Cost | None
    estimated: bool
    duration: int
    """Nanoseconds."""
    first_token: int | None = None
    """Nanoseconds."""
    tag: str | None = None
    user: str | None = None
    sent: bool = True
    """Whether the provider may have seen it."""


class CallEnded(msgspec.Struct, frozen=True, kw_only=True, tag="call", gc=False):
    """A call's one outcome."""

    id: str
    at: int
    outcome: Literal["ok", "fault", "interrupted", "cancelled"]
    fault: FaultKind | None
    provider: str | None
    model: str | None
    asked: str
    """The model or alias that the caller named."""
    stream: bool
    cached: bool
    shared: bool
    attempts: int
    usage: Usage
    cost: Cost | None
    estimated: bool
    duration: int
    """Nanoseconds."""
    tag: str | None = None
    user: str | None = None


class CircuitRecord(msgspec.Struct, frozen=True, kw_only=True, tag="circuit"):
    """One change of a circuit, so that an open one stays open over a restart of the process."""

    provider: str
    key: str
    at: int
    before: str
    after: str
    retry_at: int
    """UTC nanoseconds."""
    openings: int
    floor: int = 0
    """UTC nanoseconds: the provider asked to be left alone until then."""
    server: str = ""
    """The account's `base_url`; empty where it was not recorded."""


class BudgetMark(msgspec.Struct, frozen=True, kw_only=True, tag="budget"):
    """What one budget's window has told and forgiven; the latest one holds.

    It is kept under the budget's name and what it counts: another that counts the same has told and forgiven other
    things, and one that comes to count something else starts without it, and so never forgives what it did not count.
    """

    counts: str
    """Name, selectors and values."""
    starts: int
    """UTC nanoseconds, of the window."""
    at: int
    user: str | None = None
    """The one user whose window it is."""
    told: tuple[Cost, ...] = ()
    """US dollars at which it has raised an alert."""
    forgiven: Spent = Spent()
    """What had been spent when it was last reset."""


LedgerEntry: TypeAlias = AttemptOpened | AttemptSettled | CallEnded | CircuitRecord | BudgetMark


class Taken(msgspec.Struct, frozen=True):
    """What an attempt that was cut is taken to have used, and its cost in US dollars (None: unknown price)."""

    usage: Usage
    cost: Cost | None


class Write(Tell, frozen=True):
    """Keep these; durable within the ledger's linger."""

    entries: tuple[LedgerEntry, ...]


class WriteDurably(Ask[None], frozen=True):
    """Keep these, and answer when they are on disk."""

    entries: tuple[LedgerEntry, ...]


class Flush(Ask[None], frozen=True):
    """Answer when everything handed over before is on disk."""


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """How much was deleted."""

    entries: int
    """Of the journal."""
    rows: int
    """Sums by day that named the user; what they count stays, without the name."""
    replies: int = 0
    """Kept by the cache."""
    logged: int = 0
    """Requests with their replies in the log."""


class Erase(Ask[Erased], frozen=True, kw_only=True):
    """Delete the entries on disk that have everything that is named; with a user alone, his name in the sums too."""

    user: str | None = None
    call: str | None = None
    """The id of a call, with its attempts."""
    before: int | None = None
    """UTC nanoseconds."""


class UsageRow(Spent, frozen=True, kw_only=True):
    """Totals of one provider's model on one day, as the attempts were settled."""

    day: str
    """ISO date in the configured time zone: the day on which the attempts began."""
    provider: str
    model: str


class SpendRow(Spent, frozen=True, kw_only=True):
    """Totals of one day's attempts by everything that they are counted by."""

    day: str
    """ISO date, as in UsageRow."""
    starts: int
    ends: int
    """The day in UTC nanoseconds; what was counted under another time zone may make it longer."""
    provider: str
    model: str
    tag: str
    user: str
    erased: bool = False
    """Whether these were users' who have been deleted since: then `user` is empty, and no user's budget counts it."""
    summed: bool = False
    """Whether these were all of the day that had a tag or a user, and too many to keep apart: then both are empty."""

    @property
    def unknown(self) -> tuple[str, ...]:
        """Of tag and user those of which nobody can tell any more who spent it."""
        if self.summed:
            return ("tag", "user")
        return ("user",) if self.erased else ()


class CallRow(msgspec.Struct, frozen=True, kw_only=True):
    """Totals of the calls of one day by the caller's tag and user."""

    day: str
    tag: str
    user: str
    calls: int = 0
    ok: int = 0
    interrupted: int = 0
    cancelled: int = 0
    faults: int = 0
    cached: int = 0
    shared: int = 0
    cost: Cost = Cost(0)
    """US dollars of their attempts with a known price; attempts count on the day on which they began."""
    unpriced: int = 0
    """Attempts whose price is unknown; not in the cost."""
    summed: bool = False
    """As in SpendRow."""


class LatencyRow(msgspec.Struct, frozen=True, kw_only=True):
    """How long one model's attempts took. Bucket i counts those under 2**(i/4) milliseconds."""

    provider: str
    model: str
    buckets: tuple[int, ...]
    """Those that succeeded."""
    cut: tuple[int, ...] = ()
    """Those that were cancelled: they would have taken at least that long."""

    @property
    def count(self) -> int:
        """Attempts that succeeded."""
        return sum(self.buckets)

    def quantile(self, share: float) -> float | None:
        """Seconds under which this share of the attempts ends, to within a fifth; None where too few were seen to end.

        What was cut counts as at least its time: Kaplan and Meier, "Nonparametric Estimation from Incomplete
        Observations" (1958).
        """
        if not any(self.cut):
            return self._quantile_of_all(share)
        left, lasting = self.count + sum(self.cut), 1.0
        for index, (count, cut) in enumerate(zip(self.buckets, self.cut, strict=True)):
            if count:
                lasting *= 1 - count / left
                if lasting <= 1 - share + 1e-12:
                    return _bound(index)
            left -= count + cut
        return None

    def _quantile_of_all(self, share: float) -> float | None:
        wanted, seen = share * self.count, 0
        for index, count in enumerate(self.buckets):
            seen += count
            if count and seen >= wanted:
                return _bound(index)
        return None


def _bound(index: int) -> float:
    """Of a bucket, in seconds."""
    return float(2 ** (index / 4)) / 1000


class UsageReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the ledger adds up."""

    models: tuple[UsageRow, ...]
    calls: tuple[CallRow, ...]
    latency: tuple[LatencyRow, ...]
    spend: tuple[SpendRow, ...] = ()
    """What `models` adds up, by tag and user as well."""
    budgets: tuple[BudgetRow, ...] = ()
    """The current windows."""
    skipped_records: int = 0
    """Records that could not be read and were skipped."""

    @property
    def cost(self) -> Cost:
        """US dollars of all attempts with a known price."""
        return sum((row.cost for row in self.models), Cost(0))

    @property
    def usage(self) -> Usage:
        """Tokens of all attempts."""
        return sum((row.usage for row in self.models), Usage())


class CircuitHistory(msgspec.Struct, frozen=True, kw_only=True):
    """The last known state of one circuit."""

    key: str
    state: str
    retry_at: int
    """UTC nanoseconds."""
    openings: int
    floor: int = 0
    """UTC nanoseconds: the provider asked to be left alone until then."""
    at: int = 0
    """UTC nanoseconds: when it came to this state."""
    server: str = ""
    """As a CircuitRecord's."""


class Spending(msgspec.Struct, frozen=True, kw_only=True):
    """All that was spent, and all that may be: what budgets start from."""

    rows: tuple[SpendRow, ...]
    open: tuple[AttemptOpened, ...]
    marks: tuple[BudgetMark, ...]


class TellSpending(Ask[Spending], frozen=True):
    """What has been spent, entries handed over before included."""
