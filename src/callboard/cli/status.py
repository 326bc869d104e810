"""`callboard status`: the supervision tree of a running runtime."""

import sys
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from callboard.actors.inspector import client
from callboard.cli.place import store_path
from callboard.errors import CallboardError
from callboard.messages.inspecting import RequestRefused, StatusAnswer, StatusQuery
from callboard.messages.status import Status

PAUSE = 1.0
"""Seconds from one look to the next."""


def status(
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again each second, until interrupted.")] = False,
    json: Annotated[bool, typer.Option("--json", help="As JSON, one line a look.")] = False,
    store: Annotated[Path | None, typer.Option("--store", help="The runtime's store folder.")] = None,
) -> None:
    """Show a running runtime. Its supervision tree, circuits, queues, and who blocks."""
    path = store_path(store)
    if json or not sys.stdout.isatty():
        _print(path, watch=watch, json=json)
    elif watch:
        _watch(path)
    else:
        _show(path)


def look(store: Path) -> Status:
    """The status of the runtime that owns this store. Raises InspectorError, and CallboardError when it is refused."""
    match client.ask(store, StatusQuery()):
        case StatusAnswer(found):
            return found
        case RequestRefused(why):
            raise CallboardError(why)
        case _:
            raise client.NoAnswer("the runtime answered something else than was asked")


def _print(store: Path, *, watch: bool, json: bool) -> None:
    while True:
        found = look(store)
        typer.echo(msgspec.json.encode(found) if json else str(found))
        if not watch:
            return
        time.sleep(PAUSE)
        if not json:
            typer.echo()


def _show(store: Path) -> None:
    from rich.console import Console

    from callboard.cli.coloured import tree

    Console(highlight=False).print(tree(look(store)))


def _watch(store: Path) -> None:
    from rich.live import Live

    from callboard.cli.coloured import tree

    with Live(tree(look(store)), auto_refresh=False) as live:
        while True:
            time.sleep(PAUSE)
            live.update(tree(look(store)), refresh=True)
