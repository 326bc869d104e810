import json

import pytest

from callboard.actors.wires.anthropic import AnthropicMessages
from callboard.actors.wires.wire import Wire
from callboard.messages.chat import user
from callboard.messages.limits import RateLimits, Window
from callboard.messages.models import Model
from callboard.messages.request import Request


def test_it_is_a_wire_and_goes_by_the_name_it_is_given() -> None:
    wire: Wire = AnthropicMessages("bedrock")
    assert wire.name == "bedrock"
    assert AnthropicMessages().name == "anthropic"


def test_the_version_is_pinned_and_betas_are_asked_for() -> None:
    assert AnthropicMessages().headers("k") == {"anthropic-version": "2023-06-01", "x-api-key": "k"}
    wire = AnthropicMessages(version="2026-10-21", betas=("a", "b"))
    assert wire.headers(None) == {"anthropic-version": "2026-10-21", "anthropic-beta": "a,b"}


@pytest.mark.parametrize(("stream", "accept"), [(False, "application/json"), (True, "text/event-stream")])
def test_a_request_is_a_post_of_json_for_the_model_of_this_candidate(stream: bool, accept: str) -> None:
    encoded = AnthropicMessages().encode(Request(model="fast", messages=(user("hi"),)), "claude-x", stream=stream)
    assert (encoded.method, encoded.path) == ("POST", "/messages")
    assert encoded.headers == {"content-type": "application/json", "accept": accept}
    body = json.loads(encoded.body)
    assert (body["model"], body.get("stream")) == ("claude-x", True if stream else None)


def test_limits_count_from_the_clock_that_is_given() -> None:
    wire = AnthropicMessages(utc=lambda: 1_795_248_000_000_000_000)
    headers = {
        "anthropic-ratelimit-tokens-limit": "9",
        "anthropic-ratelimit-tokens-reset": "2026-11-21T08:00:05Z",
    }
    assert wire.limits(headers) == RateLimits(tokens=Window(limit=9, resets_in=5))


def test_models_are_listed() -> None:
    encoded = AnthropicMessages().encode_models()
    assert (encoded.method, encoded.path) == ("GET", "/models?limit=1000")
    body = b'{"data": [{"type": "model", "id": "claude-x", "display_name": "Claude X"}], "has_more": false}'
    assert AnthropicMessages().decode_models(body) == (Model(provider="anthropic", id="claude-x", name="Claude X"),)
