import pytest

from callboard.actors.transport.policy import Destinations, Origin, idle_seconds, may_retry, may_reuse

API = Origin("https", "api.example.com", 443)
PUBLIC = "93.184.216.34"


@pytest.mark.parametrize(
    ("sent", "received", "repeatable", "may"),
    [
        (0, 0, False, True),
        (0, 0, True, True),
        (10, 0, True, True),
        (10, 0, False, False),
        (10, 1, True, False),
        (0, 1, True, False),
    ],
)
def test_a_stale_connection_is_retried_only_where_nothing_can_happen_twice(
    sent: int, received: int, repeatable: bool, may: bool
) -> None:
    assert may_retry(sent=sent, received=received, repeatable=repeatable) is may


@pytest.mark.parametrize(
    ("change", "may"),
    [
        ({}, True),
        ({"complete": False}, False),
        ({"spent": True}, False),
        ({"sent_whole": False}, False),
        ({"version": "1.0"}, False),
        ({"connection": b"close"}, False),
        ({"connection": b"Keep-Alive, Close"}, False),
        ({"connection": b"keep-alive"}, True),
        ({"connection": b"closed-for-lunch"}, True),
    ],
)
def test_a_connection_is_reused_only_after_both_sides_said_all_and_no_more(
    change: dict[str, object], may: bool
) -> None:
    good: dict[str, object] = {
        "complete": True,
        "spent": False,
        "sent_whole": True,
        "version": "1.1",
        "connection": b"",
    }
    assert may_reuse(**{**good, **change}) is may  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (b"", 60.0),
        (b"timeout=5", 4.0),
        (b"timeout=5, max=100", 4.0),
        (b"max=100, Timeout=30", 29.0),
        (b"timeout=600", 60.0),
        (b"timeout=0", 0.0),
        (b"timeout=-5", 60.0),
        (b"timeout=" + b"9" * 40, 60.0),
        (b"timeout", 60.0),
    ],
)
def test_the_servers_keep_alive_shortens_idling_and_never_lengthens_it(header: bytes, seconds: float) -> None:
    assert idle_seconds(60.0, header) == seconds


@pytest.mark.parametrize(
    ("address", "refused"),
    [("127.0.0.1", False), ("127.8.8.8", False), ("::1", False), ("::ffff:127.0.0.1", False), (PUBLIC, True),
     ("10.0.0.1", True), ("::ffff:10.0.0.1", True), ("fe80::1%eth0", True)],
)  # fmt: skip
def test_plain_http_goes_only_to_loopback(address: str, refused: bool) -> None:
    origin = Origin("http", "somewhere", 80)
    assert (Destinations("loopback", None).refusal(origin, address) is not None) is refused
    assert Destinations("anywhere", None).refusal(origin, address) is None
    assert Destinations("loopback", None).refusal(API, address) is None


@pytest.mark.parametrize(
    ("allowed", "host", "address", "refused"),
    [
        (["api.example.com"], "api.example.com", PUBLIC, False),
        (["API.example.com"], "api.example.com", PUBLIC, False),
        (["api.example.com"], "evil.example.com", PUBLIC, True),
        (["*.example.com"], "api.example.com", PUBLIC, False),
        (["*.example.com"], "a.b.example.com", PUBLIC, False),
        (["*.example.com"], "example.com", PUBLIC, True),
        (["*.example.com"], "example.com.evil.org", PUBLIC, True),
        (["*.example.com"], "badexample.com", PUBLIC, True),
        # a listed name that leads inside is the attack that the check after resolution is for
        (["api.example.com"], "api.example.com", "127.0.0.1", True),
        (["api.example.com"], "api.example.com", "169.254.169.254", True),
        (["api.example.com"], "api.example.com", "::ffff:10.0.0.1", True),
        (["api.example.com", "10.0.0.0/8"], "api.example.com", "10.1.2.3", False),
        (["10.0.0.0/8"], "models.internal", "10.1.2.3", False),
        (["10.0.0.0/8"], "models.internal", "11.1.2.3", True),
        (["::1"], "localhost", "::1", False),
        (["::1"], "localhost", "127.0.0.1", True),
        ([], "api.example.com", PUBLIC, True),
        (None, "anything", "10.0.0.1", False),
    ],
)
def test_allowed_hosts_are_judged_by_name_and_by_address(
    allowed: list[str] | None, host: str, address: str, refused: bool
) -> None:
    origin = Origin("https", host, 443)
    assert (Destinations("loopback", allowed).refusal(origin, address) is not None) is refused


@pytest.mark.parametrize(
    ("allowed", "origin", "refused"),
    [
        (None, API, False),
        (["api.example.com"], API, False),
        (["other.example.com"], API, True),
        (None, Origin("http", "api.example.com", 80), True),
        (["10.0.0.0/8"], Origin("https", "10.0.0.1", 443), False),
        (["10.0.0.0/8"], Origin("https", "11.0.0.1", 443), True),
        (None, Origin("http", "127.0.0.1", 80), False),
    ],
)
def test_behind_a_proxy_the_name_alone_is_judged(allowed: list[str] | None, origin: Origin, refused: bool) -> None:
    assert (Destinations("loopback", allowed).refusal_unresolved(origin) is not None) is refused


@pytest.mark.parametrize("entry", ["10.0.0.1/8", "https://example.com", "example.com:443", "*.", ""])
def test_an_allowed_host_without_sense_is_refused_by_name(entry: str) -> None:
    with pytest.raises(ValueError, match="allowed_hosts"):
        Destinations("loopback", [entry])


def test_an_origin_reads_like_a_url() -> None:
    assert str(Origin("https", "::1", 8443)) == "https://[::1]:8443"
    assert str(API) == "https://api.example.com:443"
