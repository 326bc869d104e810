"""`callboard log`: what was asked and answered in a call."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from callboard import arguments
from callboard.actors.logbook.pages import find
from callboard.actors.store.actor import LEDGER_DATABASES
from callboard.actors.store.reading import Records
from callboard.cli.place import store_path
from callboard.errors import CallboardError
from callboard.runtime.storage.reading import ReadOnlyEnvironment


def log(
    call: Annotated[str, typer.Argument(help="The id of a call, as replies and errors tell it.")],
    store: Annotated[Path | None, typer.Option("--store", help="The store folder.")] = None,
) -> None:
    """Show what was asked and answered in a call. As one JSON object, where [log] says `requests = true`."""
    arguments.texts(CALL=call)
    with ReadOnlyEnvironment.open_readonly(store_path(store) / "ledger", LEDGER_DATABASES) as environment:
        record = find(Records(environment), call)
    if record is None:
        raise CallboardError(f"the log has nothing of a call {call!r}; it is kept where [log] says `requests = true`")
    typer.echo(msgspec.json.encode(record))
