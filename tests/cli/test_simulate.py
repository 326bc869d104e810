from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from callboard.simulation.spec import Spec, Violation
from callboard.simulation.witness import Witness

Run = Callable[..., Any]
SMALL = ("--days", "0.3", "--calls", "60")


def test_a_simulation_prints_its_page_and_its_verdict(run: Run) -> None:
    finished = run("simulate", "--seed", "3", *SMALL)
    assert finished.code == 0
    assert finished.out.startswith("seed 3: 60 calls over")
    assert finished.out.rstrip().endswith("every promise was kept")


def test_several_seeds_take_a_line_each_and_repeat_themselves(run: Run) -> None:
    finished = run("simulate", "--seed", "3", "--seeds", "2", "--json", *SMALL)
    reports = [msgspec.json.decode(line) for line in finished.out.splitlines()]
    assert [report["spec"]["seed"] for report in reports] == [3, 4]
    again = run("simulate", "--seed", "4", "--json", *SMALL)
    assert msgspec.json.decode(again.out)["trace"] == reports[1]["trace"]


def test_a_broken_promise_is_told_with_the_command_that_replays_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Witness, board: object) -> None:
        self.violations.append(Violation(90_061.5, "books", "a cent is missing"))

    monkeypatch.setattr(Witness, "audit", broken)
    finished = run("simulate", "--seed", "3", "--seeds", "2", *SMALL)
    assert finished.code == 1
    assert "VIOLATED day 1, 01:01:01.500: books: a cent is missing" in finished.out
    assert f"replay it: {Spec(seed=4, days=0.3, calls=60).command}" in finished.out
