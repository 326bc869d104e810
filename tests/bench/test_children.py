"""What the benchmarks start beside themselves, and Ctrl-C."""

import os
import signal
import subprocess
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
        with pytest.raises(KeyboardInterrupt):
            loss.subjects[0].sample()
    (writer,) = started
    assert (writer.deaf, writer.returncode) == (True, -signal.SIGKILL)


def test_ctrl_c_does_not_reach_the_upstream(started: list[Noted]) -> None:
    with upstream() as url:
        assert requests(url) == 0
    assert [(process.deaf, process.returncode) for process in started] == [(True, -signal.SIGKILL)]
