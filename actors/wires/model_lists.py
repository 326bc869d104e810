"""The list of an account's models: `{"data": [{"id": …}]}`, or the bare list, with details under many names."""

from typing import Any

import msgspec

from callboard.actors.wires.jsons import items, mapping, read, string, tokens
from callboard.actors.wires.wire import malformed
from callboard.messages.models import Model

_ANY: "msgspec.json.Decoder[Any]" = msgspec.json.Decoder()
_NAME = ("display_name", "name")
_CONTEXT = ("context_length", "context_window", "max_context_length", "max_model_len", "max_input_tokens")
_MAX_OUTPUT = ("max_completion_tokens", "max_output_tokens", "max_tokens")


def decode_models(body: bytes, provider: str) -> tuple[Model, ...]:
    """The models in a reply to `GET /models`. Raises WireFault(MALFORMED_REPLY) when it holds no list."""
    reply = read(_ANY, body, provider)
    listed = reply.get("data", reply.get("models")) if isinstance(reply, dict) else reply
    if not isinstance(listed, list):
        raise malformed("the reply holds no list of models", provider=provider)
    models = (_model(mapping(entry), provider) for entry in items(listed))
    return tuple(model for model in models if model is not None)


def _model(entry: dict[str, Any], provider: str) -> Model | None:
    name = string(entry.get("id"))
    if name is None:
        return None
    return Model(
        provider=provider,
        id=name,
        name=next(filter(None, (string(entry.get(key)) for key in _NAME)), None),
        context=_count(entry, _CONTEXT),
        max_output=_count(entry, _MAX_OUTPUT),
    )


def _count(entry: dict[str, Any], names: tuple[str, ...]) -> int | None:
    return next(filter(None, (tokens(entry.get(name)) for name in names)), None)
