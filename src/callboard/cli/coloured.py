"""A status for a terminal."""

from rich.table import Table
from rich.text import Text

from callboard.messages.drawing import HANDLERS, Row, Tone, remarks, tree_rows
from callboard.messages.status import Status

STYLES: dict[Tone, str] = {"good": "green", "busy": "yellow", "bad": "bold red", "quiet": "dim"}


def tree(status: Status, *, handlers: int = HANDLERS) -> Table:
    """The drawing of `messages/drawing.py` in colours. A line too long for the terminal is cut."""
    table = Table.grid(padding=(0, 2))
    for _ in range(3):
        table.add_column(no_wrap=True, overflow="ellipsis", min_width=7)
    for row in tree_rows(status, handlers=handlers):
        table.add_row(*_cells(row))
    for remark in remarks(status):
        table.add_row(Text(remark, style=STYLES["bad"]))
    return table


def _cells(row: Row) -> tuple[Text, Text, Text]:
    name = Text.assemble((row.branch, "dim"), (row.name, "dim" if row.tone == "quiet" else "bold"))
    notes = Text(", ".join(row.notes), style="" if row.tone in ("good", "quiet") else STYLES[row.tone])
    return name, Text(row.state, style=STYLES[row.tone]), notes
