"""What counts in the windows of a limiter that begins. Pure.

A later incarnation does not know what its former one let through: it takes the windows of a minute as used up, evenly,
so that they free at their rate. Of the day the ledger knows more: what was used since midnight UTC, evenly.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from callboard.actors.limiter.gate import Gate
from callboard.actors.limiter.limits import DAY
from callboard.actors.limiter.window import Window
from callboard.messages.accounting import UsageRow


def seed(gates: dict[str | None, Gate], rows: Iterable[UsageRow] | None, now: int, utc: int, *, full: bool) -> None:
    """Fill the windows of an account (None) and its models. `rows` are the account's in the ledger; None: nobody knows.

    `full`: nothing was let through shortly before. `now` is monotonic and `utc` UTC nanoseconds.
    """
    today = datetime.fromtimestamp(utc // 1_000_000_000, UTC).date().isoformat()
    known = None if rows is None else [row for row in rows if row.day == today]
    for model, gate in gates.items():
        for window in gate.windows.values():
            if window.period == DAY and known is not None:
                window.fill(_used(known, model, window), now - utc % DAY, now)
            elif not full:
                window.fill(window.limit, now - window.period, now)


def _used(rows: list[UsageRow], model: str | None, window: Window) -> int:
    its = [row for row in rows if model in (None, row.model)]
    return sum(row.usage.total if window.tokens else row.attempts for row in its)
