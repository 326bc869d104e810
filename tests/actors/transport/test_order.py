import httpx
import pytest

from callboard.actors.transport.content import Content
from callboard.actors.transport.errors import RequestInvalid
from callboard.actors.transport.order import Order, order_of, origin_of
from callboard.actors.transport.policy import Origin

URL = "https://api.example.com/v1/chat?x=1"


def order(method: str = "POST", url: str = URL, **more: object) -> Order:
    return order_of(httpx.Request(method, url, **more), b"gzip")  # type: ignore[arg-type]


def test_head_and_small_body_are_one_piece_in_the_callers_order() -> None:
    made = order(headers={"X-B": "2", "x-a": "1"}, content=b"hi")
    assert made.first == (
        b"POST /v1/chat?x=1 HTTP/1.1\r\nHost: api.example.com\r\nX-B: 2\r\nx-a: 1\r\nContent-Length: 2\r\n"
        b"Accept-Encoding: gzip\r\n\r\nhi"
    )
    assert made.rest is None
    assert made.origin == Origin("https", "api.example.com", 443)


def test_a_large_body_is_sent_from_where_it_lies() -> None:
    body = b"x" * 1_000_000
    made = order(content=body)
    assert made.first.endswith(b"\r\n\r\n")
    assert isinstance(made.rest, memoryview)
    assert made.rest.obj is body


def test_the_callers_own_accept_encoding_stands() -> None:
    made = order("GET", headers={"accept-encoding": "identity"})
    assert made.first.lower().count(b"accept-encoding") == 1
    assert b"identity" in made.first


@pytest.mark.parametrize("value", [b"a\r\nEvil: 1", b"a\nEvil: 1", b"a\rb", b"a\0b"])
def test_a_header_cannot_smuggle_a_line_and_its_value_is_not_shown(value: bytes) -> None:
    with pytest.raises(RequestInvalid, match="Authorization") as caught:
        order("GET", headers=[(b"Authorization", value)])
    assert "Evil" not in str(caught.value)
    assert isinstance(caught.value, httpx.LocalProtocolError)


@pytest.mark.parametrize("name", [b"", b"a b", b"a:", b"a\r\nb", b"caf\xe9"])
def test_a_header_name_must_be_a_token(name: bytes) -> None:
    with pytest.raises(RequestInvalid):
        order("GET", headers=[(name, b"1")])


@pytest.mark.parametrize("method", ["GE T", "GET\r\n", ""])
def test_a_method_must_be_a_token(method: str) -> None:
    with pytest.raises(RequestInvalid, match="method"):
        order(method)


def test_a_content_length_that_lies_is_refused() -> None:
    with pytest.raises(RequestInvalid, match="2 bytes"):
        order(content=b"hi", headers={"Content-Length": "3"})
    with pytest.raises(RequestInvalid, match="2 bytes"):
        order(content=b"hi", headers={"Transfer-Encoding": "chunked"})
    with pytest.raises(RequestInvalid, match="0 bytes"):
        order("GET", headers={"Content-Length": "3"})


def test_two_lengths_are_refused() -> None:
    with pytest.raises(RequestInvalid, match="two headers"):
        order(content=b"hi", headers=[("Content-Length", "2"), ("content-length", "2")])


@pytest.mark.parametrize("url", ["ftp://example.com/", "/nowhere", "https:///path", "ws://example.com"])
def test_only_http_and_https_origins_can_be_called(url: str) -> None:
    with pytest.raises(RequestInvalid):
        origin_of(httpx.URL(url))


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://EXAMPLE.com", Origin("http", "example.com", 80)),
        ("https://[::1]:8443/x", Origin("https", "::1", 8443)),
        ("https://bücher.example/", Origin("https", "xn--bcher-kva.example", 443)),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: Origin) -> None:
    assert origin_of(httpx.URL(url)) == origin


@pytest.mark.parametrize(
    ("method", "headers", "repeatable"),
    [("GET", {}, True), ("POST", {}, False), ("POST", {"Idempotency-Key": "k"}, True), ("PATCH", {}, False)],
)
def test_what_may_be_sent_twice(method: str, headers: dict[str, str], repeatable: bool) -> None:
    assert order(method, headers=headers).repeatable is repeatable


class Letters:
    """A body in pieces, one of them empty."""

    def __init__(self) -> None:
        self.left = [b"bc", b"", b"a"]

    def __aiter__(self) -> "Letters":
        return self

    async def __anext__(self) -> bytes:
        if not self.left:
            raise StopAsyncIteration
        return self.left.pop()


def test_a_body_in_one_piece_can_be_given_as_a_stream() -> None:
    made = order(stream=Content(b"hi"), headers={"Content-Length": "2", "Idempotency-Key": "k"})
    assert made.first.endswith(b"\r\n\r\nhi")
    assert made.repeatable
    with pytest.raises(RequestInvalid):
        order(stream=Content(b"hi"))


async def test_a_body_in_one_piece_can_be_drawn_again() -> None:
    content = Content(b"hi")
    for _ in range(2):
        assert [piece async for piece in content] == [b"hi"]
    assert [piece async for piece in Content(b"")] == []


async def drawn(made: Order) -> bytes:
    assert made.rest is not None
    assert not isinstance(made.rest, memoryview)
    return b"".join([piece async for piece in made.rest])


async def test_a_body_without_a_length_goes_out_in_chunks() -> None:
    made = order(content=Letters())
    assert b"Transfer-Encoding: chunked" in made.first
    assert await drawn(made) == b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"
    assert not made.repeatable


async def test_a_drawn_body_can_not_be_sent_twice_whatever_its_method() -> None:
    assert not order("PUT", content=Letters()).repeatable


async def test_a_drawn_body_is_held_to_its_length() -> None:
    assert await drawn(order(content=Letters(), headers={"Content-Length": "3"})) == b"abc"
    for wrong in ("2", "4"):
        with pytest.raises(RequestInvalid, match="not as long"):
            await drawn(order(content=Letters(), headers={"Content-Length": wrong}))


async def test_a_body_drawn_from_a_blocking_iterator_is_refused() -> None:
    with pytest.raises(RequestInvalid, match="async iterable"):
        await drawn(order(content=iter([b"a"])))


def test_what_an_order_says_of_itself_keeps_credential_and_words_back() -> None:
    headers = {"authorization": "Bearer sk-secret"}
    small = order(headers=headers, content=b"my words")
    assert repr(small) == f"Order(POST https://api.example.com:443, {len(small.first)} bytes)"
    large = order(headers=headers, content=b"my words" * 10_000)
    assert repr(large) == f"Order(POST https://api.example.com:443, {len(large.first)} bytes, 80,000 more bytes)"
    pieces = order(headers=headers, content=Letters())
    assert (
        repr(pieces) == f"Order(POST https://api.example.com:443, {len(pieces.first)} bytes, and a body that is drawn)"
    )
