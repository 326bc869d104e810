"""Members of a part's `extra` that belong to one protocol: the others refuse what they do not know, so that a
conversation could not go on with them."""

from typing import Literal, TypeAlias

from callboard.messages.chat import Extra

Family: TypeAlias = Literal["anthropic", "responses", "gemini", "chat", "other"]

_OWNERS: dict[str, Family] = {
    "cache_control": "anthropic",
    "citations": "anthropic",
    "image_url": "chat",
    "annotations": "responses",
    "logprobs": "responses",
    "videoMetadata": "gemini",
    "partMetadata": "gemini",
    "mediaResolution": "gemini",
}


def foreign_to(family: Family) -> frozenset[str]:
    """The members that belong to other protocols than this one."""
    return frozenset(name for name, owner in _OWNERS.items() if owner != family)


def without(foreign: frozenset[str], extra: Extra | None) -> Extra:
    """`extra` less what is foreign."""
    return {name: value for name, value in (extra or {}).items() if name not in foreign}
