"""A crowd is one at the upstream, or nothing is told of it."""

import subprocess
from collections.abc import Awaitable, Callable, Iterator

import msgspec
import pytest

from callboard import config
from callboard.bench.harness import client, crowd
from callboard.bench.harness.failing import sentence
from callboard.bench.harness.upstream import peak, upstream

CROWD = 32

Measured = Callable[[str, int, int], Awaitable[float]]


@pytest.fixture
def url() -> Iterator[str]:
    with upstream(delay=0.2) as url:
        yield url


@pytest.mark.parametrize("measured", [crowd._cpu, crowd._memory])
async def test_calls_that_wait_for_a_permit_are_not_in_flight(
    measured: Measured, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    roomy = client.configuration

    def narrow(url: str, store: str) -> config.Resolved:
        resolved = roomy(url, store)
        (account,) = resolved.providers
        limits = msgspec.structs.replace(account.config.limits, concurrency=CROWD // 2)
        narrowed = msgspec.structs.replace(account.config, limits=limits)
        return msgspec.structs.replace(resolved, providers=(msgspec.structs.replace(account, config=narrowed),))

    monkeypatch.setattr(client, "configuration", narrow)
    with pytest.raises(AssertionError, match=f"at most {CROWD // 2} of {CROWD} calls were in flight"):
        await measured(url, 2 * CROWD, CROWD)


@pytest.mark.parametrize("measured", [crowd._cpu, crowd._memory])
async def test_calls_that_wait_for_their_reply_are_in_flight(measured: Measured, url: str) -> None:
    await measured(url, CROWD, CROWD)


def test_what_a_crowd_broke_with_is_told_in_words() -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        crowd.cpu("http://127.0.0.1:9/v1", 4, 4)
    assert "CallError: up/gpt-4o-mini: connection: no connection to http://127.0.0.1:9" in sentence(caught.value)


async def test_the_upstream_tells_the_peak_since_it_was_last_asked(url: str) -> None:
    async with client.opened(url) as board:
        await client.many(board, client.plain, 8, 8)
        await client.many(board, client.plain, 2, 2)
        assert peak(url) == 8
        await client.many(board, client.plain, 2, 2)
        assert peak(url) == 2
