"""Rows in aligned columns. Pure."""

from collections.abc import Sequence


def columns(heads: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1) -> list[str]:
    """One line a row below the heads; the first `words` columns flush left, the others, numbers, flush right."""
    table = [heads, *rows]
    widths = [max(len(row[place]) for row in table) for place in range(len(heads))]
    return ["  ".join(_cells(row, widths, words)).rstrip() for row in table]


def _cells(row: Sequence[str], widths: Sequence[int], words: int) -> list[str]:
    return [
        cell.ljust(width) if place < words else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
