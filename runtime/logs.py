"""Loggers that harm nobody: what a handler or a filter of the user's raises ends no actor."""

import contextlib
import logging
from typing import Any


class Logger(logging.LoggerAdapter[logging.Logger]):
    """A standard logger; a record that cannot be handled is lost, as in the handlers of the standard library."""

    def log(self, level: int, msg: object, *args: object, stacklevel: int = 1, **more: Any) -> None:
        """As `logging.Logger.log`. Raises nothing."""
        with contextlib.suppress(Exception):
            super().log(level, msg, *args, stacklevel=stacklevel + 1, **more)


def get_logger(name: str) -> Logger:
    """The standard library's logger of this name, guarded."""
    return Logger(logging.getLogger(name))
