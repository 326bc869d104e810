"""`callboard usage`: what was used and what it cost."""

import shutil
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from callboard.actors.inspector import client
from callboard.actors.ledger.journal import load
from callboard.actors.store.actor import LEDGER_DATABASES
from callboard.actors.store.reading import Records
from callboard.cli.baseline import baseline_price
from callboard.cli.bill import as_csv, as_text
from callboard.cli.dearest import as_json as dearest_as_json
from callboard.cli.dearest import as_text as dearest_as_text
from callboard.cli.dearest import dearest
from callboard.cli.grouped import By, grouped
from callboard.cli.grouped import as_csv as grouped_as_csv
from callboard.cli.grouped import as_text as grouped_as_text
from callboard.cli.place import store_path
from callboard.cli.remaining import remaining
from callboard.errors import InvalidRequest
from callboard.messages.accounting import UsageReport
from callboard.messages.inspecting import UsageAnswer, UsageQuery
from callboard.runtime.storage.reading import ReadOnlyEnvironment


def usage(
    *,
    by: Annotated[By | None, typer.Option("--by", help="Sums by this alone.")] = None,
    baseline: Annotated[
        str | None, typer.Option("--baseline", help="With --by: what the same would have cost at provider/model.")
    ] = None,
    top: Annotated[int | None, typer.Option("--top", min=1, help="So many of the most expensive calls.")] = None,
    json: Annotated[
        bool,
        typer.Option("--json", help="As JSON: US dollars, seconds, moments in UTC nanoseconds."),
    ] = False,
    csv: Annotated[bool, typer.Option("--csv", help="As CSV: by day, provider and model, or as --by says.")] = False,
    store: Annotated[Path | None, typer.Option("--store", help="The store folder.")] = None,
) -> None:
    """Show tokens, cost and budgets. By day, provider and model, and calls by tag."""
    _refuse(by, baseline, top, json=json, csv=csv)
    place = store_path(store)
    if top is not None:
        calls = dearest(place, top)
        typer.echo(dearest_as_json(calls) if json else dearest_as_text(calls, _width()))
        return
    price = None if baseline is None else baseline_price(baseline)
    report, unsettled = read(place)
    if by is None:
        _tell(report, unsettled, json=json, csv=csv)
        return
    groups = grouped(report.spend, by, price)
    if json:
        typer.echo(msgspec.json.encode(groups))
    else:
        typer.echo(grouped_as_csv(groups, by) if csv else grouped_as_text(groups, by, _width()), nl=not csv)


def _refuse(by: By | None, baseline: str | None, top: int | None, *, json: bool, csv: bool) -> None:
    if json and csv:
        raise InvalidRequest("--json or --csv, not both")
    if baseline is not None and by is None:
        raise InvalidRequest("--baseline goes with --by")
    if top is not None and (by is not None or csv):
        raise InvalidRequest("--top goes with --json alone")


def _tell(report: UsageReport, unsettled: int, *, json: bool, csv: bool) -> None:
    if json:
        typer.echo(msgspec.json.encode(report))
    elif csv:
        typer.echo(as_csv(report), nl=False)
    else:
        typer.echo(as_text(report, unsettled, _width()))


def _width() -> int | None:
    """Characters of the terminal; None where the output goes elsewhere, and a line is as long as it is."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


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
    report = msgspec.structs.replace(book.report(skipped), budgets=remaining(store, book.spending()))
    return report, len(book.open)
