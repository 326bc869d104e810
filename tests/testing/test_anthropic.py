"""The shape on its own; what a client sees of it over a connection is in test_provider.py."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from callboard.messages.limits import RateLimits, Window
from callboard.testing.anthropic import AnthropicShape
from callboard.testing.asked import Asked
from callboard.testing.behaviour import Behaviour
from callboard.testing.refusal import Reason, Refusal, Refused
from callboard.testing.said import Said, say
from callboard.testing.shape import Stamp

SHAPE = AnthropicShape()
STAMP = Stamp("a1", 1_767_225_600_000_000_000)
TOOL = {"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}
BODY: dict[str, Any] = {
    "model": "claude",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Is it raining?"}],
}
OLD, NEW = {"anthropic-version": "2023-06-01"}, {"anthropic-version": "2026-10-21"}


def read(headers: dict[str, str] = OLD, **more: Any) -> Asked:
    return SHAPE.read("chat", headers, BODY | more)


def said(asked: Asked) -> Said:
    return say(asked, Behaviour(cached_share=0.5), "7")


def events(asked: Asked) -> list[dict[str, Any]]:
    frames = SHAPE.frames(asked, said(asked), STAMP)
    found = []
    for block in (frames.opening + b"".join(frames.tokens) + frames.closing).decode().split("\n\n")[:-1]:
        name, data = block.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    return found


def names(value: Any, path: str = "") -> set[str]:
    """The paths of all members, without array indices."""
    if isinstance(value, list):
        return {name for item in value for name in names(item, path)}
    if isinstance(value, dict):
        return {f"{path}/{key}" for key in value} | {
            n for key, each in value.items() for n in names(each, f"{path}/{key}")
        }
    return set()


@pytest.mark.parametrize("more", [{}, {"tools": [TOOL], "tool_choice": {"type": "any"}}], ids=["text", "tool"])
def test_every_member_sent_is_one_that_anthropic_sends(
    recorded: Callable[[str, str], list[dict[str, Any]]], more: dict[str, Any]
) -> None:
    plain, streamed = {"/content/input/city"}, set()
    for record in recorded("anthropic", "messages"):
        text = record["response"]["body"]
        if record["response"]["status"] != 200:
            continue
        if record["stream"]:
            found = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
            streamed |= names([json.loads(event) for event in found])
        else:
            plain |= names(json.loads(text))
    asked = read(**more)
    assert names(json.loads(SHAPE.reply(asked, said(asked), STAMP))) <= plain
    assert names(events(asked)) <= streamed


def test_a_stream_adds_up_to_the_plain_reply() -> None:
    asked = read()
    plain, stream = json.loads(SHAPE.reply(asked, said(asked), STAMP)), events(asked)
    texts = [event["delta"]["text"] for event in stream if event["type"] == "content_block_delta"]
    assert "".join(texts) == plain["content"][0]["text"]
    end = next(event for event in stream if event["type"] == "message_delta")
    assert end["delta"]["stop_reason"] == plain["stop_reason"] == "end_turn"
    assert end["usage"]["output_tokens"] == plain["usage"]["output_tokens"] == len(texts)


def test_the_events_come_in_anthropics_order() -> None:
    order = [event["type"] for event in events(read())]
    assert order[:3] == ["message_start", "content_block_start", "ping"]
    assert set(order[3:-3]) == {"content_block_delta"}
    assert order[-3:] == ["content_block_stop", "message_delta", "message_stop"]


def test_input_leaves_out_what_was_cached() -> None:
    asked = read()
    usage = json.loads(SHAPE.reply(asked, said(asked), STAMP))["usage"]
    assert usage["input_tokens"] + usage["cache_read_input_tokens"] == asked.input_tokens
    assert usage["cache_read_input_tokens"] == asked.input_tokens // 2


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "weather"}], ids=str)
def test_a_forced_tool_is_called_plain_and_streamed_alike(choice: Any) -> None:
    asked = read(tools=[TOOL], tool_choice=choice)
    reply, stream = json.loads(SHAPE.reply(asked, said(asked), STAMP)), events(asked)
    block = reply["content"][0]
    assert (block["type"], block["name"], reply["stop_reason"]) == ("tool_use", "weather", "tool_use")
    start = next(event["content_block"] for event in stream if event["type"] == "content_block_start")
    assert (start["id"], start["input"]) == (block["id"], {})
    pieces = [event["delta"]["partial_json"] for event in stream if event["type"] == "content_block_delta"]
    assert json.loads("".join(pieces)) == block["input"]


def test_a_tool_call_that_is_cut_short_has_no_broken_input() -> None:
    asked = read(tools=[TOOL], tool_choice={"type": "any"}, max_tokens=1)
    reply = json.loads(SHAPE.reply(asked, said(asked), STAMP))
    assert reply["stop_reason"] == "max_tokens"
    assert reply["content"][0]["input"] == {}


WANTED = {"type": "json_schema", "schema": {"type": "object"}}


@pytest.mark.parametrize(
    "form", [{"output_config": {"format": WANTED}}, {"output_format": WANTED}], ids=["new", "beta"]
)
def test_both_forms_of_output_format_become_the_schema(form: dict[str, Any]) -> None:
    assert read(**form).schema == {"type": "object"}
    assert read().schema is None


@pytest.mark.parametrize("setting", ["temperature", "top_p", "top_k"])
def test_the_new_version_refuses_sampling_and_the_old_one_takes_it(setting: str) -> None:
    assert read(OLD, **{setting: 1}).model == "claude"
    with pytest.raises(Refused, match=setting):
        read(NEW, **{setting: 1})


@pytest.mark.parametrize(
    ("headers", "wrong"),
    [
        ({}, {}),
        (OLD, {"max_tokens": None}),
        (OLD, {"messages": ["Invalid content"]}),
        (OLD, {"tools": {"name": "weather"}}),
        (OLD, {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "missing"}}),
        (OLD, {"output_config": "json"}),
    ],
    ids=str,
)
def test_what_anthropic_would_not_take_is_refused(headers: dict[str, str], wrong: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        read(headers, **wrong)
    assert caught.value.refusal.reason is Reason.INVALID


@pytest.mark.parametrize(
    ("reason", "type_"),
    [
        (Reason.INVALID, "invalid_request_error"),
        (Reason.UNAUTHORIZED, "authentication_error"),
        (Reason.MODEL_NOT_FOUND, "not_found_error"),
        (Reason.TOO_LARGE, "request_too_large"),
        (Reason.RATE_LIMIT, "rate_limit_error"),
        (Reason.SERVER, "api_error"),
        (Reason.OVERLOADED, "overloaded_error"),
    ],
)
def test_each_reason_has_anthropics_type(reason: Reason, type_: str) -> None:
    body = json.loads(SHAPE.error(Refusal(reason=reason, message="m"), SHAPE.statuses[reason], STAMP))
    assert body == {"type": "error", "error": {"type": type_, "message": "m"}, "request_id": "req_a1"}


def test_overload_is_529() -> None:
    assert SHAPE.statuses[Reason.OVERLOADED] == 529


def test_a_used_up_spend_limit_has_its_error_code() -> None:
    body = json.loads(SHAPE.error(Refusal(reason=Reason.QUOTA, message="m"), 429, STAMP))
    assert body["error"]["details"] == {"error_code": "enforced_spend_limit_reached"}


def test_limits_are_told_in_anthropics_headers_with_a_date() -> None:
    limits = RateLimits(requests=None, tokens=Window(limit=60, remaining=59, resets_in=90.0))
    headers = dict(SHAPE.headers(STAMP, limits))
    assert headers["anthropic-ratelimit-tokens-limit"] == "60"
    assert headers["anthropic-ratelimit-tokens-remaining"] == "59"
    assert headers["anthropic-ratelimit-tokens-reset"] == "2026-01-01T00:01:30Z"
    assert "anthropic-ratelimit-requests-limit" not in headers
    assert headers["request-id"] == "req_a1"


def test_only_the_api_key_is_a_credential() -> None:
    assert SHAPE.credential({"x-api-key": "sk-1"}) == "sk-1"
    assert SHAPE.credential({"authorization": "Bearer sk-1"}) is None
