"""Every file of questions can be run alone, and gives samples for every subject."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from callboard.bench.harness.running import names
from callboard.bench.harness.shelves import KEPT
from callboard.bench.ledger import VANISHING

BENCH = Path(__file__).resolve().parents[2] / "bench"
TOO_LONG = {
    "soak": "most of a minute even when quick, for a slope needs that",
    "weight": "it installs the checkout",
    "growth": "on a busy machine not all that it asserts are in flight",
}


@pytest.mark.parametrize("name", [name for name in names() if name not in TOO_LONG])
def test_it_runs_alone_and_measures_every_subject(name: str, tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    command = [sys.executable, str(BENCH / f"{name}.py"), "--quick", "--rounds", "1", "--json", str(told)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert told.exists(), done.stderr
    report = json.loads(told.read_text())
    assert done.returncode == any(answer["missing"] for answer in report["answers"]), done.stderr
    assert report["answers"]
    for answer in report["answers"]:
        assert not any(verdict["judged"] for verdict in answer["verdicts"])
        assert not answer["failed"]
        assert set(answer["missing"].values()) <= {KEPT, VANISHING}
        assert answer["samples"] or answer["missing"]
    missing = any(answer["missing"] for answer in report["answers"])
    assert done.returncode == (1 if missing else 0), done.stderr


def test_what_is_left_out_is_there() -> None:
    assert set(TOO_LONG) <= set(names())
