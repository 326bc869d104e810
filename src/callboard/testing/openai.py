"""OpenAI's chat completions, embeddings and images, as the server writes them.

Source: the recorded traffic and openai-python.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from callboard.messages.limits import RateLimits, Window
from callboard.messages.reply import FinishReason
from callboard.testing.asked import (
    ANY_OBJECT,
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
from callboard.testing.openai_works import embeddings, images, read_embeddings, read_images
from callboard.testing.refusal import STATUSES, Reason, Refusal
from callboard.testing.said import Said
from callboard.testing.shape import Frames, Headers, Stamp, event

_PATHS: dict[tuple[str, str], Kind] = {
    ("POST", "/v1/chat/completions"): "chat",
    ("POST", "/v1/embeddings"): "embeddings",
    ("POST", "/v1/images/generations"): "images",
    ("GET", "/v1/models"): "models",
}
_FINISH = {FinishReason.STOP: "stop", FinishReason.LENGTH: "length", FinishReason.TOOL_CALLS: "tool_calls"}
_ERRORS: dict[Reason, tuple[str, str | None]] = {  # reason -> type, code
    Reason.INVALID: ("invalid_request_error", None),
    Reason.UNAUTHORIZED: ("invalid_request_error", "invalid_api_key"),
    Reason.FORBIDDEN: ("invalid_request_error", "unsupported_country_region_territory"),
    Reason.NOT_FOUND: ("invalid_request_error", "unknown_url"),
    Reason.MODEL_NOT_FOUND: ("invalid_request_error", "model_not_found"),
    Reason.TOO_LARGE: ("invalid_request_error", None),
    Reason.RATE_LIMIT: ("requests", "rate_limit_exceeded"),
    Reason.QUOTA: ("insufficient_quota", "insufficient_quota"),
    Reason.SERVER: ("server_error", None),
    Reason.OVERLOADED: ("server_error", None),
}


class OpenAIShape:
    """Chat completions, embeddings, images and the list of models."""

    name = "openai"
    statuses: Mapping[Reason, int] = STATUSES

    def kind(self, method: str, path: str) -> Kind | None:
        """What is asked at this path."""
        return _PATHS.get((method, path))

    def credential(self, headers: Mapping[str, str]) -> str | None:
        """The bearer token."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        return token if scheme.lower() == "bearer" else None

    def read(self, kind: Kind, headers: Mapping[str, str], body: dict[str, Any]) -> Asked:
        """A request to a model. Raises Refused."""
        match kind:
            case "embeddings":
                return read_embeddings(body)
            case "images":
                return read_images(body)
        messages_of(body)
        return Asked(
            kind="chat",
            digest=digest(body),
            model=text_of(body, "model"),
            stream=flag_of(body, "stream"),
            stream_usage=bool(object_of(body, "stream_options").get("include_usage")),
            input_tokens=count_tokens(body),
            max_tokens=count_of(body, "max_completion_tokens") or count_of(body, "max_tokens"),
            tool=_forced_tool(body),
            schema=_schema(body),
        )

    def reply(self, asked: Asked, said: Said, stamp: Stamp) -> bytes:
        """The body of a plain reply."""
        match asked.kind:
            case "embeddings":
                return embeddings(asked, said)
            case "images":
                return images(said, stamp)
        choice = {
            "index": 0,
            "message": _message(said, stamp),
            "logprobs": None,
            "finish_reason": _FINISH[said.finish],
        }
        body = {**_head("chat.completion", asked, stamp), "choices": [choice], "usage": _usage(said)}
        return msgspec.json.encode(body)

    def frames(self, asked: Asked, said: Said, stamp: Stamp) -> Frames:
        """The events of a streamed reply; usage comes in an event of its own, if it was asked for."""
        head = _head("chat.completion.chunk", asked, stamp)
        usage: dict[str, Any] = {"usage": None} if asked.stream_usage else {}

        def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
            return event({**head, "choices": [choice], **usage})

        closing = [chunk({}, _FINISH[said.finish])]
        if asked.stream_usage:
            closing.append(event({**head, "choices": [], "usage": _usage(said)}))
        return Frames(
            opening=chunk(_opening(said, stamp)),
            tokens=tuple(chunk(_delta(piece, said)) for piece in said.pieces),
            closing=b"".join([*closing, b"data: [DONE]\n\n"]),
        )

    def models(self, ids: Sequence[str], stamp: Stamp) -> bytes:
        """The body that lists the account's models."""
        created = stamp.seconds
        data = [{"id": id_, "object": "model", "created": created, "owned_by": "callboard"} for id_ in ids]
        return msgspec.json.encode({"object": "list", "data": data})

    def error(self, refusal: Refusal, status: int, stamp: Stamp) -> bytes:
        """The body of an error reply."""
        type_, code = _ERRORS[refusal.reason]
        error = {"message": refusal.message, "type": type_, "param": None, "code": code}
        return msgspec.json.encode({"error": error})

    def error_frame(self, stamp: Stamp) -> bytes:
        """A data event with an `error` member; no [DONE] follows."""
        error = {"message": "Injected error.", "type": "server_error", "param": None, "code": None}
        return event({"error": error})

    def headers(self, stamp: Stamp, limits: RateLimits | None) -> Headers:
        """Request id, API version and rate limits."""
        headers = [("openai-version", "2020-10-01"), ("x-request-id", f"req_{stamp.id}")]
        if limits is not None:
            headers += _limit_headers("requests", limits.requests)
            headers += _limit_headers("tokens", limits.tokens)
        return headers


