"""What a board's methods are told besides a request is checked before anything is done."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

import callboard
from callboard.messages.calls import Operate

Opening = Callable[..., AbstractAsyncContextManager[Any]]
ALPHA = "alpha/sim-small"

NONSENSE = {
    "timeout": ("3", True, 0, -1, float("nan"), [3]),
    "attempts": ("2", True, 1.5, 0, -1, [2]),
    "repair": ("yes", 1),
    "hedge": ("yes", 1),
}
CASES = [(name, value) for name, values in NONSENSE.items() for value in values]


@pytest.mark.parametrize(("name", "value"), CASES, ids=str)
async def test_what_makes_no_sense_of_a_call_never_leaves_the_process(
    autojump_clock: object, world: Opening, name: str, value: Any
) -> None:
    async with world() as w:
        with pytest.raises(callboard.InvalidRequest, match=f"^{name}: expected"):
            await w.board.generate("Why?", model=ALPHA, **{name: value})
        assert w["alpha"].log == ()


@pytest.mark.parametrize(("name", "value"), [*(case for case in CASES if case[0] != "hedge"), ("buffer", "yes")])
async def test_a_stream_refuses_at_once_what_makes_no_sense(
    autojump_clock: object, world: Opening, name: str, value: Any
) -> None:
    async with world() as w:
        with pytest.raises(callboard.InvalidRequest, match=f"^{name}: expected"):
            w.board.stream("Why?", model=ALPHA, **{name: value})


@pytest.mark.parametrize("command", ["open", Operate(command="open")])
async def test_an_operators_command_may_be_a_word(autojump_clock: object, world: Opening, command: Any) -> None:
    async with world() as w:
        assert await w.board.operate("alpha", command)
        with pytest.raises(callboard.Unavailable):
            await w.board.generate("Why?", model=ALPHA)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (
            lambda board: board.embed("Why?", model=ALPHA, dimension=5),
            "dimension: no such option; did you mean dimensions",
        ),
        (
            lambda board: board.rerank("Why?", ["So."], model=ALPHA, top_n=5),
            r"top_n: no such option; say top",
        ),
        (
            lambda board: board.draw("A cat.", model=ALPHA, temperature=1),
            "temperature: no such option; provider-specific",
        ),
        (
            lambda board: board.draw("A cat.", model=ALPHA, timeouts=1),
            r"timeouts: no such option; did you mean timeout\?",
        ),
    ],
)
async def test_other_kinds_of_work_tell_the_nearest_of_their_own_options(
    autojump_clock: object, world: Opening, call: Any, told: str
) -> None:
    async with world() as w:
        with pytest.raises(callboard.InvalidRequest, match=f"^{told}"):
            await call(w.board)


@pytest.mark.parametrize("command", ["shut", None, Operate(command="shut")])  # type: ignore[arg-type]
async def test_what_is_no_operators_command_never_reaches_the_account(
    autojump_clock: object, world: Opening, command: Any
) -> None:
    async with world() as w:
        for _ in range(5):
            with pytest.raises(callboard.InvalidRequest, match=r"^command: expected"):
                await w.board.operate("alpha", command)
        assert w.board.events == ()
        assert (await w.board.generate("Why?", model=ALPHA)).text


@pytest.mark.parametrize("name", [["cap"], None, 3, "\ud800"])
async def test_a_budgets_name_that_is_none_harms_nobody(autojump_clock: object, world: Opening, name: Any) -> None:
    async with world() as w:
        for _ in range(5):
            with pytest.raises(callboard.InvalidRequest):
                await w.board.reset_budget(name)
        assert w.board.events == ()
        assert (await w.board.generate("Why?", model=ALPHA)).text
