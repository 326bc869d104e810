"""The command line."""

from callboard.cli.app import main

__all__ = ["main"]
