"""Ids of tool calls, for servers that do not take all."""

import base64
import hashlib


def fitting(call_id: str, length: int | None) -> str:
    """The id, or `length` letters and digits made of it where it is anything else; None: every id fits.

    The same id gives the same letters always, so that a call and its result still belong together. There are 32 to the
    power of `length` of them: at nine, two of a conversation's ids share theirs by no chance.
    """
    if length is None or (len(call_id) == length and call_id.isascii() and call_id.isalnum()):
        return call_id
    return _letters(call_id)[:length]


class ShortIds:
    """The ids of one request: those of other servers' calls that are longer than the server takes are made shorter."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._shortened: dict[str, str] = {}

    def of_another(self, call_id: str) -> str:
        """The id under which another server's call is sent."""
        if len(call_id) <= self._longest:
            return call_id
        short = self._shortened[call_id] = _letters(call_id)[: self._longest]
        return short

    def sent(self, call_id: str) -> str:
        """The id under which the call has been sent that this result answers."""
        return self._shortened.get(call_id, call_id)


def _letters(call_id: str) -> str:
    digest = hashlib.sha256(call_id.encode(errors="surrogatepass")).digest()
    return base64.b32encode(digest).decode("ascii").lower().rstrip("=")
