import pytest

from callboard.actors.wires.ollama import Ollama
from callboard.actors.wires.ollama_faults import error_in_reply


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (404, b'{"error": "model \'m\' not found"}', "not_found", "model 'm' not found"),
        (400, b'{"error": {"message": "as a proxy says it"}}', "invalid_request", "as a proxy says it"),
        (401, b'{"error": "unauthorized", "signin_url": "https://x"}', "unauthorized", "unauthorized"),
        (402, b'{"error": "upgrade"}', "quota_exhausted", "upgrade"),
        (503, b'{"error": "server busy"}', "overloaded", "server busy"),
        (400, b'{"error": "the input length exceeds the context length"}', "context_too_long", None),
        (500, b'{"error": 5}', "server", None),
        (500, b"", "server", "the provider sent no explanation"),
    ],
)
def test_a_refusal_is_told_by_its_status_and_its_words(
    status: int, body: bytes, kind: str, message: str | None
) -> None:
    fault = Ollama().fault(status, {}, body)
    assert (fault.kind, fault.status, fault.provider) == (kind, status, "ollama")
    assert message in (None, fault.message)


@pytest.mark.parametrize("error", ["broken", {"message": "broken"}])
def test_an_error_inside_a_stream_is_the_servers(error: object) -> None:
    fault = error_in_reply("ollama", error).fault
    assert (fault.kind, fault.message, fault.status) == ("server", "broken", None)
