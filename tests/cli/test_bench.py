"""`callboard bench`: what is told before anything is measured."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from callboard.bench.harness.running import names

Run = Callable[..., Any]


def test_the_help_names_every_question(run: Run) -> None:
    listed = run("bench", "--help").out.splitlines()
    assert [name for name in names() if not any(line.startswith(f"  {name} ") for line in listed)] == []


def test_a_peer_that_cannot_be_installed_ends_it_with_1_and_is_told_last(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = here / "a file"
    file.touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(file))
    finished = run("bench", "mailbox", "--peers", "--quick", "--rounds", "1")
    assert finished.code == 1
    assert finished.out.splitlines()[-4:] == [
        "Missed, or not measured to the end:",
        "  an ask, 1 client: pykka not measured",
        "  an ask, 64 clients: pykka not measured",
        "  a tell: pykka not measured",
    ]


def test_a_wrong_name_is_told_with_those_there_are(run: Run) -> None:
    finished = run("bench", "nonsense")
    assert (finished.code, finished.out) == (2, "")
    assert "'nonsense' is no question" in finished.err and "single_flight" in finished.err


def test_a_file_that_cannot_be_written_is_told_before_anything_is_measured(run: Run, here: Path) -> None:
    finished = run("bench", "call", "--json", str(here / "nowhere" / "told.json"))
    assert (finished.code, finished.out) == (2, "")
    assert "cannot be written: No such file or directory" in finished.err
