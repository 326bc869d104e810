"""httpx.AsyncClient on asyncio, as users have it: the reference of the calls.

Of many workers that start at once each opens a connection, and every connection makes every call dearer, until the pool
has closed those that an upstream as quick as this one does not need. A process that runs for long is past that.
"""

import asyncio
import gc
import ssl
import time

import httpx

from callboard.bench.harness.upstream import MODEL, PROMPT


def cpu(url: str, calls: int, at_once: int, context: ssl.SSLContext | None = None) -> float:
    """CPU microseconds of this process a call, after as many calls that are not measured."""
    return asyncio.run(_cpu(url, max(calls, at_once), at_once, context))


async def _cpu(url: str, calls: int, at_once: int, context: ssl.SSLContext | None) -> float:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(trust_env=False, limits=limits, timeout=60, verify=context or True) as http:
        await asyncio.gather(*(_worker(http, url, calls // at_once) for _ in range(at_once)))
        gc.collect()
        started = time.process_time()
        await asyncio.gather(*(_worker(http, url, calls // at_once) for _ in range(at_once)))
        return (time.process_time() - started) / (calls // at_once * at_once) * 1e6


async def _worker(http: httpx.AsyncClient, url: str, calls: int) -> None:
    body = {"model": MODEL, "messages": [{"role": "user", "content": PROMPT}]}
    for _ in range(calls):
        reply = await http.post(f"{url}/chat/completions", json=body, headers={"authorization": "Bearer x"})
        reply.json()
