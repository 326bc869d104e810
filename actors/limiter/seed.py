"""What counts in the windows of a limiter that begins. Pure.

A later incarnation does not know what its former one let through: it takes the windows of a minute as used up, evenly,
so that they free at their rate. Of the day the ledger knows more: what was used yesterday and what since midnight, each
evenly. Without yesterday's a start just past midnight would let a whole day's limit through once more.
"""

from collections.abc import Iterable

from callboard.actors.limiter.gate import Gate
from callboard.actors.limiter.limits import DAY
from callboard.actors.limiter.window import Window
from callboard.messages.accounting import UsageRow
from callboard.runtime.calendar import Calendar
from callboard.runtime.calendar import Window as Day


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
    days = (calendar.day(today.starts - 1), today)
    names = {day.name for day in days}
    known = None if rows is None else [row for row in rows if row.day in names]
    for model, gate in gates.items():
        for window in gate.windows.values():
            if window.period == DAY and known is not None:
                for day in days:
                    used = _used(known, day, model, window)
                    window.fill(used, now + day.starts - utc, now + min(day.ends - utc, 0))
            elif not full:
                window.fill(window.limit, now - window.period, now)


def _used(rows: list[UsageRow], day: Day, model: str | None, window: Window) -> int:
    its = [row for row in rows if row.day == day.name and model in (None, row.model)]
    return sum(row.usage.total if window.tokens else row.attempts - row.unsent for row in its)
