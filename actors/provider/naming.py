"""What a reply calls its model, where that is a name. Pure.

It goes into ledger, cache and log, and a server may write anything there, of any length, the prompt as well.
"""

import re
from typing import TypeVar

import msgspec

from callboard.messages.reply import Result

A = TypeVar("A", bound=Result)

_NAME = re.compile(r"[A-Za-z0-9_.:/@+-]{1,256}")


def rightly_named(answer: A) -> A:
    """The answer, without its model where that is no name."""
    if answer.model is None or _NAME.fullmatch(answer.model):
        return answer
    return msgspec.structs.replace(answer, model=None)
