"""Ids for tool calls that came without one, as older servers of Ollama's and llama.cpp's, and Cohere's v1, send them.

They are made of what stood around the call, so that the same bytes give the same id and two turns do not share one:
Anthropic refuses a conversation in which two calls do. An id of this making means nothing to Ollama and is not sent
back to it.
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
