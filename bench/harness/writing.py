"""Where the answers are written besides the terminal."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from callboard.bench.harness import telling
from callboard.bench.harness.chart import chart
from callboard.bench.harness.options import Options

Form: TypeAlias = Callable[[telling.Report], bytes]


def refused(options: Options) -> str | None:
    """Why a file that is asked for cannot be written; told before anything is measured. It is made, if it can be."""
    paths = [path for path, _ in _asked(options)]
    if len({path.resolve() for path in paths}) < len(paths):
        return "--json, --markdown and --svg need a file each: what is written last would be all that is left"
    for path in paths:
        try:
            if _is_named_pipe(path):
                return f"{path} is a named pipe, and every question writes a report: name a file, or pipe /dev/stdout"
            _probe(_place(path))
        except OSError as error:
            return f"{path} cannot be written: {error.strerror}"
    return None


def write(report: telling.Report, options: Options) -> OSError | None:
    """Every file that is asked for, whole: whoever ends this finds the one before. Gives the error, with its name, of
    the first that could not be written; the others are.
    """
    tried = [_written(path, form(report)) for path, form in _asked(options)]
    return next((error for error in tried if error), None)


def _written(path: Path, content: bytes) -> OSError | None:
    try:
        _put(_place(path), content)
    except OSError as error:
        return OSError(error.errno, error.strerror, str(path))
    return None


def _place(path: Path) -> Path:
    """The file at the end of the links, which stay; what is no file, as a pipe, may have no other name than this."""
    return path.resolve() if path.is_file() or not path.exists() else path


def _is_named_pipe(path: Path) -> bool:
    """One that waits for a reader, and whose reader ends with the first report; other pipes are held open for us."""
    return path.is_fifo() and path.resolve().exists()


def _probe(path: Path) -> None:
    path.open("ab").close()
    if path.is_file():
        _put(path, path.read_bytes())


def _put(path: Path, content: bytes) -> None:
    if not path.is_file():  # a device or a pipe has to stay what it is
        path.write_bytes(content)
        return
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_bytes(content)
        shutil.copymode(path, aside)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _asked(options: Options) -> Iterator[tuple[Path, Form]]:
    forms: tuple[tuple[Path | None, Form], ...] = (
        (options.json, telling.json),
        (options.markdown, lambda report: telling.page(report).encode()),
        (options.svg, lambda report: chart(report.answers).encode()),
    )
    return ((path, form) for path, form in forms if path is not None)
