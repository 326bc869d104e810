"""What was measured is not lost, whatever becomes of the rest."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from callboard.bench.harness.options import Options
from callboard.bench.harness.question import Goal, Missing, Question, Subject
from callboard.bench.harness.running import Asking, run

BENCH = Path(__file__).resolve().parents[2] / "bench"

Told = Callable[[], dict[str, Any]]


def asks(*questions: Question) -> Asking:
    @contextmanager
    def opened(_: Options) -> Iterator[Sequence[Question]]:
        yield questions

    return opened


def never_opens(_: Options) -> AbstractContextManager[Sequence[Question]]:
    raise OSError("no room on the disk")


def question(name: str, *subjects: Subject) -> Question:
    return Question(name=name, asks="how?", unit="us", subjects=subjects)


def gives(*samples: float, then: BaseException | None = None) -> Callable[[], float]:
    left = list(samples)

    def sample() -> float:
        if not left and then is not None:
            raise then
        return left.pop(0)

    return sample


FINE = question("fine", Subject("a", lambda: 1.0))


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return Options(rounds=2, json=tmp_path / "a.json", markdown=tmp_path / "a.md", svg=tmp_path / "a.svg")


@pytest.fixture
def told(options: Options) -> Told:
    assert options.json is not None
    return lambda: json.loads(options.json.read_bytes())  # type: ignore[union-attr]


def test_each_question_is_written_before_the_next_is_asked(options: Options, told: Told) -> None:
    seen: list[str] = []

    def looks() -> float:
        seen.extend(one["name"] for one in told()["answers"])
        return 1.0

    run([("first", asks(FINE, question("looking", Subject("a", looks))))], options, "bench")
    assert seen == ["fine", "fine"]


def test_a_question_that_breaks_is_named_with_its_error_and_costs_no_other(
    options: Options, told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = question("broken", Subject("a", gives(7.0, then=ValueError("not every call was recorded"))))
    assert run([("one", asks(FINE, broken)), ("two", asks(FINE))], options, "bench") == 1
    before, failed, after = told()["answers"]
    assert (before["samples"], after["samples"]) == ({"a": [1, 1]}, {"a": [1, 1]})
    assert failed["samples"] == {"a": [7]}
    assert failed["failed"] == {"a": "ValueError: not every call was recorded"}
    assert options.markdown is not None and options.svg is not None
    for text in (capsys.readouterr().out, options.markdown.read_text()):
        assert "failed after 1 of 2 samples: ValueError: not every call was recorded" in text
    assert "a: not measured to the end" in options.svg.read_text()


def test_a_file_that_cannot_get_what_it_needs_is_named_and_costs_no_other(options: Options, told: Told) -> None:
    assert run([("small", never_opens), ("two", asks(FINE))], options, "bench") == 1
    failed, after = told()["answers"]
    assert (failed["name"], failed["failed"]) == ("small", {"what it needs": "OSError: no room on the disk"})
    assert after["samples"] == {"a": [1, 1]}


@pytest.mark.parametrize("pressed", [KeyboardInterrupt(), BaseExceptionGroup("Trio's", [KeyboardInterrupt()])])
def test_what_was_measured_before_an_interrupt_is_written(
    pressed: BaseException, options: Options, told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupted = question("later", Subject("a", gives(3.0, then=pressed)))
    with pytest.raises(KeyboardInterrupt):
        run([("one", asks(FINE, interrupted, FINE))], options, "bench")
    before, last = told()["answers"]
    assert (before["samples"], last["samples"], last["interrupted"]) == ({"a": [1, 1]}, {"a": [3]}, True)
    assert "interrupted before every sample was taken" in capsys.readouterr().out
    assert options.markdown is not None
    assert "Interrupted before every sample was taken." in options.markdown.read_text()


def fails() -> float:
    raise ValueError("not every call was recorded")


def is_missing() -> float:
    raise Missing("it could not be installed")


@pytest.mark.parametrize(
    ("short", "goals", "told_as"),
    [
        (lambda: 1.0, (Goal(subject="a", at_most=0.5),), ["goal of a: <= 0.5 us; 1, MISSED"]),
        (fails, (), ["a failed"]),
        (is_missing, (), ["a not measured"]),
        (
            is_missing,
            (Goal(subject="b", against="a", at_most=1),),
            ["goal of b: <= 1 of a; nothing to compare with", "a not measured"],
        ),
    ],
)
def test_what_fell_short_is_counted_and_told_in_the_last_lines(
    short: Callable[[], float],
    goals: tuple[Goal, ...],
    told_as: list[str],
    options: Options,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = msgspec.structs.replace(
        question("short", Subject("a", short), Subject("b", lambda: 1.0)), goals=(*goals, Goal(subject="b", at_most=1))
    )
    assert run([("one", asks(asked, FINE))], options, "bench") == len(told_as)
    last = ["Missed, or not measured to the end", *(f"short: {one}" for one in told_as)]
    out = capsys.readouterr().out.splitlines()
    assert [line.strip(" :") for line in out[-len(last) :]] == last
    assert options.markdown is not None
    page = options.markdown.read_text().splitlines()
    assert [line.strip("#- ") for line in page[-len(last) - 1 :] if line] == last


def test_of_a_run_in_which_nothing_fell_short_the_last_line_says_so_and_whether_a_goal_was_judged(
    options: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    judged = msgspec.structs.replace(FINE, goals=(Goal(subject="a", at_most=1),))
    quick = msgspec.structs.replace(options, quick=True)
    for asked, how, last in (
        (judged, options, "Everything was measured, and no goal was missed."),
        (judged, quick, "Everything was measured; no goal was judged."),
        (FINE, options, "Everything was measured; no goal was judged."),
    ):
        assert run([("one", asks(asked))], how, "bench") == 0
        assert capsys.readouterr().out.splitlines()[-1] == last
        assert options.markdown is not None
        assert options.markdown.read_text().splitlines()[-1] == last


def test_a_quick_run_does_not_pass_over_what_it_could_not_measure(options: Options) -> None:
    quick = msgspec.structs.replace(options, quick=True)
    assert run([("one", asks(question("q", Subject("a", is_missing))))], quick, "bench") == 1


def test_a_file_that_could_not_be_written_is_written_with_the_next_question(options: Options, told: Told) -> None:
    folder = options.json.parent / "later"  # type: ignore[union-attr]
    later = msgspec.structs.replace(options, json=folder / "a.json")

    def appears() -> float:
        folder.mkdir(exist_ok=True)
        return 1.0

    assert run([("one", asks(FINE, question("q", Subject("a", appears))))], later, "bench") == 0
    assert [one["name"] for one in json.loads((folder / "a.json").read_bytes())["answers"]] == ["fine", "q"]


def test_a_file_that_is_not_written_in_the_end_is_told_after_all_was_measured(
    options: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = msgspec.structs.replace(options, json=options.json.parent / "nowhere" / "a.json")  # type: ignore[union-attr]
    with pytest.raises(FileNotFoundError, match="nowhere"):
        run([("one", asks(FINE, FINE))], lost, "bench")
    assert capsys.readouterr().out.count("fine: how?") == 2


def test_as_many_connections_as_the_system_allows_may_be_open(options: Options) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed: list[int] = []

    def looks() -> float:
        allowed.append(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        return 1.0

    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(200, before[1]), before[1]))
        run([("one", asks(question("q", Subject("a", looks))))], options, "bench")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert allowed == [before[1]] * 2


def test_without_its_assertions_nothing_is_measured() -> None:
    command = [sys.executable, "-O", str(BENCH / "mailbox.py"), "--quick", "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "leaves out the assertions" in done.stderr


def test_a_quick_run_judges_no_goal(options: Options, told: Told) -> None:
    missed = msgspec.structs.replace(FINE, goals=(Goal(subject="a", at_most=0.5),))
    assert run([("one", asks(missed))], options, "bench") == 1
    assert run([("one", asks(missed))], msgspec.structs.replace(options, quick=True), "bench") == 0
    ((verdict,),) = (one["verdicts"] for one in told()["answers"])
    assert (verdict["met"], verdict["judged"]) == (None, False)


def test_what_a_peer_gave_before_it_was_missing_is_kept(options: Options, told: Told) -> None:
    assert run([("one", asks(question("q", Subject("a", gives(3.0, then=Missing("it crashed"))))))], options, "b") == 1
    (found,) = told()["answers"]
    assert (found["samples"], found["missing"]) == ({"a": [3]}, {"a": "it crashed"})


@pytest.mark.usefixtures("heeding")
def test_after_ctrl_c_a_file_run_alone_has_written_what_it_measured(tmp_path: Path) -> None:
    written = tmp_path / "told.json"
    command = [sys.executable, str(BENCH / "mailbox.py"), "--quick", "--rounds", "100000", "--json", str(written)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        process.stdout.readline()  # its command: from now on it measures
        time.sleep(4)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    finally:
        process.kill()
    assert (process.returncode, "Traceback" in errors) == (130, False)
    (found,) = json.loads(written.read_bytes())["answers"]
    assert found["interrupted"] and all(found["samples"].values())


def test_a_terminal_without_a_plus_minus_sign_gets_question_marks() -> None:
    command = [sys.executable, str(BENCH / "limiter.py"), "--quick", "--rounds", "2"]
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, env=ascii_only, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert " us of CPU ? " in done.stdout


@pytest.mark.parametrize("place", ["nowhere/told.json", "."])
def test_a_file_that_cannot_be_written_is_told_before_anything_is_measured(place: str, tmp_path: Path) -> None:
    command = [sys.executable, str(BENCH / "mailbox.py"), "--json", str(tmp_path / place)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot be written" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here is always full")
def test_a_disk_that_is_full_is_told_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, str(BENCH / "mailbox.py"), "--quick", "--rounds", "1"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with Path("/dev/full").open("w") as full:
        told = subprocess.run(command, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    written = subprocess.run([*command, "--json", "/dev/full"], capture_output=True, text=True, check=False)
    assert (told.returncode, written.returncode) == (1, 1)
    for errors, place in ((told.stderr, ""), (written.stderr, ": '/dev/full'")):
        assert errors == f"{BENCH / 'mailbox.py'}: OSError: [Errno 28] No space left on device{place}\n"
