import csv
import io
import sys
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

import callboard
from callboard.cli.bill import as_csv, as_text
from callboard.messages.accounting import CallEnded, CallRow, SpendRow, UsageReport, UsageRow
from callboard.messages.usage import Apart, Usage
from callboard.testing import Behaviour, SimulatedProvider

Run = Callable[..., Any]
Configure = Callable[[SimulatedProvider], None]

USAGE = Usage(input=1000, cached_read=200, cache_write=30, output=4, reasoning=5)
REPORT = UsageReport(
    models=(
        UsageRow(day="2026-01-02", provider="b", model="m", attempts=2, cost=Decimal("0.5"), unpriced=1),
        UsageRow(
            day="2026-01-01",
            provider="a",
            model="m,n",
            attempts=3,
            faults=1,
            usage=USAGE,
            cost=Decimal("1E-7"),
            estimated=2,
        ),
    ),
    calls=(
        CallRow(
            day="2026-01-01", tag="search", user="", calls=4, ok=3, faults=1, cached=2, shared=1, cost=Decimal("0.5")
        ),
    ),
    latency=(),
)

KILLED = """
import os
import trio
import callboard

async def main():
    async with callboard.open("callboard.toml") as board, trio.open_nursery() as nursery:
        await board.generate("Why?", model="any", tag="first")
        nursery.start_soon(lambda: board.generate("And then?", model="any", tag="second"))
        await trio.sleep(0.5)
        await board.flush()
        os._exit(9)

trio.run(main)
"""


async def test_the_owner_and_the_disk_tell_the_same(run: Run, configure: Configure) -> None:
    async def usage(*arguments: str) -> Any:
        return await trio.to_thread.run_sync(partial(run, "usage", *arguments))

    async with SimulatedProvider("alpha") as provider:
        configure(provider)
        async with callboard.open("callboard.toml") as board:
            await board.generate("Why?", model="any", tag="search", user="u7")
            await board.flush()
            asked = await usage()
    assert await usage() == asked
    assert asked.code == 0
    (used,) = (request.usage for request in provider.log)
    assert f"total: {used.input} tokens in, {used.output} out, ${board.usage().cost:.6f}" in asked.out
    assert asked.out.splitlines()[4].split()[1:4] == ["search", "u7", "1"]
    report = msgspec.json.decode((await usage("--json")).out, type=UsageReport)
    assert report.usage == used


async def test_what_a_killed_process_left_is_told_and_its_open_attempt_as_well(
    run: Run, here: Path, configure: Configure
) -> None:
    async with SimulatedProvider("alpha") as provider:
        configure(provider)
        provider.upcoming.extend([Behaviour(), Behaviour(hang_rate=1)])
        killed = await trio.run_process(
            [sys.executable, "-c", KILLED], cwd=here, check=False, capture_stdout=True, capture_stderr=True
        )
    assert (killed.returncode, killed.stderr) == (9, b"")
    finished = run("usage")
    assert finished.code == 0
    assert (
        "note: attempts open when their process ended, to be settled as estimates at the next start: 1" in finished.out
    )
    async with callboard.open("callboard.toml") as board:
        assert sum(row.estimated for row in board.usage().models) == 1
    assert "note: attempts whose tokens are estimates (cut, or not counted by the provider): 1" in run("usage").out


def test_days_that_were_added_up_over_tags_and_users_are_told() -> None:
    nobody = CallRow(day="2026-01-01", tag="", user="", calls=1)
    spent = SpendRow(
        starts=0, ends=1, day="2026-01-01", provider="a", model="m", tag="", user="", attempts=7, summed=True
    )
    calls = (nobody, msgspec.structs.replace(nobody, summed=True, calls=6))
    lines = as_text(msgspec.structs.replace(REPORT, calls=calls, spend=(spent,))).splitlines()
    assert [line.split()[1:-7] for line in lines[5:7]] == [["-", "-", "1"], ["(added", "up)", "(added", "up)", "6"]]
    assert lines[-1] == "note: attempts of days with too many tags and users to keep apart, and added up: 7"


def test_before_anything_was_recorded_it_says_so(run: Run) -> None:
    finished = run("usage")
    assert (finished.code, finished.out) == (1, "")
    assert "there is no store here yet" in finished.err


