"""What counts in the windows of a limiter that begins. Pure.

A later incarnation does not know what its former one let through: it takes the windows of a minute as used up, evenly,
so that they free at their rate. Of the day the ledger knows more: what was used since midnight, evenly.
"""

from collections.abc import Iterable

from callboard.actors.limiter.gate import Gate
from callboard.actors.limiter.limits import DAY
from callboard.actors.limiter.window import Window
from callboard.messages.accounting import UsageRow
from callboard.runtime.calendar import Calendar


def seed(
    gates: dict[str | None, Gate],
    rows: Iterable[UsageRow] | None,
    now: int,
    utc: int,
    calendar: Calendar,
    *,
    full: bool,
) -> None:
    """Fill the windows of an account (None) and its models. `rows` are the account's in the ledger, by the days of this
    calendar; None: nobody knows.

    `full`: nothing was let through shortly before. `now` is monotonic and `utc` UTC nanoseconds.
    """
    today = calendar.day(utc)
    known = None if rows is None else [row for row in rows if row.day == today.name]
    for model, gate in gates.items():
        for window in gate.windows.values():
            if window.period == DAY and known is not None:
                window.fill(_used(known, model, window), now - (utc - today.starts), now)
            elif not full:
                window.fill(window.limit, now - window.period, now)


def _used(rows: list[UsageRow], model: str | None, window: Window) -> int:
    its = [row for row in rows if model in (None, row.model)]
    return sum(row.usage.total if window.tokens else row.attempts - row.unsent for row in its)
