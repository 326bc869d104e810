"""A loopback server with models on its disk: the administrative half of Ollama's API."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from callboard.testing.http1 import HttpConnection

LAYER = "sha256:6a07"
SIZE = 1000


class OllamaServer:
    """`pace` is seconds between two reports of a download; it may hang, break off or fail in its middle."""

    def __init__(self) -> None:
        self.url = ""
        self.models = {"llama3.2:latest"}
        self.pace = 1.0
        self.middle = "go on"
        self.silent = False
        self.gone = 0
        """Clients that left before their reply was whole."""

    async def serve(self, stream: trio.SocketStream) -> None:
        """One request."""
        http = HttpConnection(stream, 2**20)
        async with stream, trio.open_nursery() as nursery:
            nursery.start_soon(http.pump, nursery.cancel_scope)
            whole = False
            try:
                request = await http.receive()
                body = json.loads(request.body or b"{}")
                await self._answer(http, f"{request.method} {request.path}", body.get("model"))
                whole = True
                nursery.cancel_scope.cancel()
            finally:
                self.gone += not whole

    async def _answer(self, http: HttpConnection, what: str, model: str) -> None:
        if self.silent:
            await trio.sleep_forever()
        if what in ("POST /api/show", "DELETE /api/delete") and model not in self.models:
            what = "absent"
        match what:
            case "GET /api/tags":
                await _reply(http, 200, {"models": [{"model": name} for name in sorted(self.models)]})
            case "GET /api/ps":
                await _reply(http, 200, {"models": [{"model": name, "size": 9} for name in sorted(self.models)]})
            case "POST /api/show":
                await _reply(http, 200, {"details": {"family": "llama"}, "capabilities": ["tools"]})
            case "DELETE /api/delete":
                self.models.discard(model)
                await _reply(http, 200, None)
            case "POST /api/pull":
                await self._pull(http, model)
            case _:
                await _reply(http, 404, {"error": f"model '{model}' not found"})

    async def _pull(self, http: HttpConnection, model: str) -> None:
        http.write_head(200, [("content-type", "application/x-ndjson"), ("connection", "close")])
        await self._tell(http, {"status": "pulling manifest"})
        for completed in range(0, SIZE + 1, SIZE // 4):
            if completed > SIZE // 2 and self.middle != "go on":
                await self._break(http)
                return
            await self._tell(http, {"status": "pulling", "digest": LAYER, "total": SIZE, "completed": completed})
        self.models.add(model)
        http.write_body(b'{"status": "success"}\n')
        http.write_end()
        await http.flush()

    async def _break(self, http: HttpConnection) -> None:
        match self.middle:
            case "hang":
                await trio.sleep_forever()
            case "fail":
                await self._tell(http, {"error": "no space left on device"})
                http.write_end()
                await http.flush()
            case "cut":
                pass

    async def _tell(self, http: HttpConnection, line: dict[str, object]) -> None:
        http.write_body(json.dumps(line).encode() + b"\n")
        await http.flush()
        await trio.sleep(self.pace)


async def _reply(http: HttpConnection, status: int, body: object) -> None:
    data = b"" if body is None else json.dumps(body).encode()
    http.write_head(status, [("content-length", str(len(data))), ("connection", "close")])
    http.write_body(data)
    http.write_end()
    await http.flush()


@asynccontextmanager
async def ollama() -> AsyncIterator[OllamaServer]:
    """The server, while the block runs."""
    server = OllamaServer()
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    server.url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}/api"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, server.serve, [listener])
        yield server
        nursery.cancel_scope.cancel()
