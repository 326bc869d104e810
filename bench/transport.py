"""What does a call through the transport cost, beside bare httpx and h11 by hand?

usage: python bench/transport.py [--quick] [plain flat stream tls gzip memory churn ...]

All in one run, each pair in turn (A B A B), CPU time of this process, best round of each: trust the ratios. Needs
../shared/peers/upstream.py beside the checkout; tls also the `trustme` package.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import os
import random
import resource
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import h11
import httpx
import msgspec
import trio
import trio.testing

from callboard.actors.transport.body import Body, read_body
from callboard.actors.transport.config import TransportConfig
from callboard.actors.transport.content import Content
from callboard.actors.transport.tls import tls_context
from callboard.actors.transport.transport import Transport
from callboard.actors.wires.openai import OpenAIChat
from callboard.messages.chat import user
from callboard.messages.request import Request

HERE = Path(__file__).resolve().parent
UPSTREAM = HERE.parents[1] / "shared" / "peers" / "upstream.py"
TEXT = "hi there " * 50
BODY = json.dumps({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": TEXT}]}).encode()
STREAMED = json.dumps({"model": "gpt-4o-mini", "stream": True, "messages": []}).encode()
ASK = Request(model="openai/gpt-4o-mini", messages=(user(TEXT),))
TIMES = {"timeout": {"connect": 10.0, "write": 60.0, "pool": 30.0, "first_byte": 60.0, "between_bytes": 60.0}}

Call = Callable[[], Awaitable[int]]
"""One call; gives the number of units done: 1, or the chunks of a stream."""


@contextlib.contextmanager
def upstream(*options: str, script: Path = UPSTREAM) -> Iterator[int]:
    """A server process; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, str(script), str(port), *options])
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.1):
                break
            time.sleep(0.05)
        yield port
    finally:
        process.kill()
        process.wait()


