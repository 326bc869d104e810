"""What is said of an error."""

import subprocess
import traceback

from callboard.runtime.leaf import leaf

LONGEST = 300
"""Characters."""


def sentence(error: BaseException) -> str:
    """Its kind and its words, in one line; of a process the last words, without the command and its folders."""
    match leaf(error):
        case subprocess.CalledProcessError() as ended:
            words = f"a process ended with {ended.returncode}: {last_line(ended.stderr)}"
        case cause:
            words = f"{type(cause).__name__}: {cause}"
    return " ".join(words.split())[:LONGEST]


def shown(error: BaseException) -> str:
    """Its sentence, for the answer; where in the code it broke goes to the error output."""
    traceback.print_exception(error)
    return sentence(error)


def last_line(output: str | None) -> str:
    """What a process said last."""
    return ((output or "").strip().splitlines() or ["no output"])[-1]
