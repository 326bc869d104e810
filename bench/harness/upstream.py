"""The provider that all subjects call: OpenAI-shaped chat completions on loopback, as cheap to serve as can be.

usage: python bench/harness/upstream.py PORT [--delay SECONDS] [--chunks N] [--pace SECONDS] [--reply CHARACTERS]
                                       [--gzip] [--cert PEM]

PORT 0 is any that is free; the one that it listens at is the first line of its output.

Of a request it reads no more than where it ends and whether it wants a stream, so that what is measured is the client.
Four chunks of a stream go out in one write; with a pace, each text alone, so many seconds apart, and those of one
stream between those of the others. The POSTs that it answers are counted, and their number is told at `/requests`; at
`/peak`, how many at most waited for their reply at once, since that was last asked; at `/streams`, how many are being
written.
"""

import argparse
import asyncio
import contextlib
import gzip
import json
import os
import ssl
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

MODEL = "gpt-4o-mini"
CHUNKS = 200
PROMPT = "hi there " * 50
TOGETHER = 4
"""Chunks that go out in one write, without a pace."""
GOLDEN = 0.6180339887498949
"""Its multiples, less their whole parts, lie ever between one another."""
ENDING = 3
"""Events that end a stream after its last text: the reason, the usage, [DONE]."""
WORDS = "The quick brown fox jumps over the lazy dog. " * 7


