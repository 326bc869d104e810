from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import trio

import callboard
from callboard.testing import SimulatedProvider

Run = Callable[..., Any]
Configure = Callable[[SimulatedProvider], None]
BUDGETS = '[budgets.all]\nlimit = 1\nper = "ever"\n[budgets.team]\nlimit = 0.5\nper = "day"\ntag = "team"\n'


async def test_budgets_are_told_and_reset_in_a_running_runtime(run: Run, configure: Configure, here: Path) -> None:
    async def command(*arguments: str) -> Any:
        return await trio.to_thread.run_sync(partial(run, *arguments))

    async with SimulatedProvider("alpha") as provider:
        configure(provider)
        with (here / "callboard.toml").open("a") as file:
            file.write(BUDGETS)
        async with callboard.open("callboard.toml") as board:
            reply = await board.generate("Why?", model="any", tag="team")
            spent = f"${reply.cost:.6f}"
            lines = (await command("usage")).out.splitlines()
            told = [line.split() for line in lines if line.startswith(("all ", "team "))]
            assert [(line[0], line[3], line[5]) for line in told] == [("all", "1", spent), ("team", "1", spent)]
            assert await command("budget", "all", "reset") == (0, "all: 1 windows emptied\n", "")
            rows = msgspec.json.decode((await command("usage", "--json")).out)["budgets"]
            assert [(row["name"], row["requests"]) for row in rows] == [("all", 0), ("team", 1)]
            assert board.usage().cost == reply.cost, "a reset forgets no usage"
            await board.flush()
            owned = (await command("usage")).out
            unknown = await command("budget", "al", "reset")
            assert unknown == (1, "", "callboard: no budget is named 'al'; there are: all, team\n")

    assert run("usage").out == owned, "the disk tells the same"
    elsewhere = run("usage", "--store", str(here / ".callboard" / ".." / ".callboard"), "--json")
    assert msgspec.json.decode(elsewhere.out)["budgets"] == [], "of a store that these budgets are not of"


def test_without_a_runtime_it_says_so(run: Run) -> None:
    assert run("budget", "all", "reset").err.startswith("callboard: no runtime is running on")
