"""Members of a part's `extra` that belong to one protocol: the others refuse what they do not know, so that a
conversation could not go on with them."""

from typing import Literal, TypeAlias

from callboard.messages.chat import Extra

Family: TypeAlias = Literal["anthropic", "responses", "gemini", "chat", "cohere"]

_OWNERS: dict[str, tuple[Family, ...]] = {
    "cache_control": ("anthropic",),
    "citations": ("anthropic",),
    "source": ("anthropic",),
    "file": ("chat",),
    "input_audio": ("chat",),
    "function": ("chat", "cohere"),
    "image_url": ("chat", "cohere"),
    "annotations": ("responses",),
    "logprobs": ("responses",),
    "functionCall": ("gemini",),
    "part": ("gemini",),
    "videoMetadata": ("gemini",),
    "partMetadata": ("gemini",),
    "mediaResolution": ("gemini",),
}


def foreign_to(family: Family) -> frozenset[str]:
    """The members that belong to other protocols than this one."""
    return frozenset(name for name, owners in _OWNERS.items() if family not in owners)


def without(foreign: frozenset[str], extra: Extra | None) -> Extra:
    """`extra` less what is foreign."""
    return {name: value for name, value in (extra or {}).items() if name not in foreign}
