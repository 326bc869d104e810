"""Rows in aligned columns. Pure."""

from collections.abc import Sequence

INDENT = "  "
LONGEST = 80
"""Characters of a cell: one name of a page must not widen every row."""


def columns(
    heads: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1, width: int | None = None
) -> list[str]:
    """One line a row below the heads; the first `words` columns flush left, the others, numbers, flush right.

    Where the longest line would be longer than `width`, in characters, each row takes two, its numbers below its words:
    names are shown in full, up to LONGEST. None is an output without an end, as a file is. What is not printable, such
    as a line's end, is shown as Python writes it: a name must neither forge a row nor command a terminal.
    """
    table = [[_shown(cell) for cell in row] for row in (heads, *rows)]
    lines = _aligned(table, words)
    if width is None or words == len(heads) or max(map(len, lines)) <= width:
        return lines
    names = [INDENT.join(row[:words]) for row in table]
    numbers = _aligned([row[words:] for row in table], 0)
    return [line for name, told in zip(names, numbers, strict=True) for line in (name, INDENT + told)]


def _shown(cell: str) -> str:
    cell = cell if len(cell) <= LONGEST else f"{cell[: LONGEST - 1]}…"
    if cell.isprintable():
        return cell
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in cell)


def _aligned(table: Sequence[Sequence[str]], words: int) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(_cells(row, widths, words)).rstrip() for row in table]


def _cells(row: Sequence[str], widths: Sequence[int], words: int) -> list[str]:
    return [
        cell.ljust(width) if place < words else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
