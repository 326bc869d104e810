"""`callboard provider`: an operator's command to a running runtime."""

import enum
from pathlib import Path
from typing import Annotated

import typer

from callboard import arguments
from callboard.cli.commanding import carry_out
from callboard.errors import InvalidRequest
from callboard.messages.inspecting import ProviderCommand


class Order(enum.StrEnum):
    """What an operator may do to a provider."""

    OPEN = "open"
    CLOSE = "close"
    RESET = "reset"


def provider(
    name: Annotated[str, typer.Argument(help="The provider's name in the configuration.")],
    command: Annotated[
        Order,
        typer.Argument(
            help="open: send it nothing; close: send it everything, whatever it does; "
            "both hold over restarts; reset: let its circuits decide again, and lift its blocks."
        ),
    ],
    now: Annotated[bool, typer.Option("--now", help="With open: also cut the attempts in flight.")] = False,
    store: Annotated[Path | None, typer.Option("--store", help="The runtime's store folder.")] = None,
) -> None:
    """Open, close or reset a provider's circuits in a running runtime."""
    if now and command is not Order.OPEN:
        raise InvalidRequest("--now goes with open")
    arguments.texts(NAME=name)
    carry_out(ProviderCommand(provider=name, command=command.value, now=now), store)
