"""What users of other clients complain about in what is kept, each kept out by a test of its own."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import trio

import callboard
from callboard.runtime.clock import ns, virtual_utc
from callboard.runtime.storage.environment import Environment
from callboard.runtime.storage.errors import StorageFailed
from callboard.runtime.storage.operations import Operation
from callboard.sections import StoreConfig

Opening = Callable[..., AbstractAsyncContextManager[Any]]
ALPHA = "alpha/sim-small"


async def ask(w: Any, prompt: str = "Why?", **options: Any) -> callboard.Reply:
    reply: callboard.Reply = await w.board.generate(prompt, model=ALPHA, temperature=0, **options)
    return reply


async def test_spend_lost_if_the_commit_fails(
    autojump_clock: object, world: Opening, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fails for a while: what was spent is counted at once, written later, and there in the next life."""
    commit = Environment.commit
    failures: list[Sequence[Operation]] = []

    def failing(self: Environment, operations: Sequence[Operation]) -> None:
        if self.path.name == "ledger" and operations and len(failures) < 5:
            failures.append(operations)
            raise StorageFailed(self.path, "input/output error")
        commit(self, operations)

    store = StoreConfig(path=str(tmp_path))
    async with world(store=store) as w:
        monkeypatch.setattr(Environment, "commit", failing)
        replies = [await ask(w, str(number)) for number in range(3)]
        spent = sum(reply.cost or 0 for reply in replies)
        assert w.board.usage().cost == spent > 0
        await trio.sleep(60)
        assert len(failures) == 5
        await w.board.flush()
    async with world(store=store) as w:
        assert w.board.usage().cost == spent
        assert sum(row.calls for row in w.board.usage().calls) == 3


async def test_cross_tenant_leakage(autojump_clock: object, world: Opening) -> None:
    """Tenants share no entry, and neither do users, whatever else is the same."""
    async with world() as w:
        tenants = [callboard.CacheControl(use="use", partition=name) for name in ("", "a", "b")]
        for _ in range(2):
            for tenant in tenants:
                await ask(w, cache=tenant)
        await ask(w, cache=tenants[1], user="ann")
        assert w["alpha"].statistics().requests == 4


async def test_system_prompt_not_in_key(autojump_clock: object, world: Opening) -> None:
    async with world() as w:
        for system in ("Be brief.", "Be rude."):
            await ask(w, system=system)
        assert not (await ask(w)).cached
        assert w["alpha"].statistics().requests == 3


@pytest.mark.parametrize(
    "options",
    [
        {"max_tokens": 5},
        {"top_p": 0.5},
        {"stop": "x"},
        {"seed": 1},
        {"tools": [callboard.Tool(name="f")]},
        {"extra": {"logit_bias": {"1": 2}}},
    ],
    ids=lambda options: next(iter(options)),
)
async def test_different_tools_or_parameters_same_answer(
    autojump_clock: object, world: Opening, options: dict[str, Any]
) -> None:
    async with world() as w:
        await ask(w)
        assert not (await ask(w, **options)).cached
        assert (await ask(w, **options)).cached


async def test_never_hits(autojump_clock: object, world: Opening, tmp_path: Path) -> None:
    """What means the same hits however it was written, for whichever feature, and after a restart."""
    store = StoreConfig(path=str(tmp_path))
    async with world(store=store) as w:
        first = await ask(w, tag="x", metadata={"ticket": "1"})
        for again in (
            await ask(w, tag="y", metadata={"ticket": "2"}, priority="critical", timeout=5, attempts=1),
            await w.board.generate([callboard.user("Why?")], model="any", temperature=0.0),
        ):
            assert (again.cached, again.text) == (True, first.text)
        url = w["alpha"].url
    async with world(store=store, base_url=url) as w:
        assert (await ask(w)).cached
        assert w["alpha"].statistics().requests == 0


async def test_stale_answer_after_the_clock_was_put_back(autojump_clock: object, world: Opening) -> None:
    """An hour for which UTC is held is an hour for `max_age` as well, and what is kept meanwhile is not old at once."""
    back = 0
    told = virtual_utc()
    recent = callboard.CacheControl(max_age=10.0)
    async with world(utc=lambda: told() - back) as w:
        await ask(w, "before", cache=recent)
        back = ns(3_600)
        await ask(w, cache=recent)
        for seconds, cached in ((5, True), (6, False), (1_800, False), (9, True), (1_800, False)):
            await trio.sleep(seconds)
            assert (await ask(w, cache=recent)).cached is cached
