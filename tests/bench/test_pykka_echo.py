"""What the figures of Pykka's actor are divided by."""

import runpy
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "bench" / "peers" / "pykka_echo.py"

Measure = Callable[[str, int, int], float]


class Costly:
    """In Pykka's place: an actor each of whose messages costs a millisecond."""

    spent = 0.0

    @classmethod
    def start(cls) -> "Costly":
        return cls()

    def stop(self) -> None:
        """Nothing."""

    def tell(self, message: Any) -> None:
        Costly.spent += 1e-3

    def ask(self, message: Any) -> Any:
        Costly.spent += 1e-3
        return message


@pytest.fixture
def measure(monkeypatch: pytest.MonkeyPatch) -> Measure:
    monkeypatch.setattr(Costly, "spent", 0.0)
    monkeypatch.setitem(sys.modules, "pykka", SimpleNamespace(ThreadingActor=Costly))
    monkeypatch.setattr(time, "process_time", lambda: Costly.spent)
    found: Measure = runpy.run_path(str(SCRIPT))["measure"]
    return found


@pytest.mark.parametrize("count", [10, 1_000, 1_250, 12_500])
def test_a_tell_is_divided_by_as_many_as_were_told(measure: Measure, count: int) -> None:
    assert measure("tell", count, 1) == pytest.approx(1_001), (
        "a burst is a thousand tells and the ask that waits for it"
    )


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_there_is_no_figure_when_a_client_broke(measure: Measure, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = iter(range(1_000))

    def ask(echo: Costly, message: Any) -> Any:
        return message if next(asked) < 500 else None

    monkeypatch.setattr(Costly, "ask", ask)
    with pytest.raises(RuntimeError, match="1 of 2 clients broke"):
        measure("ask", 600, 2)


def test_an_ask_is_divided_by_as_many_as_were_asked(measure: Measure) -> None:
    assert measure("ask", 1_000, 3) == pytest.approx(1_000)