@contextlib.contextmanager
def upstream(
    *,
    delay: float = 0.0,
    chunks: int = CHUNKS,
    pace: float = 0.0,
    reply: int = len(WORDS),
    zipped: bool = False,
    cert: Path | None = None,
) -> Iterator[str]:
    """The server in a process of its own; its base URL. `cert` holds key and certificate, for https."""
    from callboard.process import uninterrupted  # the server itself has no use for callboard

    told = {"--delay": delay, "--chunks": chunks, "--pace": pace, "--reply": reply}
    command = [sys.executable, __file__, "0", *(str(part) for pair in told.items() for part in pair)]
    command += ["--gzip"] if zipped else []
    command += ["--cert", str(cert)] if cert else []
    with uninterrupted():
        process = subprocess.Popen([*command, "--held"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        try:
            yield f"{'https' if cert else 'http'}://127.0.0.1:{_port_of(process)}/v1"
        finally:
            process.kill()


def requests(url: str) -> int:
    """How many POSTs the upstream at this base URL has answered."""
    return _told(f"{url}/requests")


def peak(url: str) -> int:
    """How many POSTs at most waited at the upstream at once for their reply to begin, since this was last asked."""
    return _told(f"{url}/peak")


def streams(url: str) -> int:
    """How many replies the upstream is writing bit by bit."""
    return _told(f"{url}/streams")


def _told(address: str) -> int:
    """Past the proxies of the environment, which urllib asks for loopback as well."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(address, timeout=60) as told:
        return int(told.read())


def _port_of(process: "subprocess.Popen[bytes]") -> int:
    """Where it listens, which it says as soon as it does: any port chosen before that might be another's by then."""
    assert process.stdout is not None
    told = process.stdout.readline()
    if not told:
        raise RuntimeError(f"the benchmarks' upstream did not start: it ended with {process.wait()}")
    return int(told)


def plain_reply(characters: int, *, zipped: bool = False) -> bytes:
    """A whole HTTP reply with a text of so many characters."""
    text = (WORDS * (characters // len(WORDS) + 1))[:characters]
    message = {"role": "assistant", "content": text}
    body = json.dumps(
        {
            "id": "chatcmpl-bench",
            "object": "chat.completion",
            "created": 1,
            "model": MODEL,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 12, "completion_tokens": 80, "total_tokens": 92},
        }
    ).encode()
    coding = "Content-Encoding: gzip\r\n" if zipped else ""
    return _whole(gzip.compress(body) if zipped else body, f"Content-Type: application/json\r\n{coding}")


def _whole(body: bytes, headers: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\n{headers}x-request-id: r1\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def streamed_reply(chunks: int) -> list[bytes]:
    """The events of a streamed reply, each an HTTP chunk; the first comes after the head, the last ends the body."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    pieces = [_chunk(choices=[_choice({"content": f"word{n} "}, None)]) for n in range(chunks)]
    pieces.append(_chunk(choices=[_choice({}, "stop")]))
    usage = {"prompt_tokens": 12, "completion_tokens": chunks, "total_tokens": 12 + chunks}
    pieces.append(_chunk(choices=[], usage=usage))
    done = b"data: [DONE]\n\n"
    return [head + pieces[0], *pieces[1:], b"%x\r\n%b\r\n0\r\n\r\n" % (len(done), done)]


def _choice(delta: dict[str, str], finish: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _chunk(**members: Any) -> bytes:
    event = {"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1, "model": MODEL, **members}
    data = b"data: " + json.dumps(event).encode() + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(data), data)


class _Manner(NamedTuple):
    """How requests are answered."""

    delay: float
    pace: float
    plain: bytes
    streamed: list[bytes]


class _Count:
    """POSTs, and how many of them wait for a reply."""

    posts = 0
    waiting = 0
    peak = 0
    streams = 0

    def came(self) -> None:
        """One more, which waits."""
        self.posts += 1
        self.waiting += 1
        self.peak = max(self.peak, self.waiting)

    def answered(self) -> None:
        """One less waits."""
        self.waiting -= 1

    def told(self, what: str) -> int:
        """Of the peak the most that waited since this was last told."""
        if what != "peak":
            return self.streams if what == "streams" else self.posts
        told, self.peak = self.peak, self.waiting
        return told


class _Connection(asyncio.Protocol):
    """One client's connection: reads requests one after another."""

    def __init__(self, manner: _Manner, count: _Count) -> None:
        self._manner = manner
        self._count = count
        self._got = b""
        self._streams: set[asyncio.Task[None]] = set()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._got += data
        while (head := self._got.find(b"\r\n\r\n")) >= 0:
            if self._got.startswith(b"GET"):
                asked, self._got = self._got[:head].split(b" ")[1], self._got[head + 4 :]
                told = self._count.told(asked.rpartition(b"/")[2].decode())
                self._write(_whole(str(told).encode(), ""))
                continue
            fields = self._got[:head].lower().partition(b"content-length:")[2]
            end = head + 4 + int(fields.split(b"\r\n", 1)[0] or 0)
            if len(self._got) < end:
                return
            body, self._got = self._got[head + 4 : end], self._got[end:]
            self._count.came()
            self._answer(b'"stream":true' in body.replace(b" ", b""))

    def connection_lost(self, exc: Exception | None) -> None:
        for stream in self._streams:
            stream.cancel()

    def _answer(self, streamed: bool) -> None:
        if streamed:
            stream = asyncio.get_running_loop().create_task(self._stream(self._count.posts * GOLDEN % 1))
            self._streams.add(stream)
            stream.add_done_callback(self._streams.discard)
        elif self._manner.delay:
            asyncio.get_running_loop().call_later(self._manner.delay, self._reply)
        else:
            self._reply()

    def _reply(self) -> None:
        self._count.answered()
        self._write(self._manner.plain)

    async def _stream(self, offset: float) -> None:
        """`offset` is a share of the pace."""
        try:
            await asyncio.sleep(self._manner.delay)
        finally:
            self._count.answered()
        self._count.streams += 1
        try:
            await (self._paced(offset) if self._manner.pace else self._together())
        finally:
            self._count.streams -= 1

    async def _together(self) -> None:
        pieces = self._manner.streamed
        for n in range(0, len(pieces), TOGETHER):
            self._write(b"".join(pieces[n : n + TOGETHER]))
            await asyncio.sleep(0)

    async def _paced(self, offset: float) -> None:
        pieces, pace, now = self._manner.streamed, self._manner.pace, asyncio.get_running_loop().time
        began = now() + offset * pace
        for n, piece in enumerate(pieces[:-ENDING]):
            await asyncio.sleep(began + n * pace - now())
            self._write(piece)
        await asyncio.sleep(pace)
        self._write(b"".join(pieces[-ENDING:]))

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


async def _serve(port: int, manner: _Manner, cert: str | None) -> None:
    context = None
    if cert is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert)
    loop, count = asyncio.get_running_loop(), _Count()
    server = await loop.create_server(lambda: _Connection(manner, count), "127.0.0.1", port, backlog=4096, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def _end_with_input() -> None:
    """Whoever holds the other end may be killed, and then can end nobody."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(0)


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--chunks", type=int, default=CHUNKS)
    parser.add_argument("--pace", type=float, default=0.0)
    parser.add_argument("--reply", type=int, default=len(WORDS))
    parser.add_argument("--gzip", action="store_true")
    parser.add_argument("--cert")
    parser.add_argument("--held", action="store_true", help="end when the standard input does")
    given = parser.parse_args()
    if given.held:
        threading.Thread(target=_end_with_input, daemon=True).start()
    plain = plain_reply(given.reply, zipped=given.gzip)
    manner = _Manner(given.delay, given.pace, plain, streamed_reply(given.chunks))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(given.port, manner, given.cert))


if __name__ == "__main__":
    _main()
