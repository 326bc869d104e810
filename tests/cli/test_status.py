"""`callboard status`, of a runtime in this process and of one in another that is stuck or was killed."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from rich.console import Console

import callboard
from callboard.cli.coloured import tree
from callboard.messages.status import Blocked, NodeStatus, Status
from callboard.testing import SimulatedProvider

Run = Callable[..., Any]
Configure = Callable[[SimulatedProvider], None]

STUCK = """
import sys, time
import httpx, trio
import callboard
from callboard.config import Config
from callboard.sections import ProviderConfig

class Sleepy(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request):
        print("blocking", flush=True)
        time.sleep(60)

async def main():
    alpha = ProviderConfig(wire="openai", base_url="http://127.0.0.1:1/v1")
    async with callboard.open(Config(providers={"alpha": alpha}), transport=lambda one: Sleepy()) as board:
        await board.generate("Why?", model="alpha/m")

trio.run(main)
"""


@contextmanager
def stuck(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process whose runtime has a handler that blocks its event loop."""
    process = subprocess.Popen([sys.executable, "-c", STUCK], cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "blocking\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_stuck_runtime_in_another_process_tells_its_status_and_names_the_handler(run: Run, here: Path) -> None:
    with stuck(here) as process:
        finished = run("status")
        found = msgspec.json.decode(run("status", "--json").out, type=Status)
        left = Path(os.environ["XDG_RUNTIME_DIR"]) / "callboard"
    assert finished.code == 0
    assert "THE EVENT LOOP IS STUCK: providers/alpha with Attempt" in finished.out
    assert found.pid == process.pid
    assert found.blocked is not None
    assert found.blocked.path == "providers/alpha"
    killed = run("status")
    assert (killed.code, killed.out) == (1, "")
    assert "the last one did not end in order" in killed.err
    for socket in left.iterdir():
        socket.unlink()
    left.rmdir()


def test_without_a_runtime_it_says_so(run: Run, here: Path) -> None:
    assert run("status") == (
        1,
        "",
        f"callboard: no runtime is running on {here / '.callboard'}; --store names the folder of another one\n",
    )


async def test_the_store_is_the_one_that_was_named_or_configured(run: Run, here: Path, configure: Configure) -> None:
    async with SimulatedProvider("alpha") as provider:
        configure(provider)
        text = (here / "callboard.toml").read_text()
        (here / "callboard.toml").write_text(f'{text}[store]\npath = "elsewhere"\n')
        (here / ".env").unlink()  # what needs no credential asks for none
        os.environ["ALPHA_KEY"] = "sk-x"
        try:
            async with callboard.open("callboard.toml"):
                del os.environ["ALPHA_KEY"]
                for arguments in (("status",), ("status", "--store", "elsewhere")):
                    finished = await trio.to_thread.run_sync(partial(run, *arguments))
                    assert finished.code == 0
                    assert finished.out.startswith("callboard ")
        finally:
            os.environ.pop("ALPHA_KEY", None)


async def test_watching_looks_again_until_interrupted(
    run: Run, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = iter([None, None])

    def pause(seconds: float) -> None:
        if next(pauses, "over") == "over":
            raise KeyboardInterrupt

    async with SimulatedProvider("alpha") as provider:
        configure(provider)
        async with callboard.open("callboard.toml"):
            with monkeypatch.context() as patch:
                patch.setattr("callboard.cli.status.time.sleep", pause)
                finished = await trio.to_thread.run_sync(partial(run, "status", "--watch", "--json"))
    assert (finished.code, finished.err) == (130, "")
    looks = [msgspec.json.decode(line, type=Status) for line in finished.out.splitlines()]
    assert len(looks) == 3
    assert looks[0].taken < looks[1].taken < looks[2].taken


async def test_watching_ends_with_the_runtime(run: Run, configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    over = trio.Event()
    async with SimulatedProvider("alpha") as provider, trio.open_nursery() as nursery:
        configure(provider)
        ended = trio.Event()

        async def board(task_status: trio.TaskStatus[None]) -> None:
            async with callboard.open("callboard.toml"):
                task_status.started()
                await over.wait()
            ended.set()

        def pause(seconds: float) -> None:
            trio.from_thread.run_sync(over.set)
            trio.from_thread.run(ended.wait)

        monkeypatch.setattr("callboard.cli.status.time.sleep", pause)
        await nursery.start(board)
        finished = await trio.to_thread.run_sync(partial(run, "status", "--watch"))
    assert finished.code == 1
    assert finished.out.count("orchestrator") == 1
    assert "no runtime is running" in finished.err


def test_in_a_narrow_terminal_the_states_are_still_there() -> None:
    root = NodeStatus(path="", kind="supervisor", status="running")
    status = Status(taken=0, pid=1, version="1", uptime=1.0, tree=root, dead_letters={})
    output = io.StringIO()
    Console(file=output, width=20).print(tree(status))
    assert "running" in output.getvalue()


def test_in_a_terminal_the_troubled_are_marked() -> None:
    node = NodeStatus(path="alpha", kind="actor", status="running", facts={"circuits": {"endpoint": "open"}})
    root = NodeStatus(path="", kind="supervisor", status="running", children=(node,))
    blocked = Blocked(path="alpha", message="Attempt", seconds=1.0)
    status = Status(taken=0, pid=1, version="1", uptime=1.0, tree=root, dead_letters={}, blocked=blocked)
    output = io.StringIO()
    Console(file=output, force_terminal=True, color_system="standard", width=90).print(tree(status))
    red = [line for line in output.getvalue().splitlines() if "\x1b[1;31m" in line]
    assert ["alpha" in red[0], "STUCK" in red[1], len(red)] == [True, True, 2]


@pytest.mark.usefixtures("heeding")
def test_an_interrupted_command_ends_quietly(here: Path) -> None:
    with stuck(here):
        command = [sys.executable, "-m", "callboard", "status", "--watch"]
        process = subprocess.Popen(command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline().startswith("callboard ")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert (process.returncode, errors) == (130, "")
    for socket in (folder := Path(os.environ["XDG_RUNTIME_DIR"]) / "callboard").iterdir():
        socket.unlink()
    folder.rmdir()
