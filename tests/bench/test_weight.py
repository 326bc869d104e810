"""What an installation is said to weigh is what was installed."""

import sys
from pathlib import Path

import pytest

from callboard.bench import weight


def test_what_lies_about_in_the_shell_that_asks_is_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weight, "fresh", lambda _: Path(sys.executable))
    monkeypatch.setattr(weight, "install", lambda *_: None)
    before = weight._installed.__wrapped__()
    stray = tmp_path / "stray-1.0.dist-info"
    stray.mkdir()
    (stray / "METADATA").write_text("Name: stray\nVersion: 1.0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert weight._installed.__wrapped__() == before
