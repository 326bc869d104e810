"""When, and of which code, figures were taken."""

import re
import subprocess
from pathlib import Path

import pytest

from callboard.bench.harness.machine import commit, machine


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, "-C", str(folder), *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    (folder / "bench").mkdir(parents=True)
    (folder / "bench" / "call.py").touch()
    git(folder.parent, "init", "-q", str(folder))
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def test_the_date_is_told_in_utc() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", machine()["date"])


def test_the_commit_is_told_and_whether_the_code_is_still_its(checkout: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD")[:12]
    (checkout / "told.json").touch()
    assert commit(checkout) == {"commit": f"{head} (clean)"}, "what a run writes is no change of the code"
    (checkout / "bench" / "call.py").write_text("pass")
    assert commit(checkout) == {"commit": f"{head} (its code changed since)"}


def test_a_folder_inside_another_checkout_has_no_commit(checkout: Path) -> None:
    assert commit(checkout / "bench") == {}


def test_without_git_no_commit_is_told(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert commit(checkout) == {}
