"""Ids for tool calls that came without one, which older servers of Ollama's send.

They are made of what stood around the call, so that the same bytes give the same id and two turns do not share one.
An id of this making means nothing to Ollama and is not sent back to it.
"""

import hashlib
from typing import Any

import msgspec

_MADE = "call_local_"


def made(*seen: Any) -> str:
    """An id for a call."""
    return _MADE + hashlib.blake2s(msgspec.json.encode(seen), digest_size=8).hexdigest()


def theirs(call_id: str) -> str | None:
    """The id as Ollama knows it: None when it gave none."""
    return None if call_id.startswith(_MADE) else call_id