async def many_trio(call: Call, calls: int, at_once: int) -> int:
    """Workers that call one after another; units done."""
    units = 0

    async def worker() -> None:
        nonlocal units
        for _ in range(calls // at_once):
            done = await call()
            units += done

    async with trio.open_nursery() as nursery:
        for _ in range(at_once):
            nursery.start_soon(worker)
    return units


async def many_asyncio(call: Call, calls: int, at_once: int) -> int:
    """As many_trio."""

    async def worker() -> int:
        return sum([await call() for _ in range(calls // at_once)])

    return sum(await asyncio.gather(*(worker() for _ in range(at_once))))


class Subject:
    """One way to call the upstream: `cost` gives CPU microseconds a unit."""

    name = ""

    def __init__(self, port: int, *, streamed: bool = False, context: ssl.SSLContext | None = None) -> None:
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{port}/v1"
        self.port = port
        self.streamed = streamed
        self.context = context

    def cost(self, calls: int, at_once: int, *, warm: int = 1) -> float:
        """Measure after three calls on each of `warm` connections."""
        return trio.run(self._cost, calls, at_once, warm)

    async def _cost(self, calls: int, at_once: int, warm: int) -> float:
        async with self.caller() as call:
            await many_trio(call, 3 * warm, warm)
            gc.collect()
            started = time.process_time()
            units = await many_trio(call, calls, at_once)
            return (time.process_time() - started) / units * 1e6

    def caller(self) -> contextlib.AbstractAsyncContextManager[Call]:
        """Opens the client."""
        raise NotImplementedError


class Callboard(Subject):
    """The transport and the OpenAI wire, no other actor."""

    name = "callboard"

    @contextlib.asynccontextmanager
    async def caller(self) -> Any:
        """See Subject."""
        wire = OpenAIChat()
        url, host = httpx.URL(self.url + "/chat/completions"), f"127.0.0.1:{self.port}"
        config = TransportConfig(max_connections=10_000, max_idle=10_000)
        contexts = tls_context if self.context is None else (lambda *_: self.context)
        async with Transport(config, contexts=contexts) as transport:

            async def call() -> int:
                encoded = wire.encode(ASK, "gpt-4o-mini", stream=self.streamed)
                headers = {"host": host, "content-length": str(len(encoded.body)), **encoded.headers}
                headers.update(wire.headers("x"))
                request = httpx.Request("POST", url, headers=headers, stream=Content(encoded.body), extensions=TIMES)
                response = await transport.handle_async_request(request)
                if not self.streamed:
                    wire.decode(await read_body(response))
                    return 1
                decoder, count = wire.decoder(), 0
                assert isinstance(response.stream, Body)
                async for piece in response.stream:
                    count += len(decoder.feed(piece))
                return count

            yield call


class Httpx(Subject):
    """httpx.AsyncClient on asyncio, as users have it."""

    name = "httpx"

    def cost(self, calls: int, at_once: int, *, warm: int = 1) -> float:
        """See Subject."""
        return asyncio.run(self._cost_asyncio(calls, at_once, warm))

    async def _cost_asyncio(self, calls: int, at_once: int, warm: int) -> float:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        async with httpx.AsyncClient(trust_env=False, limits=limits, verify=self.context or True) as http:

            async def call() -> int:
                headers = {"content-type": "application/json", "authorization": "Bearer x"}
                (await http.post(self.url + "/chat/completions", content=BODY, headers=headers)).json()
                return 1

            await many_asyncio(call, 3 * warm, warm)
            gc.collect()
            started = time.process_time()
            units = await many_asyncio(call, calls, at_once)
            return (time.process_time() - started) / units * 1e6


class ByHand(Subject):
    """h11 over a Trio socket and msgspec: a connection a worker, and no features at all."""

    name = "h11"

    @contextlib.asynccontextmanager
    async def caller(self) -> Any:
        """See Subject."""
        idle: list[tuple[h11.Connection, trio.SocketStream]] = []
        head = [("Host", "127.0.0.1"), ("Content-Type", "application/json"), ("Authorization", "Bearer x")]
        decoder = msgspec.json.Decoder()

        async def call() -> int:
            connection, stream = (
                idle.pop() if idle else (h11.Connection(h11.CLIENT), await trio.open_tcp_stream("127.0.0.1", self.port))
            )
            body = STREAMED if self.streamed else BODY
            request = h11.Request(
                method="POST", target="/v1/chat/completions", headers=[*head, ("Content-Length", str(len(body)))]
            )
            data = connection.send(request) or b""
            data += connection.send(h11.Data(data=body)) or b""
            connection.send(h11.EndOfMessage())
            await stream.send_all(data)
            got, count, tail = [], 0, b""
            while True:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    connection.receive_data(await stream.receive_some(65536))
                elif isinstance(event, h11.Data) and self.streamed:
                    *events, tail = (tail + bytes(event.data)).split(b"\n\n")
                    for one in events:
                        if one != b"data: [DONE]":
                            decoder.decode(one[6:])
                            count += 1
                elif isinstance(event, h11.Data):
                    got.append(bytes(event.data))
                elif isinstance(event, h11.EndOfMessage):
                    break
            if not self.streamed:
                decoder.decode(b"".join(got))
            connection.start_next_cycle()
            idle.append((connection, stream))
            return count or 1

        yield call
        for _, stream in idle:
            await stream.aclose()


def compare(question: str, subjects: list[Subject], calls: int, at_once: int, rounds: int) -> dict[str, float]:
    """Each subject in turn, so many rounds; the best of each, and the ratios of the first to the others."""
    costs: dict[str, list[float]] = {subject.name: [] for subject in subjects}
    for _ in range(rounds):
        for subject in subjects:
            costs[subject.name].append(subject.cost(calls, at_once))
    best = {name: min(values) for name, values in costs.items()}
    ours = best[subjects[0].name]
    beside = ", ".join(f"{ours / best[one.name]:.3f} of {one.name}" for one in subjects[1:])
    figures = ", ".join(f"{name} {value:.1f}" for name, value in best.items())
    print(f"{question}: {figures} us; {beside}", flush=True)
    return best


def plain(scale: int) -> None:
    """CPU a call at 64 in flight."""
    with upstream() as port:
        compare("a call, 64 in flight", [Callboard(port), Httpx(port), ByHand(port)], 1280 * scale, 64, 3)


def flat(scale: int) -> None:
    """CPU a call at 64, 1,000 and 5,000 really in flight: the upstream waits 50 ms."""
    with upstream("--delay", "0.05") as port:
        costs: dict[int, float] = {}
        for _ in range(3):
            for at_once in (64, 1000, 5000):
                cost = Callboard(port).cost(max(4 * at_once, 1280 * scale), at_once, warm=at_once)
                costs[at_once] = min(cost, costs.get(at_once, cost))
    figures = ", ".join(f"{at_once}: {cost:.1f} us ({cost / costs[64]:.2f})" for at_once, cost in costs.items())
    print(f"a call with 50 ms upstream, by calls in flight: {figures}", flush=True)


def stream(scale: int) -> None:
    """CPU a streamed chunk."""
    with upstream() as port:
        subjects: list[Subject] = [Callboard(port, streamed=True), ByHand(port, streamed=True)]
        compare("a streamed chunk, 16 in flight", subjects, 32 * scale, 16, 3)


def tls(scale: int) -> None:
    """CPU a call over TLS 1.3 with keep-alive."""
    import trustme

    authority = trustme.CA()
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    authority.configure_trust(context)
    with tempfile.TemporaryDirectory() as folder:
        cert = Path(folder, "cert.pem")
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(cert)
        with upstream("--cert", str(cert), script=HERE / "transport_upstream.py") as port:
            subjects: list[Subject] = [Callboard(port, context=context), Httpx(port, context=context)]
            compare("a call over TLS 1.3, 64 in flight", subjects, 640 * scale, 64, 3)


def gzipped(scale: int) -> None:
    """CPU a call whose reply is compressed."""
    with upstream("--gzip", script=HERE / "transport_upstream.py") as port:
        compare("a call with gzip, 64 in flight", [Callboard(port), Httpx(port)], 640 * scale, 64, 3)


def memory(scale: int) -> None:
    """Resident memory of a connection, idle and with a call in flight."""

    async def main(port: int) -> tuple[float, float]:
        config = TransportConfig(max_connections=10_000, max_idle=10_000)
        async with Transport(config) as transport, trio.open_nursery() as nursery:
            url = f"http://127.0.0.1:{port}"

            async def call() -> None:
                request = httpx.Request("POST", url, content=BODY, extensions=TIMES)
                await read_body(await transport.handle_async_request(request))

            await transport.warm_up(url, 500)
            before = resident()
            opened = await transport.warm_up(url, 800 * scale)
            idle = (resident() - before) / opened
            before = resident()
            for _ in range(opened):
                nursery.start_soon(call)
            await trio.testing.wait_all_tasks_blocked()
            busy = (resident() - before) / opened
            nursery.cancel_scope.cancel()
        return idle, idle + busy

    with upstream("--delay", "60") as port:
        idle, busy = trio.run(main, port)
        print(f"memory a connection: idle {idle / 1024:.1f} KB, with a call in flight {busy / 1024:.1f} KB", flush=True)


def resident() -> int:
    """Bytes of this process in memory."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


def churn(scale: int) -> None:
    """Calls to a server that hangs up at random, some cancelled: what is left afterwards?"""

    async def hang_up(stream: trio.SocketStream) -> None:
        reply = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"a" * 1000
        async with stream:
            with contextlib.suppress(trio.BrokenResourceError):
                while await stream.receive_some(65536):
                    cut = dice.choice((len(reply), len(reply), len(reply), dice.randrange(len(reply)), 0))
                    if cut:
                        await stream.send_all(reply[:cut])
                    if cut < len(reply):
                        if dice.random() < 0.3:
                            await trio.sleep(dice.random() / 100)
                        return

    async def main() -> None:
        outcomes: dict[str, int] = {}
        async with trio.open_nursery() as nursery:
            listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
            nursery.start_soon(trio.serve_listeners, hang_up, [listener])
            url = httpx.URL(f"http://127.0.0.1:{listener.socket.getsockname()[1]}/")
            async with Transport() as transport:

                async def call() -> int:
                    outcome = "cancelled"
                    with trio.move_on_after(0.002 if dice.random() < 0.05 else 60):
                        try:
                            request = httpx.Request("POST", url, content=b"x", extensions=TIMES)
                            await read_body(await transport.handle_async_request(request))
                            outcome = "ok"
                        except httpx.TransportError as error:
                            outcome = type(error).__name__
                    outcomes[outcome] = outcomes.get(outcome, 0) + 1
                    return 1

                await many_trio(call, 5000, 50)
                before, tasks = (left(), resident()), trio.lowlevel.current_statistics().tasks_living
                await many_trio(call, 20_000 * scale, 50)
                print(f"churn, {20_000 * scale:,} calls: {outcomes}; {transport}", flush=True)
                after = (left(), resident())
                grown = (after[1] - before[1]) / 1024
                print(f"  descriptors {before[0]} -> {after[0]}, memory grew by {grown:.0f} KB", flush=True)
            await trio.sleep(0.1)
            grown = trio.lowlevel.current_statistics().tasks_living - tasks
            print(f"  after closing: {left()} descriptors, {grown:+} tasks", flush=True)
            nursery.cancel_scope.cancel()

    def left() -> int:
        gc.collect()
        return len(list(Path("/proc/self/fd").iterdir()))

    dice = random.Random(1)
    trio.run(main)


QUESTIONS: dict[str, Callable[[int], None]] = {
    "plain": plain,
    "flat": flat,
    "stream": stream,
    "tls": tls,
    "gzip": gzipped,
    "memory": memory,
    "churn": churn,
}


def main() -> None:
    """Ask all questions, or those named."""
    parser = argparse.ArgumentParser()
    parser.add_argument("questions", nargs="*", choices=[[], *QUESTIONS])
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    if not UPSTREAM.exists():
        raise SystemExit(f"{UPSTREAM} is not there: this benchmark needs the peers beside the checkout")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for question in args.questions or QUESTIONS:
        QUESTIONS[question](1 if args.quick else 5)


if __name__ == "__main__":
    main()