async def test_usage_by_tag_and_the_dearest_calls_with_and_without_an_owner(run: Run, configure: Configure) -> None:
    async with SimulatedProvider("alpha") as provider:
        configure(provider)
        async with callboard.open("callboard.toml") as board:
            long = await board.generate("Why? " * 100, model="any", tag="long", user="ann")
            await board.generate("Why?", model="any", tag="short")
            await board.flush()
            owned = await trio.to_thread.run_sync(partial(run, "usage", "--by", "tag", "--csv"))
            command = [
                sys.executable,
                "-m",
                "callboard",
                "usage",
                "--top",
                "1",
            ]  # another process reads beside the owner
            top = (await trio.run_process(command, capture_stdout=True)).stdout.decode()
            (dear,) = msgspec.json.decode((await trio.run_process([*command, "--json"], capture_stdout=True)).stdout)
    assert (dear["id"], Decimal(dear["cost"])) == (long.id, long.cost)
    assert dear["duration"] == pytest.approx(long.duration, abs=0.1), "seconds, as a reply has it"
    assert run("usage", "--top", "1").out == top
    assert top.splitlines()[1].split()[1:5] == [long.id, "alpha/sim-small", "long", "ann"]
    assert top.splitlines()[1].endswith(f"${long.cost:,.6f}")
    assert run("usage", "--by", "tag", "--csv") == owned
    assert [line.split(",")[0] for line in owned.out.splitlines()] == ["tag", "long", "short"]
    compared = run("usage", "--by", "user", "--baseline", "alpha/sim-small", "--json").out
    for group in msgspec.json.decode(compared):
        assert Decimal(group["baseline"]) == Decimal(group["cost"]), "it was that model"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--baseline", "a/b"], "--baseline goes with --by"),
        (["--by", "tag", "--top", "3"], "--top goes with --json alone"),
        (["--by", "tag", "--baseline", "nobody/m"], "not provider/model of a provider that is known"),
        (["--by", "tag", "--baseline", "openai/of-our-own"], "no price is known for openai/of-our-own"),
    ],
)
def test_what_does_not_go_together_or_has_no_price_is_told(run: Run, arguments: list[str], told: str) -> None:
    finished = run("usage", *arguments)
    assert (finished.code, told in finished.err) == (2, True), finished.err


def test_one_form_at_a_time(run: Run) -> None:
    assert run("usage", "--json", "--csv").code == 2


def test_what_is_counted_apart_is_in_the_sums_once() -> None:
    rare = Apart(audio_input=40_000, audio_cached=2_000, audio_output=500, cache_write_1h=100)
    row = msgspec.structs.replace(REPORT.models[1], usage=Usage(input=1, output=2, reasoning=3, apart=rare))
    report = UsageReport(models=(row, REPORT.models[0]), calls=(), latency=())
    assert "total: 42,101 tokens in, 505 out" in as_text(report)
    (line,) = (line for line in as_text(report).splitlines() if "m,n" in line)
    assert line.split()[5:7] == ["42,101", "505"]


def test_csv_has_every_partition_and_quotes_what_must_be() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(REPORT))))
    assert [row["day"] for row in rows] == ["2026-01-01", "2026-01-02"]
    assert rows[0] == {
        "day": "2026-01-01",
        "provider": "a",
        "model": "m,n",
        "attempts": "3",
        "faults": "1",
        "input": "1000",
        "cached_read": "200",
        "cache_write": "30",
        "output": "4",
        "reasoning": "5",
        "cost_usd": "0.0000001",
        "unpriced_attempts": "0",
        "estimated_attempts": "2",
        "audio_input": "0",
        "audio_cached": "0",
        "audio_output": "0",
        "cache_write_1h": "0",
        "image_input": "0",
        "image_cached": "0",
        "image_output": "0",
        "web_searches": "0",
    }


def test_the_tables_are_aligned_and_say_what_the_figures_leave_out() -> None:
    assert as_text(REPORT, 3).splitlines() == [
        "day         provider  model  attempts  faults  tokens in  tokens out       cost",
        "2026-01-01  a         m,n           3       1      1,230           9  $0.000000",
        "2026-01-02  b         m             2       0          0           0  $0.500000",
        "",
        "day         tag     user  calls  ok  interrupted  cancelled  faults  cached  shared       cost",
        "2026-01-01  search  -         4   3            0          0       1       2       1  $0.500000",
        "",
        "total: 1,230 tokens in, 9 out, $0.500000",
        "note: attempts without a known price, not in the cost: 1",
        "note: attempts whose tokens are estimates (cut, or not counted by the provider): 2",
        "note: attempts open when their process ended, to be settled as estimates at the next start: 3",
    ]


def test_an_empty_ledger_is_told_as_such() -> None:
    assert as_text(UsageReport(models=(), calls=(), latency=())) == "nothing was recorded yet"


LONG = "nightly-summaries-of-support-tickets-of-the-subsidiary"
SPENT = SpendRow(day="2026-01-01", starts=0, ends=0, provider="a", model="m", tag=LONG, user="", attempts=77)
CALLS = CallRow(day="2026-01-01", tag=LONG, user="", calls=77)
ENDED = CallEnded(
    id="1",
    at=0,
    outcome="ok",
    fault=None,
    provider="a",
    model="m",
    asked="a/m",
    stream=False,
    cached=False,
    shared=False,
    attempts=77,
    usage=USAGE,
    cost=Decimal(1),
    estimated=False,
    duration=1,
    tag=LONG,
)


@pytest.mark.parametrize("arguments", [[], ["--by", "tag"], ["--top", "1"]])
def test_in_a_terminal_too_narrow_for_a_row_its_numbers_stand_below_its_names(
    run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    report = msgspec.structs.replace(REPORT, spend=(SPENT,), calls=(CALLS,))
    monkeypatch.setattr("callboard.cli.usage.read", lambda store: (report, 0))
    monkeypatch.setattr("callboard.cli.usage.dearest", lambda store, count: [ENDED])
    monkeypatch.setenv("COLUMNS", "80")

    def told() -> list[str]:
        """The line with the name, and what follows."""
        lines: list[str] = run("usage", *arguments).out.splitlines()
        return lines[next(place for place, line in enumerate(lines) if LONG in line) :]

    assert " 77 " in told()[0], "a file has no end at the right"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    names, numbers, *_ = told()
    assert " 77 " not in names
    assert " 77 " in numbers
    assert len(numbers) <= 80
