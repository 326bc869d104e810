"""Searches of the web that a provider makes and bills one by one, beside the tokens that they bring. Pure."""

import msgspec

from callboard.messages.usage import NONE_APART, Usage


def searched(usage: Usage | None, searches: int) -> Usage | None:
    """The count with these in it; None as before where the provider did not count its tokens."""
    if usage is None or not searches:
        return usage
    rare = msgspec.structs.replace(usage.apart or NONE_APART, web_searches=searches)
    return msgspec.structs.replace(usage, apart=rare)
