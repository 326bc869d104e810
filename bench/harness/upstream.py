"""The provider that all subjects call: OpenAI-shaped chat completions on loopback, as cheap to serve as can be.

usage: python bench/harness/upstream.py PORT [--delay SECONDS] [--chunks N]

Of a request it reads no more than where it ends and whether it wants a stream, so that what is measured is the client.
Four chunks of a stream go out in one write.
"""

import argparse
import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

MODEL = "gpt-4o-mini"
CHUNKS = 200
PROMPT = "hi there " * 50
WORDS = "The quick brown fox jumps over the lazy dog. " * 7


@contextlib.contextmanager
def upstream(*, delay: float = 0.0, chunks: int = CHUNKS) -> Iterator[str]:
    """The server in a process of its own; its base URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = [sys.executable, __file__, str(port), "--delay", str(delay), "--chunks", str(chunks)]
    process = subprocess.Popen(command)
    try:
        _wait_for(port, process)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.1):
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError("the benchmarks' upstream did not start")


def plain_reply() -> bytes:
    """A whole HTTP reply."""
    body = json.dumps(
        {
            "id": "chatcmpl-bench",
            "object": "chat.completion",
            "created": 1,
            "model": MODEL,
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": WORDS},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": {"prompt_tokens": 12, "completion_tokens": 80, "total_tokens": 92},
        }
    ).encode()
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-request-id: r1\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def streamed_reply(chunks: int) -> list[bytes]:
    """The head of a streamed reply, then its events, each an HTTP chunk; the last also ends the body."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    pieces = [_chunk(choices=[_choice({"content": f"word{n} "}, None)]) for n in range(chunks)]
    pieces.append(_chunk(choices=[_choice({}, "stop")]))
    usage = {"prompt_tokens": 12, "completion_tokens": chunks, "total_tokens": 12 + chunks}
    pieces.append(_chunk(choices=[], usage=usage))
    done = b"data: [DONE]\n\n"
    return [head, *pieces, b"%x\r\n%b\r\n0\r\n\r\n" % (len(done), done)]


def _choice(delta: dict[str, str], finish: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _chunk(**members: Any) -> bytes:
    event = {"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1, "model": MODEL, **members}
    data = b"data: " + json.dumps(event).encode() + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(data), data)


class _Connection(asyncio.Protocol):
    """One client's connection: reads requests one after another."""

    def __init__(self, delay: float, plain: bytes, streamed: list[bytes]) -> None:
        self._delay = delay
        self._plain = plain
        self._streamed = streamed
        self._got = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._got += data
        while (head := self._got.find(b"\r\n\r\n")) >= 0:
            fields = self._got[:head].lower().partition(b"content-length:")[2]
            end = head + 4 + int(fields.split(b"\r\n", 1)[0] or 0)
            if len(self._got) < end:
                return
            body, self._got = self._got[head + 4 : end], self._got[end:]
            self._answer(b'"stream":true' in body.replace(b" ", b""))

    def _answer(self, streamed: bool) -> None:
        if streamed:
            asyncio.get_running_loop().create_task(self._stream())
        elif self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._write, self._plain)
        else:
            self._write(self._plain)

    async def _stream(self) -> None:
        await asyncio.sleep(self._delay)
        for n in range(0, len(self._streamed), 4):
            self._write(b"".join(self._streamed[n : n + 4]))
            await asyncio.sleep(0)

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


async def _serve(port: int, delay: float, chunks: int) -> None:
    plain, streamed = plain_reply(), streamed_reply(chunks)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(delay, plain, streamed), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--chunks", type=int, default=CHUNKS)
    given = parser.parse_args()
    asyncio.run(_serve(given.port, given.delay, given.chunks))
