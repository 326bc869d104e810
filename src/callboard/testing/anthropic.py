"""Anthropic's Messages API, as the server writes it. Source: the recorded traffic and anthropic-sdk-python."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import msgspec

from callboard.messages.limits import RateLimits, Window
from callboard.messages.reply import FinishReason
from callboard.testing.asked import (
    Asked,
    ForcedTool,
    Kind,
    count_of,
    count_tokens,
    digest,
    flag_of,
    forced,
    messages_of,
    object_of,
    objects_of,
    text_of,
)
from callboard.testing.refusal import STATUSES, Reason, Refusal, invalid
from callboard.testing.said import Said
from callboard.testing.shape import Frames, Headers, Stamp, event

_PATHS: dict[tuple[str, str], Kind] = {("POST", "/v1/messages"): "chat", ("GET", "/v1/models"): "models"}
_FINISH = {FinishReason.STOP: "end_turn", FinishReason.LENGTH: "max_tokens", FinishReason.TOOL_CALLS: "tool_use"}
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_SAMPLING_REFUSED_SINCE = "2026-10-21"


class AnthropicShape:
    """Messages and the list of models."""

    name = "anthropic"
    statuses: Mapping[Reason, int] = MappingProxyType({**STATUSES, Reason.OVERLOADED: 529})

    def kind(self, method: str, path: str) -> Kind | None:
        """What is asked at this path."""
        return _PATHS.get((method, path))

    def credential(self, headers: Mapping[str, str]) -> str | None:
        """The API key."""
        return headers.get("x-api-key")

    def read(self, kind: Kind, headers: Mapping[str, str], body: dict[str, Any]) -> Asked:
        """A chat request. Raises Refused."""
        _check_version(headers, body)
        messages_of(body)
        max_tokens = count_of(body, "max_tokens")
        if max_tokens is None:
            raise invalid("max_tokens: Field required")
        return Asked(
            kind="chat",
            digest=digest(body),
            model=text_of(body, "model"),
            stream=flag_of(body, "stream"),
            input_tokens=count_tokens(body),
            max_tokens=max_tokens,
            tool=_forced_tool(body),
            schema=_schema(body),
        )

    def reply(self, asked: Asked, said: Said, stamp: Stamp) -> bytes:
        """The body of a plain reply."""
        content, stop = [_block(said, stamp)], _FINISH[said.finish]
        return msgspec.json.encode(_message(asked, stamp, content, stop, _usage(said, len(said.pieces))))

    def frames(self, asked: Asked, said: Said, stamp: Stamp) -> Frames:
        """The events of a streamed reply: a ping after the first, counts at both ends."""
        start = {"type": "message_start", "message": _message(asked, stamp, [], None, _usage(said, 1))}
        block = {"type": "content_block_start", "index": 0, "content_block": _empty_block(said, stamp)}
        delta = {
            "type": "message_delta",
            "delta": {"stop_reason": _FINISH[said.finish], "stop_sequence": None},
            "usage": _counts(said, len(said.pieces)),
        }
        return Frames(
            opening=_event(start) + _event(block) + _event({"type": "ping"}),
            tokens=tuple(_event(_delta(piece, said)) for piece in said.pieces),
            closing=_event({"type": "content_block_stop", "index": 0})
            + _event(delta)
            + _event({"type": "message_stop"}),
        )

    def models(self, ids: Sequence[str], stamp: Stamp) -> bytes:
        """The body that lists the account's models."""
        created = _time(stamp, 0.0)
        data = [{"type": "model", "id": id_, "display_name": id_, "created_at": created} for id_ in ids]
        ends = {"first_id": ids[0], "last_id": ids[-1]} if ids else {"first_id": None, "last_id": None}
        return msgspec.json.encode({"data": data, "has_more": False, **ends})

    def error(self, refusal: Refusal, status: int, stamp: Stamp) -> bytes:
        """The body of an error reply."""
        error: dict[str, Any] = {"type": _TYPES.get(status, "api_error"), "message": refusal.message}
        if refusal.reason is Reason.QUOTA:
            error["details"] = {"error_code": "enforced_spend_limit_reached"}
        return msgspec.json.encode({"type": "error", "error": error, "request_id": f"req_{stamp.id}"})

    def error_frame(self, stamp: Stamp) -> bytes:
        """An `error` event; no message_stop follows."""
        return _event({"type": "error", "error": {"type": "overloaded_error", "message": "Injected error."}})

    def headers(self, stamp: Stamp, limits: RateLimits | None) -> Headers:
        """Request id and rate limits."""
        headers = [("request-id", f"req_{stamp.id}")]
        if limits is not None:
            headers += _limit_headers("requests", limits.requests, stamp)
            headers += _limit_headers("tokens", limits.tokens, stamp)
        return headers


