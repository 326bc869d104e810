"""An operator's command, carried out by the runtime that owns a store."""

from pathlib import Path

import typer

from callboard.actors.inspector import client
from callboard.cli.place import store_path
from callboard.errors import CallboardError
from callboard.messages.inspecting import Command, CommandDone, RequestRefused


def carry_out(command: Command, store: Path | None) -> None:
    """Say what it did. Raises InspectorError, and CallboardError when it was refused."""
    match client.ask(store_path(store), command):
        case CommandDone(said):
            typer.echo(said)
        case RequestRefused(why):
            raise CallboardError(why)
        case _:
            raise client.NoAnswer("the runtime answered something else than was asked")
