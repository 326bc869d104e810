"""`callboard budget`: an operator's command to a running runtime."""

import enum
from pathlib import Path
from typing import Annotated

import typer

from callboard import arguments
from callboard.cli.commanding import carry_out
from callboard.messages.inspecting import BudgetCommand


class Order(enum.StrEnum):
    """What an operator may do to a budget."""

    RESET = "reset"


def budget(
    name: Annotated[str, typer.Argument(help="The budget's name in the configuration.")],
    command: Annotated[Order, typer.Argument(help="reset: forget what its current windows have spent.")],
    store: Annotated[Path | None, typer.Option("--store", help="The runtime's store folder.")] = None,
) -> None:
    """Reset a budget of a running runtime; the sums of usage stay."""
    arguments.texts(NAME=name)
    carry_out(BudgetCommand(name=name, command=command.value), store)
