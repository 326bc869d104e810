"""One peer against the benchmarks' upstream. Run by `harness/peers.py` in the peer's own environment.

usage: python caller.py {openai,litellm,router,anyllm,tensorzero} URL CALLS AT_ONCE [CHUNKS]

Prints one line of JSON: CPU microseconds of this process a call, or a chunk with text of streams that have so many.
"""

import asyncio
import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MODEL = "gpt-4o-mini"
MESSAGES: Any = [{"role": "user", "content": "hi there " * 50}]

Call = Callable[[], Awaitable[Any]]
"""Makes one call; gives the reply, or what its chunks are iterated from."""


def openai(url: str, stream: bool) -> Call:
    """The official SDK."""
    from openai import AsyncOpenAI

    client = AsyncOpenAI(api_key="x", base_url=url)
    return lambda: client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=stream)


def litellm(url: str, stream: bool) -> Call:
    """LiteLLM's SDK."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm

    litellm.suppress_debug_info = True
    there = {"model": f"openai/{MODEL}", "api_key": "x", "api_base": url}
    return lambda: litellm.acompletion(messages=MESSAGES, stream=stream, **there)


def router(url: str, stream: bool) -> Call:
    """LiteLLM's Router with one deployment."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm

    litellm.suppress_debug_info = True
    there = {"model": f"openai/{MODEL}", "api_key": "x", "api_base": url}
    routed = litellm.Router(model_list=[{"model_name": "m", "litellm_params": there}])
    return lambda: routed.acompletion(model="m", messages=MESSAGES, stream=stream)


def anyllm(url: str, stream: bool) -> Call:
    """any-llm's class, which keeps its client; its plain functions make a new one for every call."""
    from any_llm import AnyLLM

    kept = AnyLLM.create("openai", api_key="x", api_base=url)
    return lambda: kept.acompletion(model=MODEL, messages=MESSAGES, stream=stream)


GATEWAY = """
[models.m]
routing = ["up"]
[models.m.providers.up]
type = "openai"
model_name = "{model}"
api_base = "{url}/"
api_key_location = "none"
[functions.f]
type = "chat"
[functions.f.variants.v]
type = "chat_completion"
model = "m"
"""


def tensorzero(url: str, stream: bool) -> Call:
    """TensorZero's gateway, embedded. It keeps no records: for those it needs a database server."""
    from tensorzero import AsyncTensorZeroGateway

    built: list[Any] = []

    async def build() -> Any:
        with _written(GATEWAY.format(model=MODEL, url=url)) as file:
            gateway = AsyncTensorZeroGateway.build_embedded(config_file=file)
            return await gateway if hasattr(gateway, "__await__") else gateway

    async def call() -> Any:
        if not built:
            built.append(await build())
        return await built[0].inference(function_name="f", input={"messages": MESSAGES}, stream=stream)

    return call


@contextmanager
def _written(configuration: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "tensorzero.toml")
        file.write_text(configuration)
        yield str(file)


PEERS = {one.__name__: one for one in (openai, litellm, router, anyllm, tensorzero)}


WARM = 6.0
"""Seconds of calls before those that are measured, at the least: httpx closes surplus connections after five."""


async def measure(call: Call, calls: int, at_once: int, chunks: int, warm: float = WARM) -> float:
    """CPU microseconds a unit, after as many calls that are not measured; of streams, one each at once."""

    async def one() -> None:
        reply, received = await call(), 0
        if chunks:
            async for _ in reply:
                received += 1
            assert received >= chunks, f"{received} chunks came of {chunks}"

    async def worker(count: int, until: float) -> None:
        while count > 0 or time.monotonic() < until:
            await one()
            count -= 1

    async def crowd(count: int, until: float) -> None:
        await asyncio.gather(*(worker(count // at_once, until) for _ in range(at_once)))

    await crowd(at_once if chunks else calls, time.monotonic() + warm)
    gc.collect()
    started = time.process_time()
    await crowd(calls, 0.0)
    return (time.process_time() - started) / (calls // at_once * at_once * max(1, chunks)) * 1e6


if __name__ == "__main__":
    name, url, calls, at_once, *rest = sys.argv[1:]
    chunks = int(rest[0]) if rest else 0
    spent = asyncio.run(measure(PEERS[name](url, chunks > 0), int(calls), int(at_once), chunks))
    print(json.dumps({"peer": name, "cpu_us": round(spent, 2)}), flush=True)
    os._exit(0)  # it is measured; one of them dies while the interpreter takes it down
