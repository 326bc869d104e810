"""How the demo is watched: live in a terminal, as plain lines anywhere else."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import typer

from callboard.cli.demo.result import Result
from callboard.messages.status import Status

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live

RECENT = 7
"""Lines of the timeline in the live view."""
BAR = 20
"""Columns of the progress bar."""
TENTHS = 10


class Show(Protocol):
    """Who watches."""

    def say(self, seconds: float, line: str) -> None:
        """Something happened, so many seconds after the start."""
        ...

    def update(self, seconds: float, planned: int, results: Sequence[Result], status: Status) -> None:
        """So far it has come."""
        ...


class PlainShow:
    """Lines, each written once."""

    def __init__(self) -> None:
        self._tenths = 0
        self._lost: OSError | None = None

    def say(self, seconds: float, line: str) -> None:
        """Write it. Never raises: a listener to events may not."""
        try:
            typer.echo(f"{seconds:6.1f} s  {line}")
        except OSError as error:
            self._lost = error

    def update(self, seconds: float, planned: int, results: Sequence[Result], status: Status) -> None:
        """Write how far it has come, at each tenth. Raises OSError when a line could not be written."""
        if self._lost is not None:
            raise self._lost
        tenths = min(TENTHS, len(results) * TENTHS // planned)
        if tenths > self._tenths:
            self._tenths = tenths
            self.say(seconds, progress(planned, results))


class LiveShow:
    """The tree, drawn again and again, with the latest of the timeline below it."""

    def __init__(self, live: "Live") -> None:
        self._live = live
        self._recent: deque[str] = deque(maxlen=RECENT)

    def say(self, seconds: float, line: str) -> None:
        """Keep it for the next drawing."""
        self._recent.append(f"{seconds:6.1f} s  {line}")

    def update(self, seconds: float, planned: int, results: Sequence[Result], status: Status) -> None:
        """Draw."""
        self._live.update(self._drawn(seconds, planned, results, status), refresh=True)

    def _drawn(self, seconds: float, planned: int, results: Sequence[Result], status: Status) -> "Group":
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        from callboard.cli.coloured import tree

        head = Table.grid(padding=(0, 2))
        bar = ProgressBar(total=planned, completed=min(planned, len(results)), width=BAR)
        head.add_row(bar, Text(f"{seconds:4.1f} s  {progress(planned, results)}", style="bold"))
        return Group(
            head,
            "",
            tree(status, handlers=0),
            "",
            *(Text(line, no_wrap=True, overflow="ellipsis") for line in self._recent),
        )


def progress(planned: int, results: Sequence[Result]) -> str:
    """How far it has come, in a line."""
    counts = {
        "interrupted": sum(result.outcome == "interrupted" for result in results),
        "failed": sum(result.outcome == "fault" for result in results),
        "on another provider": sum(result.fell_back for result in results),
        "from the cache": sum(result.cached for result in results),
        "shared": sum(result.shared for result in results),
    }
    told = [f"{count} {word}" for word, count in counts.items() if count]
    return ", ".join([f"{len(results)} of {planned} calls", *told])


@contextmanager
def showing(*, terminal: bool) -> Iterator[Show]:
    """The show for this output."""
    if not terminal:
        yield PlainShow()
        return
    from rich.live import Live

    with Live(auto_refresh=False) as live:
        yield LiveShow(live)
