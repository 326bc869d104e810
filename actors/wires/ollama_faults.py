"""What Ollama says when it refuses.

Source: docs.ollama.com/api/errors: `{"error": "text"}` after an HTTP error, or as a line in the middle of a stream.
"""

from collections.abc import Callable
from typing import Any

from callboard.actors.wires.faults import Complaint, kind_of, said
from callboard.actors.wires.jsons import mapping, object_of, string
from callboard.actors.wires.retry_hints import retry_after
from callboard.actors.wires.wire import Headers, WireFault
from callboard.messages.faults import Fault


def fault(provider: str, status: int, headers: Headers, body: bytes, utc: Callable[[], int]) -> Fault:
    """What a reply with a status outside 2xx means. Never raises."""
    complaint = _complaint(object_of(body).get("error"))
    return Fault(
        kind=kind_of(complaint, status, {}),
        message=said(complaint, body),
        provider=provider,
        status=status,
        retry_after=retry_after(headers, utc()),
    )


def error_in_reply(provider: str, error: Any) -> WireFault:
    """The fault behind an `error` in a reply that began with status 200."""
    complaint = _complaint(error)
    return WireFault(Fault(kind=kind_of(complaint, None, {}), message=said(complaint, b""), provider=provider))


def _complaint(error: Any) -> Complaint:
    """Proxies put an object in place of the string."""
    return Complaint(message=string(error) or string(mapping(error).get("message")) or "")
