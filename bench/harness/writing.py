"""Where the answers are written besides the terminal."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from callboard.bench.harness import telling
from callboard.bench.harness.chart import chart
from callboard.bench.harness.options import Options

Form: TypeAlias = Callable[[telling.Report], bytes]


def refused(options: Options) -> str | None:
    """Why a file that is asked for cannot be written; told before anything is measured. It is made, if it can be."""
    for path, _ in _asked(options):
        try:
            path.open("ab").close()
        except OSError as error:
            return f"{path} cannot be written: {error.strerror}"
    return None


def write(report: telling.Report, options: Options) -> None:
    """Every file that is asked for, whole. Raises OSError with the file's name."""
    for path, form in _asked(options):
        try:
            path.write_bytes(form(report))
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from None


def _asked(options: Options) -> Iterator[tuple[Path, Form]]:
    forms: tuple[tuple[Path | None, Form], ...] = (
        (options.json, telling.json),
        (options.markdown, lambda report: telling.page(report).encode()),
        (options.svg, lambda report: chart(report.answers).encode()),
    )
    return ((path, form) for path, form in forms if path is not None)