def _event(data: dict[str, Any]) -> bytes:
    return event(data, data["type"])


def _check_version(headers: Mapping[str, str], body: dict[str, Any]) -> None:
    version = headers.get("anthropic-version")
    if version is None:
        raise invalid("anthropic-version: header is required")
    for name in ("temperature", "top_p", "top_k"):
        if version >= _SAMPLING_REFUSED_SINCE and name in body:
            raise invalid(f"{name}: not supported since anthropic-version {_SAMPLING_REFUSED_SINCE}")


def _message(
    asked: Asked, stamp: Stamp, content: list[dict[str, Any]], stop: str | None, usage: dict[str, Any]
) -> dict[str, Any]:
    return {
        "model": asked.model,
        "id": f"msg_{stamp.id}",
        "type": "message",
        "role": "assistant",
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": usage,
    }


def _block(said: Said, stamp: Stamp) -> dict[str, Any]:
    if said.tool is None:
        return {"type": "text", "text": said.text}
    return {"type": "tool_use", "id": f"toolu_{stamp.id}", "name": said.tool, "input": _arguments(said)}


def _arguments(said: Said) -> Any:
    return {} if said.finish is FinishReason.LENGTH else msgspec.json.decode(said.text)


def _empty_block(said: Said, stamp: Stamp) -> dict[str, Any]:
    if said.tool is None:
        return {"type": "text", "text": ""}
    return {"type": "tool_use", "id": f"toolu_{stamp.id}", "name": said.tool, "input": {}}


def _delta(piece: str, said: Said) -> dict[str, Any]:
    if said.tool is None:
        delta = {"type": "text_delta", "text": piece}
    else:
        delta = {"type": "input_json_delta", "partial_json": piece}
    return {"type": "content_block_delta", "index": 0, "delta": delta}


def _counts(said: Said, output: int) -> dict[str, Any]:
    return {
        "input_tokens": said.input_tokens - said.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": said.cached_tokens,
        "output_tokens": output,
    }


def _usage(said: Said, output: int) -> dict[str, Any]:
    by_age = {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}
    return {**_counts(said, output), "cache_creation": by_age, "service_tier": "standard"}


def _forced_tool(body: dict[str, Any]) -> ForcedTool | None:
    definitions = objects_of(body, "tools")
    tools = [ForcedTool(text_of(tool, "name"), object_of(tool, "input_schema")) for tool in definitions]
    match body.get("tool_choice"):
        case {"type": "any"}:
            return forced(tools)
        case {"type": "tool", "name": str() as name}:
            return forced(tools, name)
        case _:
            return None


def _schema(body: dict[str, Any]) -> dict[str, Any] | None:
    match object_of(body, "output_config").get("format") or body.get("output_format"):
        case {"type": "json_schema", "schema": dict() as schema}:
            return schema
        case _:
            return None


def _limit_headers(name: str, window: Window | None, stamp: Stamp) -> Headers:
    if window is None:
        return []
    return [
        (f"anthropic-ratelimit-{name}-limit", str(window.limit)),
        (f"anthropic-ratelimit-{name}-remaining", str(window.remaining)),
        (f"anthropic-ratelimit-{name}-reset", _time(stamp, window.resets_in or 0.0)),
    ]


def _time(stamp: Stamp, later: float) -> str:
    moment = datetime.fromtimestamp(stamp.seconds, UTC) + timedelta(seconds=round(later))
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
