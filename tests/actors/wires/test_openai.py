import json

import pytest

from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.wire import Wire, WireFault
from callboard.messages.chat import user
from callboard.messages.limits import RateLimits, Window
from callboard.messages.models import Model
from callboard.messages.request import Request


def test_it_is_a_wire_and_goes_by_the_name_it_is_given() -> None:
    wire: Wire = OpenAIChat("groq")
    assert wire.name == "groq"
    assert OpenAIChat().name == "openai"


def test_the_key_is_a_bearer_token_and_may_be_missing() -> None:
    assert OpenAIChat().headers("sk-x") == {"authorization": "Bearer sk-x"}
    assert OpenAIChat().headers(None) == {}


@pytest.mark.parametrize(("stream", "accept"), [(False, "application/json"), (True, "text/event-stream")])
def test_a_request_is_a_post_of_json_for_the_model_of_this_candidate(stream: bool, accept: str) -> None:
    encoded = OpenAIChat().encode(Request(model="fast", messages=(user("hi"),)), "gpt-x", stream=stream)
    assert (encoded.method, encoded.path) == ("POST", "/chat/completions")
    assert encoded.headers == {"content-type": "application/json", "accept": accept}
    assert json.loads(encoded.body)["model"] == "gpt-x"


def test_limits_count_from_the_clock_that_is_given() -> None:
    wire = OpenAIChat(utc=lambda: 1_795_248_000_000_000_000)
    assert wire.limits(
        {"retry-after": "Sat, 21 Nov 2026 08:00:30 GMT", "x-ratelimit-limit-requests": "5"}
    ) == RateLimits(requests=Window(limit=5), retry_after=30)
    assert wire.limits({}) is None


def test_models_are_listed() -> None:
    encoded = OpenAIChat().encode_models()
    assert (encoded.method, encoded.path, encoded.body) == ("GET", "/models", b"")
    body = b'{"data": [{"id": "a"}, {"id": "b", "name": "B", "context_length": 9, "max_output_tokens": 3}, {}, 5]}'
    assert OpenAIChat("other").decode_models(body) == (
        Model(provider="other", id="a"),
        Model(provider="other", id="b", name="B", context=9, max_output=3),
    )
    assert OpenAIChat().decode_models(b'[{"id": "a"}]') == (Model(provider="openai", id="a"),)


@pytest.mark.parametrize(
    ("member", "field"),
    [
        ("display_name", "name"), ("name", "name"), ("context_length", "context"), ("context_window", "context"),
        ("max_context_length", "context"), ("max_model_len", "context"), ("max_input_tokens", "context"),
        ("max_completion_tokens", "max_output"), ("max_output_tokens", "max_output"), ("max_tokens", "max_output"),
    ],
)  # fmt: skip
def test_a_models_details_go_by_many_names(member: str, field: str) -> None:
    value = "N" if field == "name" else 7
    (model,) = OpenAIChat().decode_models(json.dumps({"data": [{"id": "a", member: value}]}).encode())
    assert getattr(model, field) == value


@pytest.mark.parametrize("body", [b"{}", b"7", b"<html>", b'{"data": 7}'])
def test_a_reply_without_a_list_of_models_is_malformed(body: bytes) -> None:
    with pytest.raises(WireFault) as caught:
        OpenAIChat().decode_models(body)
    assert caught.value.fault.kind == "malformed_reply"
