"""A simulation repeats itself, and finds what is broken."""

import subprocess
import sys
from typing import Any

import pytest

from callboard.actors.limiter.decide import Limiter
from callboard.actors.limiter.gate import Gate
from callboard.actors.provider.attempt import Attempter
from callboard.actors.provider.progress import Settlement
from callboard.messages.limiting import Settle
from callboard.messages.usage import Cost, Usage
from callboard.simulation.run import simulate
from callboard.simulation.spec import Spec

SHORT = Spec(seed=13, days=2, calls=300)


def test_the_same_seed_gives_the_same_run_twice_in_one_process_and_in_another() -> None:
    first, second = simulate(SHORT), simulate(SHORT)
    code = (
        "from callboard.simulation.run import simulate; from callboard.simulation.spec import Spec; "
        f"print(simulate({SHORT!r}).trace)"
    )
    other = subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, capture_output=True, text=True)
    assert first.violations == ()
    assert first.trace == second.trace == other.stdout.strip()


def test_another_seed_gives_another_run() -> None:
    assert simulate(SHORT).trace != simulate(Spec(seed=12, days=2, calls=300)).trace


def found(spec: Spec = SHORT) -> set[str]:
    report = simulate(spec)
    assert not report.passed
    assert spec.command in "\n".join(report.lines())
    return {violation.rule for violation in report.violations}


def test_a_permit_that_is_never_given_back_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    settle = Limiter.settle

    def leaky(self: Limiter, message: Settle, now: int) -> Any:
        return [] if message.permit.id % 3 == 0 else settle(self, message, now)

    monkeypatch.setattr(Limiter, "settle", leaky)
    assert "rest" in found()


def test_a_limit_that_is_not_kept_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Gate, "has_room", lambda self, tokens, now: True)
    monkeypatch.setattr(Gate, "earliest", lambda self, tokens, now: now)
    assert "windows" in found(Spec(seed=11, days=0.2, calls=1_000))


def test_tokens_that_are_charged_wrongly_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = Settlement(Usage(input=1), Cost(0), False)
    monkeypatch.setattr("callboard.actors.provider.attempt.settle", lambda *_: wrong)
    assert "books" in found()


def test_attempts_behind_an_open_circuit_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from callboard.runtime.circuit.circuit import Circuit

    monkeypatch.setattr(Circuit, "refused_until", lambda self, now: None)
    monkeypatch.setattr(Attempter, "_refuses", lambda self, model: None, raising=False)
    monkeypatch.setattr("callboard.actors.provider.actor.ProviderActor._refuses", lambda self, model: None)
    assert "circuits" in found(Spec(seed=1, days=7, calls=1_500))
