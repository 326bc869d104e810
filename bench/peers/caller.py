"""One peer against the benchmarks' upstream. Run by `harness/peers.py` in the peer's own environment.

usage: python caller.py {openai,litellm,router,anyllm,tensorzero} URL CALLS AT_ONCE [stream]

Prints one line of JSON: CPU microseconds of this process a call, or a chunk when streamed.
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


async def measure(call: Call, calls: int, at_once: int, stream: bool) -> float:
    """CPU microseconds a unit, after as many calls that are not measured; of streams, one each at once."""
    units, before = 0, at_once if stream else calls

    async def worker(count: int) -> None:
        nonlocal units
        for _ in range(count):
            reply, done = await call(), 1
            if stream:
                done = 0
                async for _ in reply:
                    done += 1
            units += done

    await worker(3)
    await asyncio.gather(*(worker(before // at_once) for _ in range(at_once)))
    gc.collect()
    units, started = 0, time.process_time()
    await asyncio.gather(*(worker(calls // at_once) for _ in range(at_once)))
    return (time.process_time() - started) / units * 1e6


if __name__ == "__main__":
    name, url, calls, at_once, *rest = sys.argv[1:]
    streamed = bool(rest)
    spent = asyncio.run(measure(PEERS[name](url, streamed), int(calls), int(at_once), streamed))
    print(json.dumps({"peer": name, "cpu_us": round(spent, 2)}), flush=True)
    os._exit(0)  # it is measured; one of them dies while the interpreter takes it down
