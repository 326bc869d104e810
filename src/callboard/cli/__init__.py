"""The command line."""

import sys
from collections.abc import Sequence

from callboard.process import uninterrupted

__all__ = ["main"]

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end with SystemExit: 0 all is well, 1 it failed, 2 asked wrongly, 130 interrupted."""
    try:
        with uninterrupted():  # msgspec can crash when an exception comes in the middle of one of its classes
            from callboard.cli.app import run
        run(arguments)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
