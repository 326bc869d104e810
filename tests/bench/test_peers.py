"""What becomes of a peer that does not run."""

import fcntl
import platform
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from callboard.bench.harness import peers
from callboard.bench.harness.peers import Peer, environment, measured
from callboard.bench.harness.question import Missing


def script(folder: Path, text: str) -> Peer:
    path = folder / "peer.py"
    path.write_text(text)
    return Peer("peer", "peer==1", "", str(path))


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "python", lambda _: Path(sys.executable))


@pytest.mark.usefixtures("installed")
def test_its_figure_is_the_last_line_that_it_prints(tmp_path: Path) -> None:
    assert measured(script(tmp_path, "print('hello'); print('{\"cpu_us\": 12.5}')")) == 12.5


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import sys; sys.exit('no such option')", "a process ended with 1: no such option"),
        ("import os; os.abort()", "a process ended with -6"),
        ("pass", "no output"),
    ],
)
def test_one_that_crashes_is_missing_with_its_last_words(text: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(Missing, match=why):
        measured(script(tmp_path, text))


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("told", ["twelve", "[1]", "12.5", '{"cpu_s": 1}', '{"cpu_us": null}', '{"cpu_us": NaN}'])
def test_one_that_gives_no_figure_is_missing_with_what_it_said(told: str, tmp_path: Path) -> None:
    with pytest.raises(Missing, match="gave no figure: ") as caught:
        measured(script(tmp_path, f"print({told!r})"))
    assert told in str(caught.value)


@pytest.mark.usefixtures("installed")
def test_the_versions_of_those_that_were_measured_are_told() -> None:
    told = peers.versions(["callboard", "openai", "pykka"])
    assert sorted(told) == [peers.PEERS["openai"].requirement, peers.PYKKA.requirement]
    assert all(what.startswith(f"python {platform.python_version()} with ") for what in told.values())
    assert all(f"httpx {httpx.__version__}" in what for what in told.values())


@pytest.mark.usefixtures("installed")
def test_versions_are_those_of_its_environment_whatever_the_shell_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stray = tmp_path / "httpx-0.0.1.dist-info"
    stray.mkdir()
    (stray / "METADATA").write_text("Name: httpx\nVersion: 0.0.1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert f"httpx {httpx.__version__}" in peers._made_of.__wrapped__("any==1")


@pytest.mark.usefixtures("installed")
def test_one_that_does_not_end_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "MEASURING", 0.2)
    with pytest.raises(Missing, match="did not end within"):
        measured(script(tmp_path, "import time; time.sleep(60)"))


def test_one_that_no_environment_can_be_made_for_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a file"
    file.touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(file))
    with pytest.raises(Missing, match="no environment could be made for it: Not a directory; XDG_CACHE_HOME"):
        measured(Peer("peer", "peer==1", ""))


def test_one_that_is_not_kept_is_not_sought_in_the_cache_folder(tmp_path: Path) -> None:
    file = tmp_path / "a file"
    file.touch()
    with pytest.raises(Missing, match=r"Not a directory; .*, TMPDIR one for what is not kept"):
        peers.fresh(file / "environment")


def test_an_environment_that_was_interrupted_while_it_was_made_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made: list[Path] = []
    monkeypatch.setattr("venv.create", lambda home, **_: made.append(home))
    found = environment("half")
    found.parent.mkdir(parents=True)
    found.symlink_to(sys.executable)
    environment("half")
    packages = found.parents[1] / "lib" / "python3" / "site-packages" / "pip-26.0.dist-info"
    packages.mkdir(parents=True)
    (packages / "RECORD").touch()
    environment("half")
    assert made == [found.parents[1]] * 2


def test_an_environment_whose_python_is_gone_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made: list[Path] = []
    monkeypatch.setattr("venv.create", lambda home, **_: made.append(home))
    home = environment("orphan").parents[1]
    packages = home / "lib" / "python3" / "site-packages" / "pip-26.0.dist-info"
    packages.mkdir(parents=True)
    (packages / "RECORD").touch()
    (home / "bin").mkdir()
    (home / "bin" / "python").symlink_to(tmp_path / "gone")
    environment("orphan")
    assert made == [home] * 2


def test_an_environment_is_made_by_one_run_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def create(home: Path, **_: object) -> None:
        with home.with_name(f"{home.name}.lock").open("a") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        made.append(home)

    made: list[Path] = []
    monkeypatch.setattr("venv.create", create)
    environment("shared")
    assert len(made) == 1


def test_one_whose_interpreter_does_not_start_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "python", lambda _: tmp_path / "gone")
    with pytest.raises(Missing, match="peer==1 does not run: No such file or directory"):
        measured(script(tmp_path, ""))


def test_without_a_network_the_connection_is_told_and_nothing_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    found = tmp_path / "bin" / "python"

    def run(command: list[str], **_: object) -> None:
        tried.append(command[-1])
        said = "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError(refused)': /simple/x/"
        raise subprocess.CalledProcessError(1, command, stderr=f"{said}\nERROR: No matching distribution found for x")

    monkeypatch.setattr(peers, "environment", lambda _: found)
    monkeypatch.setattr(subprocess, "run", run)
    for _ in range(2):
        with pytest.raises(Missing, match=r"offline==1 could not be installed: no connection: 'NewConnectionError"):
            measured(Peer("peer", "offline==1", ""))
    assert tried == ["offline==1"]
