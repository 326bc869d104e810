import gc
import random
import weakref

import httpx
import pytest

from callboard.actors.transport.config import Bounds
from callboard.actors.transport.errors import Disconnected, MalformedReply, TooLarge
from callboard.actors.transport.policy import Origin
from callboard.actors.transport.reply import Reply

ORIGIN = Origin("https", "api.example.com", 443)


def parse(data: bytes, *, end: bool = False, head_only: bool = False, **bounds: int) -> Reply:
    reply = Reply(ORIGIN, Bounds(**bounds), head_only=head_only)
    reply.feed(memoryview(data))
    if end:
        reply.end()
    return reply


def split(data: bytes, cuts: list[int]) -> Reply:
    reply = Reply(ORIGIN, Bounds(), head_only=False)
    for start, stop in zip([0, *cuts], [*cuts, len(data)], strict=True):
        reply.feed(memoryview(data)[start:stop])
    return reply


CHUNKED = (
    b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    b"HTTP/1.1 200 Fine then\r\nTransfer-Encoding: Chunked\r\nX-A: 1\r\nX-A: 2\r\nKeep-Alive: timeout=5\r\n\r\n"
    b'5\r\nhello\r\n6;name="a;b"\r\n world\r\n00a\r\n0123456789\r\n0\r\nX-Trailer: t\r\n\r\n'
)


def test_a_split_anywhere_gives_the_same_reply() -> None:
    rng = random.Random(4)
    everywhere = list(range(1, len(CHUNKED)))
    for cuts in [everywhere, *([cut] for cut in everywhere), *(sorted(rng.sample(everywhere, 5)) for _ in range(200))]:
        reply = split(CHUNKED, cuts)
        assert (reply.status, reply.reason, reply.version) == (200, b"Fine then", "1.1")
        assert [name for name, _ in reply.headers] == [b"Transfer-Encoding", b"X-A", b"X-A", b"Keep-Alive"]
        assert reply.noted == {b"transfer-encoding": b"Chunked", b"keep-alive": b"timeout=5"}
        assert reply.take() == b"hello world0123456789"
        assert reply.complete
        assert not reply.spent


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\r\ncontent-length:5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", b""),
        (b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", b"x"),
        (b"HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n", b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", b""),
        (b"HTTP/1.1 100 A\r\n\r\nHTTP/1.1 102 B\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nX: caf\xe9\r\nContent-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nEmpty:\r\nTabbed:\t v \t\r\nContent-Length: 0\r\n\r\n", b""),
    ],
)  # fmt: skip
def test_replies_that_must_be_understood(data: bytes, body: bytes) -> None:
    reply = parse(data)
    assert reply.complete
    assert reply.take() == body


# The situations in these three tables are those that llhttp's and h11's own tests name, where they concern a client.


@pytest.mark.parametrize(
    ("headers", "value"),
    [
        (b"X:v", b"v"),
        (b"X:  v  ", b"v"),
        (b"X:\tv \t ", b"v"),
        (b"X: a  b", b"a  b"),
        (b"X:", b""),
        (b"X: ", b""),
        (b"X: \r\nY: 2", b""),
        (b'X: a:b;c="d"', b'a:b;c="d"'),
        (b"X: \xe9\x80", b"\xe9\x80"),
    ],
)
def test_header_values_lose_the_white_space_around_them_and_nothing_else(headers: bytes, value: bytes) -> None:
    reply = parse(b"HTTP/1.1 200 OK\r\n" + headers + b"\r\nContent-Length: 0\r\n\r\n")
    assert reply.headers[0] == (b"X", value)
    assert len(reply.headers) == headers.count(b"\n") + 2


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"Content-Length: 5  ", b"hello"),
        (b"Content-Length:\t5\t", b"hello"),
        (b"Content-Length: 0005", b"hello"),
        (b"Content-Length-X: 0\r\nContent-Length: 5", b"hello"),
        (b"X-Content-Length: 9\r\nContent-Length: 5", b"hello"),
        (b"Transfer-Encoding: chunked  ", b"1\r\na\r\n0\r\n\r\n"),
        (b"transfer-ENCODING: CHUNKED", b"1\r\na\r\n0\r\n\r\n"),
        (b"Transfer-Encoding: chunked", b'1;a;b=c;d="e;\\"f"\r\na\r\n000\r\nX: trailer\r\nY: 2\r\n\r\n'),
        (b"Transfer-Encoding: chunked", b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n"),
        (b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 5", b"hello"),
        (b"Proxy-Connection: close\r\nContent-Length: 5", b"hello"),
        (b"under_score: 1\r\n$dollar: 2\r\n!#%&'*+-.^`|~: 3\r\nContent-Length: 5", b"hello"),
    ],
)
def test_bodies_end_where_their_framing_says(head: bytes, body: bytes) -> None:
    reply = parse(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body)
    assert reply.complete
    assert not reply.spent


