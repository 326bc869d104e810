"""A peer is called as its makers say that a long-running program should."""

import asyncio
import runpy
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "bench" / "peers" / "caller.py"


class Counted:
    """In the place of any-llm's class: remembers how often it was made, and for what it was called."""

    made: list[tuple[Any, ...]]
    called: list[dict[str, Any]]

    @classmethod
    def create(cls, provider: str, *, api_key: str, api_base: str) -> "Counted":
        cls.made.append((provider, api_key, api_base))
        return cls()

    async def acompletion(self, **told: Any) -> Any:
        self.called.append(told)
        return chunks_of_two() if told["stream"] else None


async def chunks_of_two() -> AsyncIterator[int]:
    yield 1
    yield 2


@pytest.mark.parametrize("stream", [False, True])
def test_any_llm_makes_one_client_for_all_calls(stream: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Counted, "made", [], raising=False)
    monkeypatch.setattr(Counted, "called", [], raising=False)
    monkeypatch.setitem(sys.modules, "any_llm", SimpleNamespace(AnyLLM=Counted))
    caller = runpy.run_path(str(SCRIPT))
    measure: Callable[..., Any] = caller["measure"]
    asyncio.run(measure(caller["PEERS"]["anyllm"]("http://up/v1", stream), 4, 2, 2 * stream, warm=0.0))
    assert Counted.made == [("openai", "x", "http://up/v1")]
    assert {(one["model"], one["stream"]) for one in Counted.called} == {(caller["MODEL"], stream)}


@pytest.mark.parametrize(("chunks", "warm"), [(3, 0.0), (2, 0.2)])
def test_streams_have_all_their_chunks_and_are_warmed_by_the_clock(chunks: int, warm: float) -> None:
    made: list[float] = []

    async def call() -> AsyncIterator[int]:
        made.append(time.monotonic())
        await asyncio.sleep(0.01)
        return chunks_of_two()

    measure: Callable[..., Any] = runpy.run_path(str(SCRIPT))["measure"]
    if chunks > 2:
        with pytest.raises(AssertionError, match="2 chunks came of 3"):
            asyncio.run(measure(call, 4, 2, chunks, warm=warm))
    else:
        assert asyncio.run(measure(call, 4, 2, chunks, warm=warm)) > 0
        assert len(made) > 4 + 2 and made[-5] - made[0] >= warm - 0.05
