import httpx
import pytest

from callboard.actors.orchestrator.policy import RULES
from callboard.actors.provider.deadline import Timeouts
from callboard.actors.provider.http import fault_of, never_sent
from callboard.actors.transport.errors import (
    ConnectFailed,
    Disconnected,
    MalformedReply,
    NothingLeft,
    Redirected,
    RequestInvalid,
    TooLarge,
)
from callboard.messages.faults import FaultKind

TIMEOUTS = Timeouts(connect=1, first_byte=2, between_bytes=3)


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
        (NothingLeft("ulimit"), FaultKind.INTERNAL, None),
        (httpx.ProxyError("407"), FaultKind.CONNECTION, None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_failure_before_the_reply_says_how_far_it_came(
    error: httpx.HTTPError, kind: FaultKind, timeout: str | None
) -> None:
    fault = fault_of(error, TIMEOUTS, replying=False)
    assert (fault.kind, fault.timeout, fault.status) == (kind, timeout, None)


def test_a_failure_to_connect_says_where_and_why_but_repeats_no_other_transports_words() -> None:
    refused = ConnectFailed("http://127.0.0.1:9: connection refused")
    assert fault_of(refused, TIMEOUTS, replying=False).message == f"no connection to {refused}"
    foreign = httpx.ConnectError("http://user:secret@proxy: refused")
    assert fault_of(foreign, TIMEOUTS, replying=False).message == "no connection (ConnectError)"


def test_a_proxys_refusal_says_which_without_a_secret_that_it_quotes() -> None:
    fault = fault_of(httpx.ProxyError("407 Authentication Required password=hunter22"), TIMEOUTS, replying=False)
    assert fault.message.startswith("the proxy refuses: 407 Authentication Required")
    assert "hunter22" not in fault.message


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


def test_a_redirect_is_a_refusal_with_its_status_that_another_try_here_would_not_change() -> None:
    fault = fault_of(Redirected("", 307), TIMEOUTS, replying=False)
    assert (fault.status, RULES[fault.kind].same, RULES[fault.kind].elsewhere) == (307, False, True)
    assert "base_url" in fault.message


@pytest.mark.parametrize(
    ("error", "unsent"),
    [
        (httpx.ConnectError(""), True),
        (httpx.ConnectTimeout(""), True),
        (httpx.PoolTimeout(""), True),
        (httpx.ProxyError("407"), True),
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
