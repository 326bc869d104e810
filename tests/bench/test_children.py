"""What the benchmarks start beside themselves, and Ctrl-C."""

import os
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from callboard.bench import ledger
from callboard.bench.harness.options import Options
from callboard.bench.harness.upstream import requests, upstream


class Noted(subprocess.Popen[bytes]):
    """A process that is remembered, and whether Ctrl-C was kept from it."""

    started: list["Noted"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.deaf = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
        super().__init__(*args, **kwargs)
        self.started.append(self)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Noted]:
    monkeypatch.setattr(Noted, "started", [], raising=False)
    monkeypatch.setattr(subprocess, "Popen", Noted)
    return Noted.started


def test_ctrl_c_reaches_the_benchmark_and_leaves_no_writer_behind(
    started: list[Noted], monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(*_: float) -> None:
        os.kill(started[0].pid, signal.SIGINT)
        raise KeyboardInterrupt

    with ledger.questions(Options(quick=True)) as (_, loss):
        monkeypatch.setattr("random.uniform", pressed)
        monkeypatch.setattr(ledger, "IN_MEMORY", ())  # what is asked here does not depend on the disk
        with pytest.raises(KeyboardInterrupt):
            loss.subjects[0].sample()
    (writer,) = started
    assert (writer.deaf, writer.returncode) == (True, -signal.SIGKILL)


def test_ctrl_c_does_not_reach_the_upstream(started: list[Noted]) -> None:
    with upstream() as url:
        assert requests(url) == 0
    assert [(process.deaf, process.returncode) for process in started] == [(True, -signal.SIGKILL)]


def test_the_upstream_is_asked_past_the_proxies_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with upstream() as url:
        assert requests(url) == 0


HOLDER = """
import os, signal, sys
from callboard.bench.harness.upstream import upstream
with upstream() as url:
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_an_upstream_whose_benchmark_was_killed_ends() -> None:
    reading, writing = os.pipe()
    try:
        holder = subprocess.Popen([sys.executable, "-c", HOLDER], stderr=writing)
    finally:
        os.close(writing)
    assert holder.wait(timeout=120) == -signal.SIGKILL
    with os.fdopen(reading) as errors:  # both had it: it is at its end once both are gone
        assert select.select([errors], [], [], 120)[0], "the upstream lives on"
        assert errors.read() == ""


@pytest.mark.parametrize("ctrl_c", [signal.SIG_DFL, signal.SIG_IGN])
def test_sigterm_ends_a_benchmark_as_ctrl_c_does_and_leaves_nothing(ctrl_c: signal.Handlers, tmp_path: Path) -> None:
    script = Path(__file__).resolve().parents[2] / "bench" / "single_flight.py"
    command = [sys.executable, str(script), "--quick", "--rounds", "10000", "--json", str(tmp_path / "told.json")]
    folder = tmp_path / "temporary"
    folder.mkdir()
    before = signal.signal(signal.SIGINT, ctrl_c)
    try:
        run = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "TMPDIR": str(folder)}, text=True)
    finally:
        signal.signal(signal.SIGINT, before)
    assert run.stdout is not None
    with run:
        try:
            run.stdout.readline()  # its command: from now on it measures
            deadline = time.monotonic() + 120
            while not any(folder.glob("*/*")) and time.monotonic() < deadline:
                time.sleep(0.02)
            run.terminate()
            patience = threading.Timer(120, run.kill)
            patience.start()
            told = run.stdout.read()
            patience.cancel()
            assert run.wait(timeout=120) == 130
        finally:
            run.kill()
    assert "interrupted before every sample was taken" in told
    assert list(folder.iterdir()) == []