def _head(kind: str, asked: Asked, stamp: Stamp) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{stamp.id}",
        "object": kind,
        "created": stamp.seconds,
        "model": asked.model,
        "service_tier": "default",
        "system_fingerprint": "fp_callboard",
    }


def _message(said: Said, stamp: Stamp) -> dict[str, Any]:
    if said.tool is None:
        return {"role": "assistant", "content": said.text, "refusal": None, "annotations": []}
    call = {"id": f"call_{stamp.id}", "type": "function", "function": {"name": said.tool, "arguments": said.text}}
    return {"role": "assistant", "content": None, "tool_calls": [call], "refusal": None, "annotations": []}


def _opening(said: Said, stamp: Stamp) -> dict[str, Any]:
    if said.tool is None:
        return {"role": "assistant", "content": "", "refusal": None}
    function = {"name": said.tool, "arguments": ""}
    call = {"index": 0, "id": f"call_{stamp.id}", "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call], "refusal": None}


def _delta(piece: str, said: Said) -> dict[str, Any]:
    if said.tool is None:
        return {"content": piece}
    return {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}


def _usage(said: Said) -> dict[str, Any]:
    output = len(said.pieces)
    return {
        "prompt_tokens": said.input_tokens,
        "completion_tokens": output,
        "total_tokens": said.input_tokens + output,
        "prompt_tokens_details": {"cached_tokens": said.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _forced_tool(body: dict[str, Any]) -> ForcedTool | None:
    tools_given = objects_of(body, "tools")
    functions = [object_of(tool, "function") for tool in tools_given if tool.get("type") == "function"]
    tools = [ForcedTool(text_of(function, "name"), object_of(function, "parameters")) for function in functions]
    match body.get("tool_choice"):
        case "required":
            return forced(tools)
        case {"function": {"name": str() as name}}:
            return forced(tools, name)
        case _:
            return None


def _schema(body: dict[str, Any]) -> dict[str, Any] | None:
    match body.get("response_format"):
        case {"type": "json_schema", "json_schema": {"schema": dict() as schema}}:
            return schema
        case {"type": "json_object"}:
            return ANY_OBJECT
        case _:
            return None


def _limit_headers(name: str, window: Window | None) -> Headers:
    if window is None:
        return []
    return [
        (f"x-ratelimit-limit-{name}", str(window.limit)),
        (f"x-ratelimit-remaining-{name}", str(window.remaining)),
        (f"x-ratelimit-reset-{name}", duration(window.resets_in or 0.0)),
    ]


def duration(seconds: float) -> str:
    """Seconds as OpenAI's headers write them: `6ms`, `8.64s`, `6m0s`, `1h0m0s`."""
    milliseconds = round(seconds * 1000)
    if milliseconds == 0:
        return "0s"
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{clock}{rest / 1000:g}s"
