"""Ids of tool calls, for servers that take none but their own."""

import base64
import hashlib


def fitting(call_id: str, length: int | None) -> str:
    """The id, or `length` letters and digits made of it where it is anything else; None: every id fits.

    The same id gives the same letters always, so that a call and its result still belong together. There are 32 to the
    power of `length` of them: at nine, two of a conversation's ids share theirs by no chance.
    """
    if length is None or (len(call_id) == length and call_id.isascii() and call_id.isalnum()):
        return call_id
    digest = hashlib.sha256(call_id.encode(errors="surrogatepass")).digest()
    return base64.b32encode(digest).decode("ascii").lower()[:length]
