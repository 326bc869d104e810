import io
import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import callboard
from callboard.actors.inspector.client import NotRunning
from callboard.cli import app, main
from callboard.cli.ending import Ending, ending_of
from callboard.cli.place import store_path
from callboard.errors import CallboardError, ConfigError, InvalidRequest, StoreError
from callboard.version import __version__

Run = Callable[..., Any]


@pytest.mark.parametrize("command", [["-m", "callboard"], ["-c", "from callboard.cli import main; main()"]])
def test_it_runs_as_a_module_and_as_a_script(command: list[str]) -> None:
    finished = subprocess.run([sys.executable, *command, "--version"], capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stdout) == (0, f"callboard {__version__}\n")


def test_importing_callboard_brings_none_of_it_along() -> None:
    program = "import sys, callboard; print([name for name in sys.modules if name.split('.')[0] in ('typer', 'rich')])"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert finished.stdout == "[]\n"


def test_the_help_names_every_command(run: Run) -> None:
    finished = run("--help")
    assert finished.code == 0
    for name in ("demo", "ask", "status", "provider", "usage", "log", "init", "simulate", "bench"):
        assert f"  {name} " in finished.out


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("ask",), ("ask", "Why?", "--nonsense"), ("demo", "--calls", "3")]
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
    ],
)
def test_each_end_has_its_code_and_at_most_one_line(error: BaseException, ending: Ending | None) -> None:
    assert ending_of(error) == ending


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
    monkeypatch.setattr("callboard.cli.usage.as_text", lambda report, unsettled: "└─ alpha")
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
