"""The demo itself, short, on real sockets in real time; and whether it would notice what it claims to look for."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from rich.console import Console
from rich.live import Live

from callboard.cli.demo import reconcile
from callboard.cli.demo.command import Run
from callboard.cli.demo.reconcile import Accounts
from callboard.cli.demo.show import LiveShow, PlainShow
from callboard.cli.demo.summary import tables
from callboard.cli.demo.timeline import Timeline
from callboard.cli.demo.verdict import CHECKS, Check, verdict
from callboard.messages.accounting import AttemptSettled, CallEnded, LedgerEntry
from callboard.messages.status import NodeStatus, Status
from callboard.messages.usage import Usage
from callboard.testing import Outcome, Served

CALLS = 60
replace = msgspec.structs.replace


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A demo that was played to its end."""
    run = Run(CALLS, 3, tmp_path_factory.mktemp("demo"), PlainShow())
    trio.run(run.play)
    return run


def test_the_demo_passes_every_check(played: Run) -> None:
    assert [line for check in played.checks for line in check.lines() if not check.passed] == []
    assert played.passed
    assert len(played.accounts.results) >= CALLS
    assert played.closing_lines()[-1] == "the demo passed"


def test_all_three_providers_plain_calls_and_streams_had_their_part(played: Run) -> None:
    accounts = played.accounts
    assert all(any(request.outcome is Outcome.COMPLETE for request in log) for log in accounts.logs.values())
    assert {result.stream for result in accounts.results} == {True, False}
    assert any(result.fell_back for result in accounts.results)
    assert any(result.shared for result in accounts.results)
    assert accounts.cost > 0


def test_its_tables_tell_what_was_asked_for(played: Run) -> None:
    told = "\n".join(played.closing_lines())
    for word in ("fallbacks", "cache hits", "shared fills", "tokens", "cost", "p50, p95", "alpha endpoint"):
        assert word in told


def change(items: Sequence[Any], place: int, **changes: object) -> list[Any]:
    """A copy with one item changed."""
    return [replace(item, **changes) if index == place else item for index, item in enumerate(items)]


def entries_with(
    accounts: Accounts, kind: type[LedgerEntry], where: Callable[[Any], bool], **changes: object
) -> Accounts:
    place = next(at for at, entry in enumerate(accounts.entries) if isinstance(entry, kind) and where(entry))
    return replace(accounts, entries=change(accounts.entries, place, **changes))


def charged(accounts: Accounts, kind: type[LedgerEntry]) -> LedgerEntry:
    """An entry of this kind that cost something."""
    return next(entry for entry in accounts.entries if isinstance(entry, kind) and getattr(entry, "cost", None))


def entries_without(accounts: Accounts, kind: type[LedgerEntry]) -> Accounts:
    dropped = charged(accounts, kind)
    return replace(accounts, entries=[entry for entry in accounts.entries if entry is not dropped])


def entry_twice(accounts: Accounts, kind: type[LedgerEntry]) -> Accounts:
    return replace(accounts, entries=[*accounts.entries, charged(accounts, kind)])


def without_a_charged_result(accounts: Accounts) -> Accounts:
    dropped = next(result for result in accounts.results if result.sent and not result.shared)
    shared = {record.id for record in dropped.sent}
    kept = [result for result in accounts.results if not shared & {record.id for record in result.sent}]
    return replace(accounts, results=kept)


def log_with(accounts: Accounts, change_log: Callable[[list[Served]], list[Served]]) -> Accounts:
    return replace(accounts, logs={**accounts.logs, "beta": change_log(list(accounts.logs["beta"]))})


def complete(log: Sequence[Served]) -> int:
    return next(place for place, request in enumerate(log) if request.outcome is Outcome.COMPLETE)


def is_ok(entry: AttemptSettled) -> bool:
    return entry.outcome == "ok"


