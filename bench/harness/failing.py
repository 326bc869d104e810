"""What is said of an error."""

import subprocess
import sys
import traceback

from callboard.runtime.leaf import leaf, leaves

LONGEST = 300
"""Characters."""


def sentence(error: BaseException) -> str:
    """Its kind and its words, in one line; of several the first; of a process the last words, without the command."""
    first, *others = leaves(error)
    words = " ".join(_words(first).split())
    return f"{len(others) + 1} errors, the first: {words}"[:LONGEST] if others else words[:LONGEST]


def _words(error: BaseException) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"a process ended with {error.returncode}: {last_line(error.stderr)}"
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def shown(error: BaseException) -> str:
    """Its sentence, for the answer; where in the code it broke, here or in a process, goes to the error output."""
    traceback.print_exception(error)
    cause = leaf(error)
    if isinstance(cause, subprocess.CalledProcessError) and cause.stderr:
        sys.stderr.write(cause.stderr)
    return sentence(error)


def last_line(output: str | None) -> str:
    """What a process said last, in words."""
    lines = reversed((output or "").splitlines())
    return next((line.strip() for line in lines if any(map(str.isalnum, line))), "no output")