@pytest.mark.parametrize(
    "data",
    [
        b"<html>hello</html>",
        b"RTSP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"\r\nICE/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTP/1.1 200 OK\r\n\r\n",
        b"HTTPS/1.1 200 OK\r\n\r\n",
        b"http/1.1 200 OK\r\n\r\n",
        b"HTTP/01.1 200 OK\r\n\r\n",
        b"HTTP/1.01 200 OK\r\n\r\n",
        b"HTTP/5.6 200 OK\r\n\r\n",
        b"HTTP/1.1\t200 OK\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: 1\rY: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX\t: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX y: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\xe9: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\nContent-Length: 5\r\n\r\nhello",
        # with a tab behind it llhttp would not take this for chunked
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunkedchunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2 ext\r\naa\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;\r\naa\r\n",
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a="b\r\naa\r\n',
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\naaa\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 999 OK\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/0.9 200 OK\r\n\r\n",
        b"HTTP/11 200 OK\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        # bare line feeds, folded headers, spaces before the colon: each read differently by somebody
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n X: a\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n: a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        # lengths that two readers could understand in two ways
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n",
        # chunks
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
    ],
)
def test_replies_that_are_not_http_or_could_be_read_in_two_ways_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedReply) as caught:
        parse(data)
    assert "https://api.example.com:443" in str(caught.value)
    assert isinstance(caught.value, httpx.RemoteProtocolError)


def test_a_body_without_a_length_ends_when_the_server_closes() -> None:
    reply = parse(b"HTTP/1.1 200 OK\r\n\r\nhello", end=True)
    assert reply.complete
    assert reply.spent
    assert reply.take() == b"hello"


@pytest.mark.parametrize(
    ("data", "when"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "before its reply was whole"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", "before its reply was whole"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "before its reply was whole"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", "before its reply was whole"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "before its reply was whole"),
        (b"", "without a reply"),
    ],
)
def test_a_server_that_closes_too_early_is_told_from_one_that_never_answered(data: bytes, when: str) -> None:
    with pytest.raises(Disconnected, match=when):
        parse(data, end=True)


@pytest.mark.parametrize(
    "more", [b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"\0", b"GET / HTTP/1.1\r\n\r\n"]
)
@pytest.mark.parametrize("joined", [True, False])
def test_what_follows_a_reply_spends_the_connection_and_spoils_nothing(more: bytes, joined: bool) -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    reply = parse(whole + more if joined else whole)
    if not joined:
        reply.feed(memoryview(more))
    assert reply.complete
    assert reply.spent
    assert (reply.status, reply.take()) == (200, b"hello")


def test_the_reply_to_head_has_no_body_whatever_its_length_says() -> None:
    reply = parse(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", head_only=True)
    assert reply.complete
    assert not reply.spent
    reply = parse(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", head_only=True)
    assert reply.spent
    assert reply.take() == b""


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"X: " + b"a" * 300,
        HEAD + b"X: " + b"a" * 300 + b"\r\n\r\n",
        HEAD + b"a" * 300,
        HEAD + b"a: b\r\n" * 50,
        b"HTTP/1.1 200 " + b"a" * 300,
        b"HTTP/1.1 103 Hints\r\nLink: </aaaaaaaaaaaaaaaaaaaaa>\r\n\r\n" * 10,
        b"\r\n" * 150,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: " + b"t" * 300 + b"\r\n\r\n",
    ],
)
def test_heads_and_trailers_are_bounded(data: bytes) -> None:
    with pytest.raises(TooLarge, match=r"bound header") as caught:
        parse(data, header=256)
    assert isinstance(caught.value, httpx.RemoteProtocolError)


@pytest.mark.parametrize("drip", [b"X-Trailer: " + b"t" * 100, b"1;" + b"e" * 100])
def test_framing_without_end_is_bounded_too(drip: bytes) -> None:
    reply = Reply(ORIGIN, Bounds(header=256), head_only=False)
    reply.feed(memoryview(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n"))
    reply.feed(memoryview(b"0\r\n" if drip.startswith(b"X") else b""))
    with pytest.raises(TooLarge, match="bound header"):
        for _ in range(9):
            reply.feed(memoryview(drip))
            drip = b"e" * 100


def test_a_long_stream_of_small_chunks_is_no_framing_attack() -> None:
    reply = Reply(ORIGIN, Bounds(header=256), head_only=False)
    reply.feed(memoryview(HEAD + b"Transfer-Encoding: chunked\r\n\r\n"))
    for _ in range(1000):
        reply.feed(memoryview(b"1\r\na\r\n"))
    assert len(reply.take()) == 1000


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"Content-Length: 11\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n",
        HEAD + b"\r\nhello world",
    ],
)
def test_bodies_are_bounded_however_they_are_framed(data: bytes) -> None:
    with pytest.raises(TooLarge, match="bound body"):
        parse(data, body=10)


@pytest.mark.parametrize("data", [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 200 OK\r\n"])
def test_a_reply_that_is_whole_or_abandoned_leaves_no_reference_cycle_behind(data: bytes) -> None:
    class Watched(Reply):
        __slots__ = ("__weakref__",)

    gc.collect()
    gc.disable()
    try:
        reply = Watched(ORIGIN, Bounds(), head_only=False)
        reply.feed(memoryview(data))
        if not reply.complete:
            reply.abandon()
        gone = weakref.ref(reply)
        del reply
        assert gone() is None
    finally:
        gc.enable()
