"""A reply that failed a check, sent back to whoever gave it. Pure."""

import msgspec

from callboard.messages.chat import assistant, user
from callboard.messages.reply import Reply
from callboard.messages.request import CacheControl, Request


def repaired(request: Request, reply: Reply, why: str) -> Request:
    """The conversation with the bad reply's text and the reason appended. Neither kept nor shared."""
    said = assistant(reply.text or "(nothing)")
    told = user(f"Your reply cannot be used: {why}. Answer again with a reply that can be, and with nothing else.")
    return msgspec.structs.replace(request, messages=(*request.messages, said, told), cache=CacheControl(use="off"))
