"""`callboard bench`: the benchmarks, by name."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer


def bench(  # noqa: PLR0917 - typer reads the options from here
    files: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Questions; all when none is named.")
    ] = None,
    peers: Annotated[bool, typer.Option(help="Measure what users would otherwise take as well; installs it.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="Samples of each subject.")] = 5,
    quick: Annotated[bool, typer.Option(help="A tenth of the work: to see that it runs.")] = False,
    json: Annotated[Path | None, typer.Option(help="Write every sample there.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write a page there.")] = None,
    svg: Annotated[Path | None, typer.Option(help="Draw a chart there.")] = None,
) -> None:
    """Measure this machine: what a supervised call costs, beside its reference in the same run."""
    from callboard.bench.harness.options import Options
    from callboard.bench.harness.running import asking, names, run

    unknown = set(files or ()) - set(names())
    if unknown:
        raise typer.BadParameter(f"{min(unknown)!r} is no question; there are {', '.join(names())}")
    options = Options(rounds=rounds, quick=quick, peers=peers, json=json, markdown=markdown, svg=svg)
    command = shlex.join(["callboard", *sys.argv[1:]])
    missed = run([(name, asking(name)) for name in files or names()], options, command)
    if missed:
        raise typer.Exit(1)
