"""What a request asks for, in no provider's words."""

import hashlib
from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import msgspec

from callboard.testing.refusal import invalid

Kind: TypeAlias = Literal["chat", "embeddings", "images", "models"]


class ForcedTool(msgspec.Struct, frozen=True):
    """The tool that the request says must be called."""

    name: str
    schema: dict[str, Any]
    """JSON Schema of the arguments."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request, read."""

    kind: Kind
    digest: str = ""
    """Names what is asked, plain or streamed alike; holds no text of it."""
    model: str | None = None
    stream: bool = False
    stream_usage: bool = True
    """Whether a stream tells its usage."""
    input_tokens: int = 0
    max_tokens: int | None = None
    tool: ForcedTool | None = None
    schema: dict[str, Any] | None = None
    """JSON Schema of the reply's text; None: any text."""
    inputs: tuple[str, ...] = ()
    """Of embeddings: a name for each text, the same for the same text."""
    dimensions: int = 8
    """Of embeddings: the length of the vectors."""
    base64: bool = False
    """Of embeddings: whether the vectors are sent in base64."""
    images: int = 0
    """How many are asked for."""


ANY_OBJECT: dict[str, Any] = {"type": "object", "properties": {"answer": {"type": "string"}}}
"""The schema of a reply that may be any JSON object."""


def digest(body: dict[str, Any]) -> str:
    """The name of what a JSON body asks for, without how it is to be delivered."""
    asked = {name: value for name, value in body.items() if name not in {"stream", "stream_options"}}
    return hashlib.blake2b(msgspec.json.encode(asked, order="deterministic"), digest_size=8).hexdigest()


def count_tokens(body: dict[str, Any]) -> int:
    """Input tokens of a chat body: a token for every four characters, and four for every message."""
    messages = body.get("messages", ())
    characters = sum(map(len, _texts([body.get("system"), *messages])))
    tools = len(msgspec.json.encode(body["tools"])) if body.get("tools") else 0
    return max(1, (characters + tools) // 4 + 4 * len(messages))


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _texts(item)
        case {"text": str() as text}:
            yield text
        case {"content": content}:
            yield from _texts(content)


def text_of(body: dict[str, Any], name: str) -> str:
    """The required text member `name`. Raises Refused."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise invalid(f"{name}: a text is required")
    return value


def messages_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The conversation, at least one message with a role each. Raises Refused."""
    messages = objects_of(body, "messages")
    if not messages:
        raise invalid("messages: at least one message is required")
    for index, message in enumerate(messages):
        if not isinstance(message.get("role"), str):
            raise invalid(f"messages.{index}: Input does not match the expected shape.")
    return messages


def forced(tools: list[ForcedTool], name: str | None = None) -> ForcedTool:
    """The tool of this name; without a name the first. Raises Refused when there is none."""
    for tool in tools:
        if name in (None, tool.name):
            return tool
    raise invalid("tool_choice: no such tool in tools")


def objects_of(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The optional list of objects `name`, empty when absent. Raises Refused."""
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise invalid(f"{name}: a list of objects is required")
    return value


def object_of(body: dict[str, Any], name: str) -> dict[str, Any]:
    """The optional object `name`, empty when absent. Raises Refused."""
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"{name}: an object is required")
    return value


def count_of(body: dict[str, Any], name: str) -> int | None:
    """The optional member `name`, a whole number of at least 1. Raises Refused."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise invalid(f"{name}: a whole number of at least 1 is required")
    return value


def flag_of(body: dict[str, Any], name: str) -> bool:
    """The optional member `name`, False when absent. Raises Refused."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise invalid(f"{name}: true or false is required")
    return bool(value)
