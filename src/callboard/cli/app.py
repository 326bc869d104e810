"""All commands, and the way in."""

import logging
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import Annotated

import typer

from callboard.cli.ask import ask
from callboard.cli.bench import bench
from callboard.cli.budget import budget
from callboard.cli.cache import cache
from callboard.cli.demo.command import demo
from callboard.cli.ending import Ending, code_of, endings_of
from callboard.cli.init import init
from callboard.cli.log import log
from callboard.cli.provider import provider
from callboard.cli.simulate import simulate
from callboard.cli.status import status
from callboard.cli.usage import usage
from callboard.process import abandon_output, never_fail_to_encode
from callboard.version import __version__

app = typer.Typer(
    name="callboard",
    help="Call many language models through supervised actors.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (demo, ask, status, provider, budget, usage, log, init, simulate, bench):
    app.command()(command)
app.add_typer(cache)


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"callboard {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Say the version and exit.")
    ] = False,
) -> None:
    """Options of no command."""


def run(arguments: Sequence[str] | None) -> None:
    """Run the command line and end with SystemExit, whatever becomes of it."""
    never_fail_to_encode()
    with _somewhere_to_write(), _sparing_of_words():
        try:
            app(args=arguments, prog_name="callboard")
        except BaseException as error:
            endings = endings_of(error)
            if not endings:
                raise
            _tell(endings)
            sys.exit(code_of(endings))


def _tell(endings: Iterable[Ending]) -> None:
    """A line each on the error output, unless it is empty or that output fails as well."""
    with suppress(OSError):
        for ending in endings:
            if ending.sentence:
                typer.echo(f"callboard: {ending.sentence}", err=True)
    try:
        sys.stdout.flush()
    except OSError:
        abandon_output()


@contextmanager
def _somewhere_to_write() -> Iterator[None]:
    """An output that was closed before the start is one that nobody reads."""
    if sys.stdout is not None:
        yield
        return
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield


@contextmanager
def _sparing_of_words() -> Iterator[None]:
    """Warnings of the configuration take one line each; of the runtime's log only errors are shown."""
    log = logging.getLogger("callboard")
    level = log.level
    log.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: typer.echo(f"callboard: warning: {message}", err=True)
        try:
            yield
        finally:
            log.setLevel(level)
