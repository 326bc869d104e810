"""Answers as one SVG picture: a bar for each subject's median, a whisker from its smallest to its largest sample.

One sample has no whisker, and what is below zero no length.
"""

from collections.abc import Iterable
from html import escape

from callboard.bench.harness.question import Answer

WIDTH, LABEL, ROW = 860, 250, 22


def chart(answers: Iterable[Answer]) -> str:
    """The whole picture."""
    rows: list[str] = []
    y = 10
    for answer in answers:
        rows.append(_text(10, y + 14, f"{answer.name} ({answer.unit})", bold=True))
        y += ROW + 4
        longest = max((0.0, *map(max, answer.samples.values()))) or 1.0
        for name, samples in answer.samples.items():
            rows.extend(_bar(y, name, samples, answer.median(name) or 0.0, longest))
            y += ROW
        for name in (*answer.missing, *answer.failed):
            rows.append(_text(LABEL, y + 14, f"{name}: not measured{' to the end' * (name in answer.samples)}"))
            y += ROW
        y += 12
    style = "font-family:sans-serif;font-size:12px"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" style="{style}">'
    return "\n".join([head, f'<rect width="{WIDTH}" height="{y}" fill="white"/>', *rows, "</svg>\n"])


def _bar(y: int, name: str, samples: tuple[float, ...], median: float, longest: float) -> Iterable[str]:
    room = WIDTH - LABEL - 90
    ours = "#2b6cb0" if name.startswith("callboard") else "#a0aec0"
    yield _text(LABEL - 8, y + 14, name, end=True)
    yield f'<rect x="{LABEL}" y="{y + 3}" width="{room * max(0.0, median) / longest:.1f}" height="14" fill="{ours}"/>'
    low, high = (LABEL + room * max(0.0, edge) / longest for edge in (min(samples), max(samples)))
    if len(samples) > 1:
        yield f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y + 10}" y2="{y + 10}" stroke="#1a202c"/>'
    yield _text(int(max(high, LABEL) + 6), y + 14, f"{median:,.4g}")


def _text(x: int, y: int, text: str, *, bold: bool = False, end: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    anchor = ' text-anchor="end"' if end else ""
    return f'<text x="{x}" y="{y}"{weight}{anchor}>{escape(text)}</text>'