FALSIFIED: dict[str, tuple[set[str], Callable[[Accounts], Accounts]]] = {
    "an outcome is missing": ({"outcomes", "calls", "attempts"}, without_a_charged_result),
    "a call has two outcomes": ({"outcomes"}, lambda a: replace(a, results=[*a.results, a.results[0]])),
    "a call was made but never ended": ({"outcomes"}, lambda a: replace(a, begun=a.begun + 1)),
    "a plain call failed": (
        {"success", "calls"},
        lambda a: replace(a, results=change(a.results, 0, outcome="fault", stream=False)),
    ),
    "a stream's text came twice": ({"success"}, lambda a: replace(a, results=change(a.results, 5, whole=False))),
    "the ledger lost a call": ({"calls", "money"}, lambda a: entries_without(a, CallEnded)),
    "the ledger has a call twice": ({"calls", "money"}, lambda a: entry_twice(a, CallEnded)),
    "the ledger has another outcome": (
        {"calls"},
        lambda a: entries_with(a, CallEnded, lambda entry: True, outcome="cancelled"),
    ),
    "the ledger lost an attempt": ({"attempts", "requests", "money"}, lambda a: entries_without(a, AttemptSettled)),
    "the ledger has an attempt twice": ({"attempts", "money"}, lambda a: entry_twice(a, AttemptSettled)),
    "an attempt costs more": (
        {"money"},
        lambda a: entries_with(a, AttemptSettled, is_ok, cost=Decimal(1)),
    ),
    "an attempt has no price": ({"money"}, lambda a: entries_with(a, AttemptSettled, is_ok, cost=None)),
    "an attempt has more tokens": (
        {"requests"},
        lambda a: entries_with(a, AttemptSettled, is_ok, usage=Usage(input=10**6)),
    ),
    "an attempt went elsewhere": (
        {"requests"},
        lambda a: entries_with(a, AttemptSettled, lambda entry: entry.provider == "beta", provider="gamma"),
    ),
    "the sums are wrong": ({"money"}, lambda a: replace(a, cost=a.cost + 1)),
    "a server served one more": (
        {"requests"},
        lambda a: log_with(a, lambda log: [*log, replace(log[0], attempt="from-nowhere")]),
    ),
    "a server served without an id": (
        {"requests"},
        lambda a: log_with(a, lambda log: [*log, replace(log[0], attempt=None)]),
    ),
    "a server served one twice": ({"requests"}, lambda a: log_with(a, lambda log: [*log, log[0]])),
    "a server's log lost a request": (
        {"requests"},
        lambda a: log_with(a, lambda log: [request for at, request in enumerate(log) if at != complete(log)]),
    ),
    "a server billed more": (
        {"requests"},
        lambda a: log_with(a, lambda log: change(log, complete(log), usage=Usage(output=10**6))),
    ),
    "a server says it was cut": (
        {"requests"},
        lambda a: log_with(a, lambda log: change(log, complete(log), outcome=Outcome.CUT)),
    ),
    "a server is still at it": (
        {"requests"},
        lambda a: log_with(a, lambda log: change(log, complete(log), outcome=Outcome.OPEN)),
    ),
}


@pytest.mark.parametrize("name", FALSIFIED)
def test_what_does_not_add_up_is_noticed_and_by_nobody_else(name: str, played: Run) -> None:
    expected, falsify = FALSIFIED[name]
    falsified = falsify(played.accounts)
    assert {check.__name__ for _, check in CHECKS if check(falsified)} == expected


def test_a_circuit_that_did_not_open_or_close_fails_the_demo(played: Run) -> None:
    untouched = Timeline(lambda: 0.0, lambda line: None)
    assert verdict(played.accounts, untouched)[-1].problems == ["it never opened"]


def test_a_failed_check_tells_the_first_problems_and_counts_the_rest() -> None:
    assert Check("all is well", []).lines() == ["ok    all is well"]
    lines = Check("all is well", ["a", "b", "c", "d", "e"]).lines()
    assert lines == ["FAIL  all is well", "      a", "      b", "      c", "      and 2 more"]


def test_too_few_figures_make_no_quantiles() -> None:
    accounts = Accounts(results=[], begun=0, entries=[], logs={}, cost=Decimal(0))
    assert any(line.endswith("too few") for line in tables(accounts, [], 0, 1.0))
    assert reconcile.outcomes(accounts) == []


def test_in_a_terminal_the_tree_and_the_timeline_are_drawn(played: Run) -> None:
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=120, height=40)
    root = NodeStatus(path="", kind="supervisor", status="running")
    status = Status(taken=0, pid=1, version="1", uptime=1.0, tree=root, dead_letters={})
    with Live(console=console, auto_refresh=False) as live:
        show = LiveShow(live)
        show.say(1.5, "alpha dies")
        show.update(2.0, CALLS, played.accounts.results, status)
    drawn = output.getvalue()
    assert f"of {CALLS} calls" in drawn
    assert "callboard 1" in drawn
    assert "1.5 s  alpha dies" in drawn


def demo(temporary: Path, *arguments: str) -> "subprocess.Popen[str]":
    environ = {**os.environ, "TMPDIR": str(temporary)}
    environ.pop("XDG_RUNTIME_DIR", None)
    command = [sys.executable, "-m", "callboard", "demo", *arguments]
    return subprocess.Popen(
        command, cwd=temporary, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_the_command_passes_and_leaves_nothing_behind(tmp_path: Path) -> None:
    output, errors = demo(tmp_path, "--calls", "40", "--seed", "11").communicate()
    assert (output.splitlines()[-1], errors) == ("the demo passed", "")
    assert "\x1b" not in output
    assert list(tmp_path.iterdir()) == []


def test_the_command_ends_with_one_when_the_accounts_do_not_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = (
        "import sys; from callboard.testing import SimulatedProvider as P; log = P.log.fget\n"
        "P.log = property(lambda self: log(self)[1:])\n"
        "from callboard.cli import main; main(['demo', '--calls', '40'])"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 1
    assert "FAIL  the servers' own logs agree with the ledger, request by request" in finished.stdout


@pytest.mark.usefixtures("heeding")
def test_an_interrupted_demo_ends_quietly_and_leaves_nothing_behind(tmp_path: Path) -> None:
    process = demo(tmp_path)
    assert process.stdout is not None
    assert "three providers listen" in process.stdout.readline()
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert (process.returncode, errors) == (130, "")
    assert list(tmp_path.iterdir()) == []
