"""What stands behind a command is text, or is refused."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

import callboard
from callboard.testing import SimulatedProvider

Run = Callable[..., Any]
Configure = Callable[[SimulatedProvider], None]


@pytest.mark.parametrize(
    "command",
    [
        ("ask", "{}"),
        ("ask", "Why?", "--model", "{}"),
        ("ask", "Why?", "--system", "{}"),
        ("log", "{}"),
        ("provider", "{}", "open"),
        ("budget", "{}", "reset"),
        ("cache", "clear", "--model", "{}"),
        ("cache", "clear", "--tag", "{}"),
        ("usage", "--by", "model", "--baseline", "{}"),
    ],
    ids=" ".join,
)
async def test_an_argument_that_is_no_text_is_refused(run: Run, configure: Configure, command: tuple[str, ...]) -> None:
    arguments = [one.format("a\udcff") for one in command]
    async with SimulatedProvider("alpha") as provider:
        configure(provider)
        with_log = Path("callboard.toml").read_text() + "[log]\nrequests = true\n"
        Path("callboard.toml").write_text(with_log)
        async with callboard.open("callboard.toml"):
            finished = await trio.to_thread.run_sync(partial(run, *arguments))
    assert (finished.code, finished.out) == (2, "")
    assert finished.err.startswith("callboard: ")
