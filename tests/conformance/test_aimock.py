"""Calls to a server that nobody here wrote: @copilotkit/aimock, an npm package that speaks five protocols.

`.ci/aimock` installs it into the user's cache. Its counts of tokens and its refusals are not exact, so only texts, tool
calls and the kinds of outcome are compared.
"""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

import callboard
from callboard.config import Config
from callboard.sections import ProviderConfig, StoreConfig

SCRIPT = Path(__file__).parents[2] / ".ci" / "aimock"
KEY = "CALLBOARD_AIMOCK_KEY"
ANSWER = "Because short waves are scattered most: that is why it is blue — “Rayleigh”, 1871. 🌤"
FIXTURES = {
    "fixtures": [
        {"match": {"userMessage": "sky"}, "response": {"content": ANSWER}},
        {
            "match": {"userMessage": "weather"},
            "response": {"toolCalls": [{"name": "get_weather", "arguments": json.dumps({"city": "Zürich"})}]},
        },
    ]
}
PATHS = {"openai": "/v1", "anthropic": "/v1", "gemini": "/v1beta", "cohere": "/v2", "ollama": "/api"}
"""Where each protocol begins."""
CHAOS = {
    "ratelimit": {"rate_limited"},
    "drop": {"server"},
    "malformed": {"malformed_reply", "interrupted"},
    "disconnect": {"connection", "interrupted"},
}
"""What each injected error is to callboard."""
TOOL = callboard.Tool(name="get_weather", parameters={"type": "object", "properties": {"city": {"type": "string"}}})

each = pytest.mark.parametrize("wire", PATHS)


@pytest.fixture(scope="module")
def cli() -> str:
    """The server's program. Skips where node or npm is missing or cannot install it; in CI that is an error."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        _absent("node and npm are not installed")
    installed = subprocess.run([SCRIPT], capture_output=True, text=True, check=False)
    if installed.returncode != 0:
        _absent(f"aimock cannot be installed: {installed.stderr[-200:]}")
    return installed.stdout.strip()


def _absent(why: str) -> NoReturn:
    if "CI" in os.environ:
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="module")
def url(cli: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the server listens while this module's tests run."""
    fixtures = tmp_path_factory.mktemp("aimock") / "fixtures.json"
    fixtures.write_text(json.dumps(FIXTURES))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["node", cli, "-p", str(port), "-f", str(fixtures), "--chunk-size", "8", "--log-level", "silent"]
    with subprocess.Popen(command) as server:
        try:
            _wait_for(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _wait_for(port: int) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("aimock does not listen")


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, "secret")


def board(url: str, wire: Any, headers: dict[str, str] | None = None) -> Any:
    """A board with this one account, asked once a call."""
    account = ProviderConfig(wire=wire, base_url=url + PATHS[wire], key_env=KEY, headers=headers or {})
    config = Config(providers={wire: account}, store=StoreConfig(mode="memory"))
    return callboard.open(config, virtual_time=True, seed=1)


@each
async def test_a_call_and_a_stream_give_the_text(url: str, wire: str) -> None:
    async with board(url, wire) as running:
        reply = await running.generate("Why is the sky blue?", model=f"{wire}/m")
        async with running.stream("Why is the sky blue?", model=f"{wire}/m") as stream:
            pieces = [delta.text async for delta in stream]
    assert reply.text == stream.reply.text == "".join(pieces) == ANSWER
    assert len([piece for piece in pieces if piece]) > 3
    assert reply.finish_reason == stream.reply.finish_reason == "stop"


@each
async def test_a_tool_is_called_plain_and_streamed(url: str, wire: str) -> None:
    options: Any = {"model": f"{wire}/m", "tools": [TOOL], "max_tokens": 100}
    async with board(url, wire) as running:
        reply = await running.generate("What is the weather?", **options)
        async with running.stream("What is the weather?", **options) as stream:
            streamed = await stream.collect()
    for one in (reply, streamed):
        (call,) = one.tool_calls
        assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "Zürich"})


@each
@pytest.mark.parametrize("chaos", CHAOS)
@pytest.mark.parametrize("way", ["plain", "streamed"])
async def test_an_injected_error_is_a_typed_fault(url: str, wire: str, chaos: str, way: str) -> None:
    async with board(url, wire, {f"x-aimock-chaos-{chaos}": "1.0"}) as running:
        with pytest.raises(callboard.CallError) as caught:
            if way == "plain":
                await running.generate("Why is the sky blue?", model=f"{wire}/m", attempts=1)
            else:
                async with running.stream("Why is the sky blue?", model=f"{wire}/m", attempts=1) as stream:
                    await stream.collect()
    assert caught.value.fault.kind in CHAOS[chaos]
    assert caught.value.fault.retry_after == (1.0 if chaos == "ratelimit" else None)


@each
async def test_a_slow_server_answers_all_the_same(url: str, wire: str) -> None:
    async with board(url, wire, {"x-aimock-chaos-latency": "200"}) as running:
        reply = await running.generate("Why is the sky blue?", model=f"{wire}/m", timeout=10)
    assert reply.text == ANSWER
    assert reply.duration >= 0.2


@each
async def test_a_slow_server_is_left_at_the_callers_deadline(url: str, wire: str) -> None:
    async with board(url, wire, {"x-aimock-chaos-latency": "5000"}) as running:
        with pytest.raises(callboard.DeadlineExceeded):
            await running.generate("Why is the sky blue?", model=f"{wire}/m", timeout=0.2)


async def test_a_call_falls_back_from_the_server_that_always_errs(url: str) -> None:
    async with callboard.open(
        Config(
            providers={
                "bad": ProviderConfig(
                    wire="openai", base_url=url + "/v1", key_env=KEY, headers={"x-aimock-chaos-drop": "1.0"}
                ),
                "good": ProviderConfig(wire="anthropic", base_url=url + "/v1", key_env=KEY),
            },
            models={"any": ["bad/m", "good/m"]},
            store=StoreConfig(mode="memory"),
        ),
        virtual_time=True,
        seed=1,
    ) as running:
        reply = await running.generate("Why is the sky blue?", model="any")
    assert (reply.text, reply.provider) == (ANSWER, "good")
    assert [attempt.outcome for attempt in reply.attempts][-1] == "ok"
