"""Searches of the web that a provider makes and bills one by one, beside the tokens that they bring. Pure."""

from callboard.messages.usage import Usage


def searched(usage: Usage | None, searches: int) -> Usage | None:
    """The count with these in it; None as before where the provider did not count its tokens."""
    return usage if usage is None or not searches else usage.with_apart(web_searches=searches)
