from collections.abc import AsyncIterator

import httpx
import pytest
from trio.testing import MockClock

from callboard.actors.provider import http
from callboard.actors.provider.account import Account
from callboard.actors.provider.deadline import Timeouts
from callboard.actors.provider.http import Endpoint, fault_of, never_sent, read
from callboard.actors.transport.errors import Disconnected, MalformedReply, RequestInvalid, TooLarge
from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.wire import Encoded, WireFault
from callboard.messages.faults import FaultKind

TIMEOUTS = Timeouts(connect=1, first_byte=2, between_bytes=3)
SENT = Encoded("POST", "/chat", {"x-wire": "w"}, b"{}")


class Body(httpx.AsyncByteStream):
    """Pieces as they come, and whether it was closed."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            self.taken += 1
            yield piece


def endpoint(base_url: str = "https://host/v1/", **headers: str) -> Endpoint:
    account = Account(
        name="p",
        base_url=base_url,
        wire=OpenAIChat(),
        key="sk-secret",
        headers=headers,
        timeouts=TIMEOUTS,
        price=lambda *_: None,
    )
    return Endpoint(account)


@pytest.mark.parametrize("base_url", ["https://host/v1", "https://host/v1/"])
def test_a_request_carries_credential_length_and_the_attempts_id(base_url: str) -> None:
    request = endpoint(base_url, **{"x-team": "search"}).request(SENT, "c-1")
    assert (request.method, str(request.url)) == ("POST", "https://host/v1/chat")
    assert request.headers["authorization"] == "Bearer sk-secret"
    assert request.headers["x-client-request-id"] == "c-1"
    assert (request.headers["x-team"], request.headers["x-wire"]) == ("search", "w")
    assert (request.headers["host"], request.headers["content-length"]) == ("host", "2")


def test_the_configured_timeouts_go_with_the_request() -> None:
    told = endpoint().request(SENT, "c-1").extensions["timeout"]
    assert (told["connect"], told["first_byte"], told["between_bytes"]) == (1, 2, 3)
    assert told["read"] == 3  # httpx's own transport has one for both


@pytest.mark.parametrize(
    ("error", "kind", "timeout"),
    [
        (httpx.ConnectTimeout(""), FaultKind.TIMED_OUT, "connect"),
        (httpx.WriteTimeout(""), FaultKind.TIMED_OUT, "first byte"),
        (httpx.ReadTimeout(""), FaultKind.TIMED_OUT, "first byte"),
        (httpx.PoolTimeout(""), FaultKind.RATE_LIMITED, "permit"),
        (httpx.ConnectError("refused"), FaultKind.CONNECTION, None),
        (httpx.ReadError("reset"), FaultKind.CONNECTION, None),
        (httpx.RemoteProtocolError("Server disconnected without sending a response."), FaultKind.CONNECTION, None),
        (Disconnected("closed"), FaultKind.CONNECTION, None),
        (httpx.RemoteProtocolError("illegal status line"), FaultKind.MALFORMED_REPLY, None),
        (MalformedReply("no HTTP"), FaultKind.MALFORMED_REPLY, None),
        (TooLarge("head"), FaultKind.MALFORMED_REPLY, None),
        (httpx.DecodingError("gzip"), FaultKind.MALFORMED_REPLY, None),
        (RequestInvalid("header"), FaultKind.INTERNAL, None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_failure_before_the_reply_says_how_far_it_came(
    error: httpx.HTTPError, kind: FaultKind, timeout: str | None
) -> None:
    fault = fault_of(error, TIMEOUTS, replying=False)
    assert (fault.kind, fault.timeout, fault.status) == (kind, timeout, None)


@pytest.mark.parametrize(
    ("error", "kind", "timeout"),
    [
        (httpx.ReadTimeout(""), FaultKind.TIMED_OUT, "between bytes"),
        (httpx.ReadError("reset"), FaultKind.INTERRUPTED, None),
        (httpx.RemoteProtocolError("peer closed"), FaultKind.INTERRUPTED, None),
        (Disconnected("closed"), FaultKind.INTERRUPTED, None),
        (httpx.DecodingError("gzip"), FaultKind.MALFORMED_REPLY, None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_failure_within_the_reply_is_a_cut_or_a_broken_one(
    error: httpx.HTTPError, kind: FaultKind, timeout: str | None
) -> None:
    fault = fault_of(error, TIMEOUTS, replying=True)
    assert (fault.kind, fault.timeout) == (kind, timeout)


@pytest.mark.parametrize(
    ("error", "unsent"),
    [
        (httpx.ConnectError(""), True),
        (httpx.ConnectTimeout(""), True),
        (httpx.PoolTimeout(""), True),
        (RequestInvalid("header"), True),
        (httpx.ReadTimeout(""), False),
        (httpx.WriteError(""), False),
        (httpx.ReadError(""), False),
        (httpx.RemoteProtocolError(""), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_what_the_provider_cannot_have_seen_was_never_sent(error: httpx.HTTPError, unsent: bool) -> None:
    assert never_sent(error) is unsent


async def test_a_body_is_read_whole(autojump_clock: MockClock) -> None:
    assert await read(httpx.Response(200, stream=Body(b"a", b"", b"bc"))) == b"abc"


async def test_a_body_is_not_read_beyond_its_bound(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_BODY", 10)
    assert len(await read(httpx.Response(200, stream=Body(*[b"xxxxx"] * 2)))) == 10
    with pytest.raises(WireFault) as caught:
        await read(httpx.Response(200, stream=Body(*[b"xxxxx"] * 3)))
    assert caught.value.fault.kind is FaultKind.MALFORMED_REPLY
