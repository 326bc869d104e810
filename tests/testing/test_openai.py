"""The shape on its own; what a client sees of it over a connection is in test_provider.py."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from callboard.messages.limits import RateLimits, Window
from callboard.messages.reply import FinishReason
from callboard.testing.asked import Asked
from callboard.testing.behaviour import Behaviour
from callboard.testing.openai import OpenAIShape, duration
from callboard.testing.refusal import Reason, Refusal, Refused
from callboard.testing.said import Said, say
from callboard.testing.shape import Stamp

SHAPE = OpenAIShape()
STAMP = Stamp("a1", 1_767_225_600_000_000_000)
TOOL = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
BODY: dict[str, Any] = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Is it raining?"}]}


def read(**more: Any) -> Asked:
    return SHAPE.read("chat", {}, BODY | more)


def said(asked: Asked) -> Said:
    return say(asked, Behaviour(cached_share=0.5), "7")


def chunks(asked: Asked) -> list[dict[str, Any]]:
    frames = SHAPE.frames(asked, said(asked), STAMP)
    events = (frames.opening + b"".join(frames.tokens) + frames.closing).decode().split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    return [json.loads(event.removeprefix("data: ")) for event in events[:-2]]


def names(value: Any, path: str = "") -> set[str]:
    """The paths of all members, without array indices."""
    if isinstance(value, list):
        return {name for item in value for name in names(item, path)}
    if isinstance(value, dict):
        return {f"{path}/{key}" for key in value} | {
            n for key, each in value.items() for n in names(each, f"{path}/{key}")
        }
    return set()


@pytest.mark.parametrize("more", [{}, {"tools": [TOOL], "tool_choice": "required"}], ids=["text", "tool"])
def test_every_member_sent_is_one_that_openai_sends(
    recorded: Callable[[str, str], list[dict[str, Any]]], more: dict[str, Any]
) -> None:
    plain, streamed = set(), set()
    for record in recorded("openai", "chat_completions"):
        text = record["response"]["body"]
        if record["response"]["status"] != 200:
            continue
        if record["stream"]:
            events = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: {")]
            streamed |= names([json.loads(event) for event in events])
        else:
            plain |= names(json.loads(text))
    asked = read(stream_options={"include_usage": True}, **more)
    assert names(json.loads(SHAPE.reply(asked, said(asked), STAMP))) <= plain
    assert names(chunks(asked)) <= streamed


def test_a_stream_adds_up_to_the_plain_reply() -> None:
    asked = read(stream_options={"include_usage": True})
    plain = json.loads(SHAPE.reply(asked, said(asked), STAMP))
    stream = chunks(asked)
    deltas = [chunk["choices"][0] for chunk in stream if chunk["choices"]]
    assert "".join(each["delta"].get("content", "") for each in deltas) == plain["choices"][0]["message"]["content"]
    assert deltas[-1]["finish_reason"] == plain["choices"][0]["finish_reason"] == "stop"
    assert stream[-1]["usage"] == plain["usage"]
    assert stream[-1]["choices"] == []


def test_a_stream_tells_its_usage_only_when_asked() -> None:
    assert not any("usage" in chunk for chunk in chunks(read(stream=True)))


def test_input_includes_what_was_cached_and_the_total_is_the_sum() -> None:
    asked = read()
    usage = json.loads(SHAPE.reply(asked, said(asked), STAMP))["usage"]
    assert usage["prompt_tokens"] == asked.input_tokens
    assert usage["prompt_tokens_details"]["cached_tokens"] == asked.input_tokens // 2
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "weather"}}], ids=str)
def test_a_forced_tool_is_called_plain_and_streamed_alike(choice: Any) -> None:
    asked = read(tools=[TOOL], tool_choice=choice)
    message = json.loads(SHAPE.reply(asked, said(asked), STAMP))["choices"][0]["message"]
    call = message["tool_calls"][0]
    assert message["content"] is None
    assert call["function"]["name"] == "weather"
    pieces = [delta for chunk in chunks(asked) for delta in chunk["choices"][0]["delta"].get("tool_calls", ())]
    assert pieces[0]["id"] == call["id"]
    assert "".join(piece["function"]["arguments"] for piece in pieces) == call["function"]["arguments"]
    assert "city" in json.loads(call["function"]["arguments"])
    assert said(asked).finish is FinishReason.TOOL_CALLS


@pytest.mark.parametrize("choice", [None, "auto", "none"])
def test_a_tool_that_is_not_forced_is_not_called(choice: str | None) -> None:
    assert read(tools=[TOOL], tool_choice=choice).tool is None


def test_the_output_format_becomes_the_schema() -> None:
    schema = {"type": "object"}
    assert (
        read(response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}).schema == schema
    )
    assert isinstance(json.loads(said(read(response_format={"type": "json_object"})).text), dict)
    assert read(response_format={"type": "text"}).schema is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"messages": []},
        {"messages": "hello"},
        {"messages": [{"content": "no role"}]},
        {"model": None},
        {"stream": "yes"},
        {"max_tokens": 0},
        {"max_completion_tokens": True},
        {"stream_options": 5},
        {"tools": [5]},
        {"tool_choice": "required"},
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "missing"}}},
    ],
    ids=str,
)
def test_what_openai_would_not_take_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        read(**wrong)
    assert caught.value.refusal.reason is Reason.INVALID


def test_only_a_bearer_token_is_a_credential() -> None:
    assert SHAPE.credential({"authorization": "Bearer sk-1"}) == "sk-1"
    assert SHAPE.credential({"authorization": "Basic sk-1"}) is None
    assert SHAPE.credential({"x-api-key": "sk-1"}) is None


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_type_and_a_status(reason: Reason) -> None:
    error = json.loads(SHAPE.error(Refusal(reason=reason, message="m"), SHAPE.statuses[reason], STAMP))["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert isinstance(error["type"], str)


def test_a_rate_limit_and_a_used_up_quota_differ_in_their_code() -> None:
    codes = [
        json.loads(SHAPE.error(Refusal(reason=reason, message="m"), 429, STAMP))["error"]["code"]
        for reason in (Reason.RATE_LIMIT, Reason.QUOTA)
    ]
    assert codes == ["rate_limit_exceeded", "insufficient_quota"]


def test_limits_are_told_in_openais_headers() -> None:
    limits = RateLimits(requests=Window(limit=60, remaining=59, resets_in=1.5), tokens=None)
    headers = dict(SHAPE.headers(STAMP, limits))
    assert headers["x-ratelimit-limit-requests"] == "60"
    assert headers["x-ratelimit-remaining-requests"] == "59"
    assert headers["x-ratelimit-reset-requests"] == "1.5s"
    assert "x-ratelimit-limit-tokens" not in headers
    assert headers["x-request-id"] == "req_a1"


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0.0, "0s"), (0.006, "6ms"), (8.64, "8.64s"), (60, "1m0s"), (372.5, "6m12.5s"), (3600, "1h0m0s")],
)
def test_durations_are_written_as_in_the_recorded_headers(seconds: float, written: str) -> None:
    assert duration(seconds) == written
