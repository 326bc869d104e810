"""Whether a request may be answered at all, whatever the provider's behaviour."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from callboard.testing.asked import Asked, Kind, digest
from callboard.testing.refusal import Reason, Refusal, Refused, invalid
from callboard.testing.shape import Shape


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request as it came over the connection."""

    method: str
    path: str
    """Without the query."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


def examine(request: HttpRequest, shape: Shape, *, key: str | None, models: Sequence[str]) -> Asked:
    """What the request asks for. Raises Refused for a wrong path, key, body or model, in this order.

    A `key` of None takes any credential.
    """
    kind = shape.kind(request.method, request.path)
    if kind is None:
        raise _refused(Reason.NOT_FOUND, f"Invalid URL ({request.method} {request.path})")
    if key is not None and shape.credential(request.headers) != key:
        raise _refused(Reason.UNAUTHORIZED, "Incorrect API key provided.")
    if kind == "models":
        return Asked(kind="models", digest=digest({}))
    asked = _read(kind, request, shape)
    if asked.model not in models:
        raise _refused(Reason.MODEL_NOT_FOUND, f"The model `{asked.model}` does not exist.")
    return asked


def _read(kind: Kind, request: HttpRequest, shape: Shape) -> Asked:
    try:
        return shape.read(kind, request.headers, msgspec.json.decode(request.body, type=dict[str, Any]))
    except msgspec.DecodeError:
        raise invalid("The body is not a JSON object.") from None
    except RecursionError:
        raise invalid("The body is nested too deeply.") from None


def _refused(reason: Reason, message: str) -> Refused:
    return Refused(Refusal(reason=reason, message=message))
