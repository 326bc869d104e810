"""A board whose runtime has stopped says so, and still knows what it has seen."""

from decimal import Decimal

import pytest
from trio.testing import MockClock

import callboard
from callboard.actors.budgets.spec import BudgetSpec
from callboard.actors.logbook.pages import LogSpec
from callboard.actors.provider.actor import ProviderActor
from callboard.messages.calls import Operate

from .conftest import MODEL, open_world
from .test_home import ENTRIES, Entry

ALPHA = f"alpha/{MODEL}"
ALL: dict[str, Entry] = {**ENTRIES, "log": lambda board: board.log("0123456789abcdef")}


@pytest.mark.parametrize("entry", ALL)
async def test_whatever_is_asked_of_it_it_says_that_the_runtime_has_stopped(
    autojump_clock: MockClock, entry: str
) -> None:
    budgets = {"all": BudgetSpec(limit=Decimal(1), per="day")}
    async with open_world(log=LogSpec(requests=True), budgets=budgets) as w:
        pass
    with pytest.raises(callboard.RuntimeStopped, match=r"^the runtime has stopped; a board is used inside its block"):
        await ALL[entry](w.board)


async def test_what_needs_no_actor_is_still_told(autojump_clock: MockClock) -> None:
    async with open_world() as w:
        await w.board.generate("Why?", model=ALPHA)
    assert [row.calls for row in w.board.usage().calls] == [1]
    assert {one.state for one in w.board.health()} == {"down"}
    assert w.board.status().tree.status == "stopped"


async def test_of_a_command_whose_actor_crashes_nobody_knows_whether_it_was_done(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> str:
        raise KeyError("a bug")

    monkeypatch.setattr(ProviderActor, "_operate", breaks)
    async with open_world() as w:
        with pytest.raises(callboard.CallboardError, match="whether it was done is not known: providers/alpha"):
            await w.board.operate("alpha", Operate(command="reset"))
