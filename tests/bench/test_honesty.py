"""What a sample must not pass over."""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from callboard.bench import call, chunk, growth, ledger, open_circuit, restart, single_flight, soak, transport
from callboard.bench.harness import client
from callboard.bench.harness.options import Options
from callboard.bench.harness.question import Missing
from callboard.bench.harness.traffic import Soak
from callboard.bench.harness.upstream import upstream
from callboard.runtime.storage.environment import Environment
from callboard.runtime.storage.errors import StorageFull


def test_a_call_whose_records_are_not_on_disk_fails_its_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(self: Environment, operations: Any, all_in: Any = lambda: None) -> None:
        all_in()

    with upstream() as url:
        client.cpu(url, client.plain, 8, 4)
        monkeypatch.setattr(Environment, "commit", lost)
        with pytest.raises(AssertionError, match="not every call"):
            client.cpu(url, client.plain, 8, 4)


def test_a_reply_that_is_not_kept_fails_the_sample_that_wants_it_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with upstream() as url:
        client.cpu(url, client.missing(), 8, 4, kept=True)
        monkeypatch.setattr(client, "LONGEST", 1.0)
        with pytest.raises(trio.TooSlowError):
            client.cpu(url, client.plain, 8, 4, kept=True)


def test_a_stream_that_lacks_a_chunk_fails_its_sample() -> None:
    with upstream(chunks=4) as url:
        client.cpu(url, client.streamed(4), 2, 2)
        with pytest.raises(BaseExceptionGroup) as caught:
            client.cpu(url, client.streamed(5), 2, 2)
        assert caught.group_contains(AssertionError, match="4 chunks came of 5")


def test_a_round_whose_sample_failed_has_no_figures_of_the_round_before(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = open_circuit.Figures(3)
    figures.p99(dead=True)

    async def broken(calls: int, dead: bool) -> tuple[float, float]:
        raise OSError("the disk is full")

    monkeypatch.setattr(open_circuit, "_sample", broken)
    with pytest.raises(OSError, match="full"):
        figures.p99(dead=True)
    with pytest.raises(KeyError):
        figures.median(dead=True)


def test_a_soak_that_broke_is_not_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Soak] = []

    async def broken(url: str, one: Soak) -> None:
        begun.append(one)
        raise ValueError("broke at its end")

    monkeypatch.setattr(soak, "soaked", broken)
    seen = soak._Once(Soak(seconds=1.0, streams=1))
    for _ in range(3):
        with pytest.raises(ValueError, match="broke"):
            seen()
    assert len(begun) == 1


def test_a_writer_that_nobody_killed_fails_its_sample(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", "true")
    with pytest.raises(AssertionError, match="not killed"):
        ledger._killed(tmp_path, 0)


@pytest.mark.parametrize("kind", ["tmpfs", "ramfs"])
def test_nothing_is_said_to_be_durable_in_memory(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "file_system", lambda _: kind)
    with ledger.questions(Options(quick=True)) as asked:
        for subject in (subject for question in asked for subject in question.subjects):
            with pytest.raises(Missing, match="in memory"):
                subject.sample()


def test_a_crowd_that_does_not_wait_at_once_fails_its_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    assert transport._crowded(8, 16) > 0
    monkeypatch.setattr(transport, "DELAY", 0.0)
    with pytest.raises(AssertionError, match="in flight"):
        transport._crowded(64, 64)


def test_a_writer_that_has_nothing_acknowledged_fails_its_sample(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\nexec sleep 20\n")
    silent.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(silent))
    monkeypatch.setattr(ledger, "PATIENCE", 0.2)
    with pytest.raises(AssertionError, match="nothing acknowledged"):
        ledger._killed(tmp_path, 0)


@pytest.mark.parametrize("measured", [ledger._told, ledger._acknowledged])
def test_records_that_are_never_on_disk_fail_their_sample(
    measured: Callable[[int, Path], Awaitable[float]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(self: Environment, operations: Any, all_in: Any = lambda: None) -> None:
        raise StorageFull(self.path, "its disk is full")

    async def at_most_for_a_while() -> None:
        with trio.move_on_after(20):
            await measured(3, tmp_path)

    monkeypatch.setattr(Environment, "commit", full)
    monkeypatch.setattr(ledger, "PATIENCE", 0.2)
    with pytest.raises(BaseExceptionGroup) as caught:
        trio.run(at_most_for_a_while)
    assert caught.group_contains(trio.TooSlowError)


@pytest.mark.parametrize("file", [call, chunk, growth, single_flight, soak])
def test_whatever_goes_through_the_whole_runtime_tells_what_it_is_spared(file: Any) -> None:
    with file.questions(Options(quick=True)) as asked:
        assert all(one.turned_off.startswith(client.TURNED_OFF) for one in asked)


def test_so_does_a_call_that_an_open_circuit_refuses() -> None:
    with restart.questions(Options(quick=True)) as (_, refused):
        assert refused.turned_off == client.TURNED_OFF


@pytest.mark.parametrize("peers", [True, False])
def test_every_goal_of_a_call_is_judged_that_has_something_to_be_held_against(peers: bool) -> None:
    with call.questions(Options(quick=True, peers=peers)) as (crowd, alone):
        for question, goals in ((crowd, call.GOALS_AT_64), (alone, call.GOALS_AT_1)):
            there = {None, *(one.name for one in question.subjects)}
            assert question.goals == tuple(goal for goal in goals if goal.against in there)
        assert len(crowd.goals) == (8 if peers else 4)


def test_an_upstream_that_does_not_start_says_how_it_ended(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="did not start: it ended with 1"), upstream(cert=tmp_path / "none"):
        raise AssertionError
    assert "FileNotFoundError" in capfd.readouterr().err
