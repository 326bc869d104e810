import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.testing.anthropic import AnthropicShape
from callboard.testing.behaviour import Behaviour
from callboard.testing.examine import HttpRequest, examine
from callboard.testing.openai import OpenAIShape
from callboard.testing.plan import plan
from callboard.testing.quota import Admission
from callboard.testing.refusal import Reason, Refused

BODY = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hello"}]}
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
TALK = ["model", "messages", "system", "stream", "stream_options", "max_tokens", "max_completion_tokens"]
FORM = ["tools", "tool_choice", "response_format", "output_config", "output_format"]
MEMBERS = st.sampled_from([*TALK, *FORM])


def request(body: bytes, path: str = "/v1/chat/completions", method: str = "POST", **headers: str) -> HttpRequest:
    return HttpRequest(method=method, path=path, headers={"anthropic-version": "2023-06-01", **headers}, body=body)


def refused(asked: HttpRequest, **more: Any) -> Reason:
    with pytest.raises(Refused) as caught:
        examine(asked, OpenAIShape(), **{"key": None, "models": ("m",), **more})
    return caught.value.refusal.reason


def test_a_good_request_is_read() -> None:
    asked = examine(request(json.dumps(BODY).encode()), OpenAIShape(), key=None, models=("m",))
    assert (asked.kind, asked.model, asked.max_tokens) == ("chat", "m", 5)


def test_the_path_is_looked_at_first_then_the_key_then_the_body_then_the_model() -> None:
    rubbish = b"not json"
    assert refused(request(rubbish, path="/v1/nothing"), key="k") is Reason.NOT_FOUND
    assert refused(request(rubbish, method="GET"), key="k") is Reason.NOT_FOUND
    assert refused(request(rubbish), key="k") is Reason.UNAUTHORIZED
    assert refused(request(rubbish, authorization="Bearer wrong"), key="k") is Reason.UNAUTHORIZED
    assert refused(request(rubbish, authorization="Bearer k"), key="k") is Reason.INVALID
    assert refused(request(json.dumps(BODY).encode()), models=("other",)) is Reason.MODEL_NOT_FOUND


@pytest.mark.parametrize("body", [b"", b"[]", b"5", b"{", b"\xff", b'{"a":' * 5000, b'{"model": "\\ud800"}'])
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    assert refused(request(body)) is Reason.INVALID


def test_a_refusal_never_repeats_the_credential() -> None:
    with pytest.raises(Refused) as caught:
        examine(request(b"", authorization="Bearer sk-wrong"), OpenAIShape(), key="sk-right", models=())
    assert "sk-" not in str(caught.value) + repr(caught.value.refusal)


@given(changes=st.dictionaries(MEMBERS, JSON, max_size=4), anthropic=st.booleans())
def test_any_json_is_either_planned_or_refused(changes: dict[str, Any], anthropic: bool) -> None:
    shape = AnthropicShape() if anthropic else OpenAIShape()
    path = "/v1/messages" if anthropic else "/v1/chat/completions"
    body = json.dumps(BODY | changes).encode()
    try:
        asked = examine(request(body, path), shape, key=None, models=("m",))
    except Refused as error:
        assert error.refusal.reason in (Reason.INVALID, Reason.MODEL_NOT_FOUND)
    else:
        made = plan(Behaviour(), asked, seed="7", occurrence=1, in_flight=0, admission=Admission())
        assert made.said or made.refusal


@given(schema=st.dictionaries(st.sampled_from(["type", "properties", "items", "enum", "$ref", "anyOf"]), JSON))
def test_any_schema_is_either_followed_or_refused(schema: dict[str, Any]) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    body = json.dumps(BODY | {"response_format": wanted}).encode()
    asked = examine(request(body), OpenAIShape(), key=None, models=("m",))
    made = plan(Behaviour(), asked, seed="7", occurrence=1, in_flight=0, admission=Admission())
    assert made.said or made.refusal
