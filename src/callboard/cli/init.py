"""`callboard init`: a commented configuration to begin with."""

import os
from pathlib import Path

import typer

from callboard.cli.place import CONFIGURATION
from callboard.cli.template import configuration, environment, providers_with_keys
from callboard.errors import CallboardError

EXAMPLE = Path(".env.example")


def init() -> None:
    """Write callboard.toml and .env.example here. A file that is there already is left as it is."""
    texts = {CONFIGURATION: configuration(providers_with_keys(os.environ)), EXAMPLE: environment()}
    written = [path for path, text in texts.items() if _written(path, text)]
    for path in texts:
        typer.echo(f"wrote {path}" if path in written else f"{path} is there already and was left as it is")
    if not written:
        raise CallboardError("nothing was written")
    typer.echo("next: put your keys into the environment or into .env, then: callboard ask 'Why is the sky blue?'")


def _written(path: Path, text: str) -> bool:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    except OSError as error:
        raise CallboardError(f"{path}: cannot be written: {error.strerror}") from None
    return True
