import errno
import io
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import callboard
from callboard.actors.inspector.client import NotRunning
from callboard.cli import app, main
from callboard.cli.ending import Ending, endings_of
from callboard.cli.place import store_path
from callboard.errors import CallboardError, ConfigError, InvalidRequest, StoreError
from callboard.version import __version__

Run = Callable[..., Any]


@pytest.mark.parametrize("command", [["-m", "callboard"], ["-c", "from callboard.cli import main; main()"]])
def test_it_runs_as_a_module_and_as_a_script(command: list[str]) -> None:
    finished = subprocess.run([sys.executable, *command, "--version"], capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stdout) == (0, f"callboard {__version__}\n")


PRESSED = """
import os, signal, sys

class Presses:
    def find_spec(self, name, *_):
        if name == "typer":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Presses())
from callboard.cli import main
main(["--help"])
"""


@pytest.mark.usefixtures("heeding")
def test_ctrl_c_while_it_imports_ends_it_quietly() -> None:
    finished = subprocess.run([sys.executable, "-c", PRESSED], capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stdout, finished.stderr) == (130, "", "")


INTERRUPTED = """
import sys
class CtrlC:
    def find_spec(self, name, path=None, target=None):
        if name == "datetime":
            sys.meta_path.remove(self)
            raise KeyboardInterrupt
sys.modules.pop("datetime", None)
sys.meta_path.insert(0, CtrlC())
import callboard
"""


def test_ctrl_c_while_dates_are_imported_is_not_lost() -> None:
    ended = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=False)
    assert ended.stderr.endswith("KeyboardInterrupt\n")


def test_importing_callboard_brings_none_of_it_along() -> None:
    program = "import sys, callboard; print([name for name in sys.modules if name.split('.')[0] in ('typer', 'rich')])"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert finished.stdout == "[]\n"


def test_the_help_names_every_command(run: Run) -> None:
    finished = run("--help")
    assert finished.code == 0
    for name in ("demo", "ask", "status", "provider", "usage", "log", "init", "simulate", "bench"):
        assert f"  {name} " in finished.out


def test_the_help_cuts_no_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for arguments in (("--help",), ("cache", "--help")):
        assert "..." not in run(*arguments).out.replace("[ARGS]...", "")


@pytest.mark.parametrize(
    "arguments",
    [("nonsense",), ("ask",), ("ask", "Why?", "--nonsense"), ("demo", "--calls", "3"), ("simulate", "--days", "inf")],
)
def test_a_wrong_command_ends_with_two(run: Run, arguments: tuple[str, ...]) -> None:
    finished = run(*arguments)
    assert (finished.code, finished.out) == (2, "")
    assert "Traceback" not in finished.err


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (ConfigError("the file"), Ending(2, "the file")),
        (InvalidRequest("the field"), Ending(2, "the field")),
        (StoreError("two\nlines"), Ending(1, "two lines")),
        (NotRunning("nobody"), Ending(1, "nobody")),
        (ExceptionGroup("g", [CallboardError("inside")]), Ending(1, "inside")),
        (KeyboardInterrupt(), Ending(130, "")),
        (BaseExceptionGroup("g", [BaseExceptionGroup("h", [KeyboardInterrupt()]), OSError()]), Ending(130, "")),
        (ZeroDivisionError(), None),
        (ExceptionGroup("g", [CallboardError("a"), OSError()]), None),
        (SystemExit(3), None),
        (OSError(errno.ENOSPC, "full", "a.json"), Ending(1, "a.json: full")),
        (
            OSError(errno.ENOSPC, "full"),
            Ending(1, "the output cannot be written: full; make room, or send it elsewhere"),
        ),
        (OSError(errno.ECONNRESET, "reset"), None),
        (
            OSError(errno.ENOENT, os.strerror(errno.ENOENT)),
            Ending(1, "the current folder is gone; change to one that is there"),
        ),
        (OSError(errno.ENOENT, "no folder for temporary files"), Ending(1, "no folder for temporary files")),
        (ExceptionGroup("g", [BrokenPipeError(errno.EPIPE, "gone"), BrokenPipeError(errno.EPIPE, "")]), Ending(1, "")),
    ],
)
def test_each_end_has_its_code_and_at_most_one_line(error: BaseException, ending: Ending | None) -> None:
    assert endings_of(error) == (() if ending is None else (ending,))


