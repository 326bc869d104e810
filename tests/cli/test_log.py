import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import trio

import callboard
from callboard.testing import SimulatedProvider

Run = Callable[..., Any]
Configure = Callable[[SimulatedProvider], None]


async def test_a_call_is_shown_while_the_runtime_runs_and_afterwards(run: Run, configure: Configure) -> None:
    async with SimulatedProvider("alpha") as provider:
        configure(provider)
        path = Path("callboard.toml")
        path.write_text(path.read_text() + "\n[log]\nrequests = true\n")
        async with callboard.open("callboard.toml") as board:
            reply = await board.generate("A question", model="any")
            await trio.sleep(0.5)
            command = [sys.executable, "-m", "callboard", "log", reply.id]
            shown = await trio.run_process(command, capture_stdout=True)
            assert "A question" in json.loads(shown.stdout)["request"]
    assert run("log", reply.id) == (0, shown.stdout.decode(), "")


def test_a_call_that_is_not_there_is_told(run: Run) -> None:
    finished = run("log", "unknown")
    assert (finished.code, finished.out) == (1, "")
    assert finished.err.startswith("callboard: ")
