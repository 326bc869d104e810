"""`callboard cache`: what a running runtime has kept."""

from pathlib import Path
from typing import Annotated

import typer

from callboard import arguments
from callboard.cli.commanding import carry_out
from callboard.messages.inspecting import CacheCommand

cache = typer.Typer(name="cache", help="Kept replies of a running runtime.", no_args_is_help=True)


@cache.callback()
def _group() -> None:
    """Options of no command."""


@cache.command()
def clear(
    model: Annotated[str | None, typer.Option("--model", help="Only those that this provider/model gave.")] = None,
    tag: Annotated[str | None, typer.Option("--tag", help="Only those to calls with this tag.")] = None,
    older_than: Annotated[float | None, typer.Option("--older-than", min=0.0, help="Seconds.")] = None,
    store: Annotated[Path | None, typer.Option("--store", help="The runtime's store folder.")] = None,
) -> None:
    """Forget kept replies. Those that have everything that is named, all when nothing is."""
    arguments.texts(**{"--model": model, "--tag": tag})
    carry_out(CacheCommand(model=model, tag=tag, older_than=older_than), store)