def test_errors_of_several_kinds_in_a_group_take_a_line_each_and_none_two(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = ExceptionGroup("h", [StoreError("the store"), ConfigError("the file"), BrokenPipeError(errno.EPIPE, "")])

    def read(store: object) -> None:
        raise ExceptionGroup("g", [ConfigError("the file"), inner])

    monkeypatch.setattr("callboard.cli.usage.read", read)
    finished = run("usage")
    assert (finished.code, finished.err) == (1, "callboard: the file\ncallboard: the store\n")


def test_a_group_of_what_was_asked_wrongly_ends_with_two(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(store: object) -> None:
        raise ExceptionGroup("g", [ConfigError("the file"), InvalidRequest("the field")])

    monkeypatch.setattr("callboard.cli.usage.read", read)
    finished = run("usage")
    assert (finished.code, finished.err) == (2, "callboard: the file\ncallboard: the field\n")


def test_a_mistake_of_ours_in_a_group_is_not_hidden_by_the_others(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(store: object) -> None:
        raise ExceptionGroup("g", [ConfigError("the file"), ZeroDivisionError()])

    monkeypatch.setattr("callboard.cli.usage.read", read)
    with pytest.raises(ExceptionGroup):
        main(["usage"])


COMMANDS = [("--help",), ("init",), ("simulate", "--days", "0.01", "--calls", "5"), ("demo", "--calls", "40")]


def write_to(output: int, here: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command whose output, buffered as it is for users, goes there."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-m", "callboard", *arguments]
    return subprocess.run(
        command, cwd=here, env=environment, stdout=output, stderr=subprocess.PIPE, text=True, check=False
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here is always full")
@pytest.mark.parametrize("arguments", [*COMMANDS, ("bench", "mailbox", "--quick", "--rounds", "1")])
def test_an_output_that_is_full_is_told_in_one_line(here: Path, arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        finished = write_to(full.fileno(), here, *arguments)
    told = "callboard: the output cannot be written: No space left on device; make room, or send it elsewhere\n"
    assert (finished.returncode, finished.stderr) == (1, told)


@pytest.mark.parametrize("lines", [0, 1, 3])
def test_whoever_has_read_enough_hears_no_more(here: Path, lines: int) -> None:
    command = [sys.executable, "-m", "callboard", "demo", "--calls", "40"]
    with subprocess.Popen(command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        for _ in range(lines):
            process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
    assert (process.returncode, errors) == (1, "")


def test_an_output_that_was_closed_before_the_start_is_no_mistake(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    finished = run("status")
    assert (finished.code, "no runtime is running" in finished.err) == (1, True)


def test_a_mistake_of_ours_is_not_hidden(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callboard.cli.usage.read", lambda store: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["usage"])


def test_the_runtime_s_warnings_stay_out_of_the_way_and_come_back(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    log = logging.getLogger("callboard.anything")

    def read(store: object) -> None:
        log.warning("not shown")
        log.error("shown")
        raise CallboardError("over")

    monkeypatch.setattr("callboard.cli.usage.read", read)
    assert run("usage").code == 1
    log.warning("shown again")
    assert caplog.messages == ["shown", "shown again"]


def test_a_terminal_without_tree_characters_gets_question_marks(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(output, encoding="latin-1"))
    monkeypatch.setattr("callboard.cli.usage.as_text", lambda report, unsettled, width: "└─ alpha")
    monkeypatch.setattr("callboard.cli.usage.read", lambda store: (None, 0))
    run("usage")
    sys.stdout.flush()
    assert output.getvalue() == b"?? alpha\n"


def test_the_usual_store_is_beside_the_configuration(here: Any) -> None:
    assert store_path(None) == here / ".callboard"
    (here / "callboard.toml").write_text('[store]\npath = "kept"\n')
    assert store_path(None) == here / "kept"
    assert store_path(here / "named") == here / "named"
    (here / "callboard.toml").write_text("[store]\npaht = 1\n")
    with pytest.raises(callboard.ConfigError, match="paht"):
        store_path(None)


def test_the_app_is_made_of_the_commands() -> None:
    assert [info.callback.__name__ for info in app.app.registered_commands if info.callback] == [
        *("demo", "ask", "status", "provider", "budget", "usage", "log", "init", "simulate", "bench")
    ]
