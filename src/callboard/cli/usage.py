"""`callboard usage`: what was used and what it cost."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from callboard.actors.inspector import client
from callboard.actors.ledger.journal import load
from callboard.actors.store.actor import LEDGER_DATABASES
from callboard.actors.store.reading import Records
from callboard.cli.bill import as_csv, as_text
from callboard.cli.place import store_path
from callboard.errors import InvalidRequest
from callboard.messages.accounting import UsageReport
from callboard.messages.inspecting import UsageAnswer, UsageQuery
from callboard.runtime.storage.reading import ReadOnlyEnvironment


def usage(
    json: Annotated[bool, typer.Option("--json", help="Everything, as one JSON object.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="The rows by day, provider and model, as CSV.")] = False,
    store: Annotated[Path | None, typer.Option("--store", help="The store folder.")] = None,
) -> None:
    """Show tokens and cost by day, provider and model, and calls by tag."""
    if json and csv:
        raise InvalidRequest("--json or --csv, not both")
    report, unsettled = read(store_path(store))
    if json:
        typer.echo(msgspec.json.encode(report))
    elif csv:
        typer.echo(as_csv(report), nl=False)
    else:
        typer.echo(as_text(report, unsettled))


def read(store: Path) -> tuple[UsageReport, int]:
    """The sums, and how many attempts of a process that died are not yet in them.

    From the runtime that owns the store; from the disk when none can be asked. Raises StorageError.
    """
    try:
        answer = client.ask(store, UsageQuery())
    except client.InspectorError:
        return _from_disk(store)
    return (answer.report, 0) if isinstance(answer, UsageAnswer) else _from_disk(store)


def _from_disk(store: Path) -> tuple[UsageReport, int]:
    with ReadOnlyEnvironment.open_readonly(store / "ledger", LEDGER_DATABASES) as environment:
        book, _, skipped = load(Records(environment))
    return book.report(skipped), len(book.open)
