import pytest

from callboard.actors.wires.cohere import Cohere
from callboard.actors.wires.wire import WireFault
from callboard.messages.models import Model

WIRE = Cohere()


def test_a_deployment_of_ones_own_may_want_no_credential() -> None:
    assert WIRE.headers(None) == {}
    assert WIRE.headers("k") == {"authorization": "Bearer k"}


def test_models_are_listed_by_version_1() -> None:
    encoded = WIRE.encode_models()
    assert (encoded.method, encoded.path) == ("GET", "/../v1/models?page_size=1000")
    listed = b'{"models": [{"name": "command", "context_length": 8}, {"endpoints": []}, 5], "next_page_token": ""}'
    assert WIRE.decode_models(listed) == (Model(provider="cohere", id="command", context=8),)
    assert [model.id for model in WIRE.decode_models(b'{"name": "one"}')] == ["one"]
    with pytest.raises(WireFault, match="no list of models"):
        WIRE.decode_models(b"{}")


def test_trial_keys_are_told_their_calls_by_the_minute() -> None:
    limits = WIRE.limits({"x-trial-endpoint-call-limit": "20", "x-trial-endpoint-call-remaining": "19"})
    assert limits is not None
    assert limits.requests is not None
    assert (limits.requests.limit, limits.requests.remaining) == (20, 19)
    assert WIRE.limits({"x-endpoint-monthly-call-limit": "1000"}) is None


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (401, "invalid api token", "unauthorized"),
        (498, "invalid token", "unauthorized"),
        (429, "limited to 20 API calls / minute", "rate_limited"),
        (429, "limited to 1000 API calls / month", "quota_exhausted"),
        (400, "too many tokens: total number of tokens in the prompt", "context_too_long"),
        (404, "model not found", "not_found"),
        (422, "bad", "invalid_request"),
    ],
)
def test_a_refusal_is_told_by_its_status_and_its_words(status: int, message: str, kind: str) -> None:
    fault = WIRE.fault(status, {}, b'{"id": "r", "message": "' + message.encode() + b'"}')
    assert (fault.kind, fault.status, fault.message, fault.request_id) == (kind, status, message, "r")
