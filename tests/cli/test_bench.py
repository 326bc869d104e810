"""`callboard bench`: what is told before anything is measured."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from callboard.bench.harness.running import names

Run = Callable[..., Any]


def test_the_help_names_every_question(run: Run) -> None:
    listed = run("bench", "--help").out.splitlines()
    assert [name for name in names() if not any(line.startswith(f"  {name} ") for line in listed)] == []


def test_a_wrong_name_is_told_with_those_there_are(run: Run) -> None:
    finished = run("bench", "nonsense")
    assert (finished.code, finished.out) == (2, "")
    assert "'nonsense' is no question" in finished.err and "single_flight" in finished.err


def test_a_file_that_cannot_be_written_is_told_before_anything_is_measured(run: Run, here: Path) -> None:
    finished = run("bench", "call", "--json", str(here / "nowhere" / "told.json"))
    assert (finished.code, finished.out) == (2, "")
    assert "cannot be written: No such file or directory" in finished.err
