"""`callboard simulate`."""

from typing import Annotated

import msgspec
import typer


def simulate(
    seed: Annotated[int, typer.Option("--seed", help="What all of it follows from.")] = 0,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="How many seeds to play, one after the other.")] = 1,
    days: Annotated[
        float, typer.Option("--days", min=0.01, max=3650, help="The length of each, in virtual time.")
    ] = 7.0,
    calls: Annotated[int, typer.Option("--calls", min=1, help="Calls in each.")] = 1_500,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Play months of failing providers in virtual time. The books are held against each other."""
    from callboard.simulation.run import simulate as play
    from callboard.simulation.spec import Spec

    failed = 0
    for number in range(seed, seed + seeds):
        report = play(Spec(seed=number, days=days, calls=calls))
        failed += not report.passed
        if as_json:
            typer.echo(msgspec.json.encode(report))
        else:
            typer.echo("\n".join(report.lines() if seeds == 1 or not report.passed else [report.line]))
    if failed:
        raise typer.Exit(1)
