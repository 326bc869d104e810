import pytest

from callboard.actors.transport import proxies
from callboard.actors.transport.config import TransportConfig
from callboard.actors.transport.policy import Origin
from callboard.actors.transport.proxies import Proxies, bypassed, proxies_of

API = Origin("https", "api.example.com", 443)
LOCAL = Origin("http", "localhost", 11434)


def test_the_configured_proxy_serves_every_origin_and_shuts_out_the_environments() -> None:
    found = Proxies("http://proxy:3128", {"https": "http://other:1", "no": "*"})
    assert found.proxy(API) == found.proxy(LOCAL) == "http://proxy:3128"


def test_the_environments_proxies_go_by_scheme() -> None:
    found = Proxies(None, {"https": "http://secure:1", "all": "socks5://all:2"})
    assert found.proxy(API) == "http://secure:1"
    assert found.proxy(Origin("http", "example.com", 80)) == "socks5://all:2"
    assert bool(found)


def test_no_proxy_anywhere_is_falsy() -> None:
    assert not Proxies(None, {})
    assert not Proxies(None, {"no": "localhost"})
    assert not Proxies(None, {"http": "", "ftp": "http://proxy:1"})


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1", "ollama.localhost"])
def test_loopback_never_goes_through_a_proxy_of_the_environment(host: str) -> None:
    assert Proxies(None, {"all": "http://proxy:1"}).proxy(Origin("http", host, 80)) is None


@pytest.mark.parametrize(
    ("no_proxy", "is_bypassed"),
    [
        ("", False),
        ("*", True),
        ("api.example.com", True),
        ("API.EXAMPLE.COM", True),
        ("example.com", True),
        (".example.com", True),
        ("*.example.com", True),
        (" other.com , example.com ", True),
        ("ample.com", False),
        ("api.example.com.evil.org", False),
        ("example.com:443", True),
        ("example.com:8443", False),
        (",,", False),
        ("10.0.0.0/8", False),
    ],
)
def test_no_proxy_names_hosts_with_all_below_them(no_proxy: str, is_bypassed: bool) -> None:
    assert bypassed(API, no_proxy) is is_bypassed


@pytest.mark.parametrize(
    ("no_proxy", "host", "is_bypassed"),
    [
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3:443", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("fd00::/8", "fd00::1", True),
        ("::1", "fd00::1", False),
    ],
)
def test_no_proxy_names_addresses_and_networks(no_proxy: str, host: str, is_bypassed: bool) -> None:
    assert bypassed(Origin("https", host, 443), no_proxy) is is_bypassed


@pytest.mark.parametrize("proxy", ["ftp://user:secret@proxy:1", "user:secret@proxy:1", "socks4://secret"])
def test_a_proxy_of_an_unknown_kind_is_refused_and_its_password_not_shown(proxy: str) -> None:
    with pytest.raises(ValueError, match="must begin with") as caught:
        Proxies(proxy, {})
    assert "secret" not in str(caught.value)


MALFORMED = [
    "http://foo bar",
    "http://",
    "http://:3128",
    "http://user:secret@",
    "http://user:sec/ret@proxy:1",
    "http://user:sec#ret@proxy:1",
    "http://proxy:99999",
    "http://proxy:0",
    "http://proxy:secret",
    "http://proxy:1\n",
    "http://one,two:1",
    "http://[::1:1",
    "http://user:\udcff@proxy:1",
]


@pytest.mark.parametrize("proxy", MALFORMED)
def test_a_proxy_whose_url_leads_nowhere_is_refused_and_nothing_of_it_is_shown(proxy: str) -> None:
    with pytest.raises(ValueError, match="scheme://user:password@host:port") as caught:
        Proxies(proxy, {})
    assert not any(part in str(caught.value) for part in ("sec", "99999", "foo", "one,"))
    assert caught.value.__context__ is None, "whose text has parts of the URL"


@pytest.mark.parametrize("scheme", ["http", "https", "all"])
def test_an_environments_proxy_that_leads_nowhere_is_named_by_its_variable(scheme: str) -> None:
    with pytest.raises(ValueError, match=rf"^{scheme.upper()}_PROXY in the environment: a proxy's URL is "):
        Proxies(None, {scheme: "foo bar"})


@pytest.mark.parametrize(
    "proxy",
    [
        "http://proxy",
        "HTTP://Proxy.corp:3128/",
        "http://user:p%40ss@10.1.2.3:3128",
        "https://pr\u00f6xy.example:1",
        "http://a_b.internal:1",
        "http://[fd00::1]:3128",
        "http://[fe80::1%25eth0]:3128",
    ],
)
def test_a_proxy_whose_url_leads_somewhere_is_taken_as_it_is(proxy: str) -> None:
    assert Proxies(proxy, {}).proxy(API) == proxy


def test_a_proxy_whose_package_is_missing_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxies, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="socksio"):
        Proxies("socks5://user:secret@proxy:1", {})
    Proxies("http://proxy:1", {})


def test_the_environment_is_read_only_if_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    monkeypatch.setenv("no_proxy", "internal.example")
    found = proxies_of(TransportConfig())
    assert found.proxy(API) == "http://proxy:1"
    assert found.proxy(Origin("https", "a.internal.example", 443)) is None
    assert not proxies_of(TransportConfig(use_environment=False))


def test_a_configurations_repr_keeps_the_proxys_password() -> None:
    assert "secret" not in repr(TransportConfig(proxy="http://user:secret@proxy:1"))


def test_a_proxy_of_the_environment_without_a_scheme_speaks_http_and_a_bad_one_is_named() -> None:
    assert Proxies(None, {"https": "proxy.corp:3128"}).proxy(API) == "http://proxy.corp:3128"
    with pytest.raises(ValueError, match="must begin with") as caught:
        Proxies(None, {"https": "ftp://user:secret@proxy"})
    assert "secret" not in str(caught.value)
    with pytest.raises(ValueError, match=r"HTTPS_PROXY in the environment: .* `use_environment = false` ignores it"):
        Proxies(None, {"https": "ftp://proxy"})
    assert Proxies("http://proxy:1", {"https": "ftp://proxy"}).proxy(API) == "http://proxy:1"
