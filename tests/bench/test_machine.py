"""When, and of which code, figures were taken."""

import re
import subprocess
import tempfile
from pathlib import Path

import pytest

from callboard.bench.harness.machine import commit, file_system, machine


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


MOUNTS = r"""
21 1 254:0 / / rw - ext4 /dev/vda rw
22 21 0:40 / /proc rw shared:5 - proc proc rw
23 21 0:41 / /in\040memory rw - tmpfs tmpfs rw
24 23 254:1 / /in\040memory/disk rw - xfs /dev/vdb rw
25 21 254:2 / /twice rw - xfs /dev/vdc rw
26 25 0:42 / /twice rw - ramfs none rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/in memory/folder", "tmpfs"),
        ("/in memory/disk/folder", "xfs"),
        ("/in memory of", "ext4"),
        ("/twice", "ramfs"),
        ("/", "ext4"),
    ],
)
def test_the_innermost_file_system_has_a_folder(folder: str, kind: str, tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS.lstrip())
    assert file_system(Path(folder), mounts) == kind


def test_where_the_system_does_not_tell_its_file_systems_they_are_unknown(tmp_path: Path) -> None:
    assert file_system(tmp_path, tmp_path / "none") == "unknown"


def test_of_the_temporary_folder_the_kind_of_file_system_is_told_and_not_where_it_is() -> None:
    folder = Path(tempfile.gettempdir())
    told = machine()
    assert told["temporary files on"] == file_system(folder)
    assert str(folder) not in " ".join(told.values())
