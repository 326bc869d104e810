"""The benchmarks' upstream with TLS or gzip: ../shared/peers/upstream.py, served in another way.

usage: python bench/transport_upstream.py PORT [--cert PEM] [--gzip]
"""

import argparse
import asyncio
import gzip
import ssl
from pathlib import Path
from typing import Any

PEERS = Path(__file__).resolve().parents[2] / "shared" / "peers" / "upstream.py"


def load(path: Path) -> dict[str, Any]:
    """The upstream's names, without starting it."""
    source = path.read_text().replace("\nasyncio.run(main())\n", "\n")
    names: dict[str, Any] = {"__name__": "upstream"}
    exec(compile(source, str(path), "exec"), names)  # noqa: S102 - our own file, which has no main guard
    return names


def gzipped(body: bytes) -> bytes:
    """A whole reply with its body compressed."""
    packed = gzip.compress(body)
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-request-id: req_1\r\n"
        f"Content-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    )
    return head.encode() + packed


async def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--cert")
    parser.add_argument("--gzip", action="store_true")
    args = parser.parse_args()
    names = load(PEERS)
    if args.gzip:
        names["PLAIN"] = gzipped(names["REPLY"])
    context = None
    if args.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(args.cert)
    events = names["stream_events"](200)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: names["Upstream"](0.0, events), "127.0.0.1", args.port, backlog=4096, ssl=context
    )
    await server.serve_forever()


asyncio.run(main())
