"""How much a crowd is asked to do."""

import pytest

from callboard.bench import growth
from callboard.bench.harness import crowd
from callboard.bench.harness.options import Options


def work(options: Options, monkeypatch: pytest.MonkeyPatch) -> int:
    """Calls of one sample of each subject, of memory and objects those in flight."""
    monkeypatch.setattr(crowd, "cpu", lambda url, calls, size: calls)
    monkeypatch.setattr(crowd, "memory", lambda url, size: size)
    monkeypatch.setattr(crowd, "objects", lambda url, size: size)
    with growth.questions(options) as asked:
        return sum(int(subject.sample()) for question in asked for subject in question.subjects)


def test_a_quick_run_does_a_tenth_of_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    assert work(Options(quick=True), monkeypatch) == work(Options(), monkeypatch) / 10
