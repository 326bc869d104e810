"""The demo's closing tables. Pure."""

from collections.abc import Sequence
from statistics import quantiles

from callboard.cli.bill import money
from callboard.cli.columns import columns
from callboard.cli.demo.reconcile import Accounts
from callboard.cli.demo.result import Result
from callboard.cli.demo.timeline import Move
from callboard.messages.usage import Cost, Usage
from callboard.testing import Outcome

PROVIDER_HEADS = (
    "provider",
    "requests",
    "complete",
    "errors",
    "cut",
    "tokens billed",
    "in the ledger",
    "estimated",
    "cost",
)
MOVES = 24
"""Changes of circuits told one by one."""


def tables(accounts: Accounts, moves: Sequence[Move], planned: int, seconds: float) -> list[str]:
    """Everything that happened, in lines."""
    facts = _facts(accounts, planned, seconds)
    width = max(len(name) for name, _ in facts)
    return [
        *(f"{name:{width}}  {value}" for name, value in facts),
        "",
        *columns(PROVIDER_HEADS, [_provider(accounts, name) for name in accounts.logs]),
        "",
        *columns(("at", "circuit", "from", "to", "because of"), [_move(move) for move in moves[:MOVES]], words=5),
        *([f"and {len(moves) - MOVES} more"] if len(moves) > MOVES else []),
    ]


def _facts(accounts: Accounts, planned: int, seconds: float) -> list[tuple[str, str]]:
    results = accounts.results
    plain = [result for result in results if not result.stream]
    streams = [result for result in results if result.stream]
    more = len(results) - planned
    usage = sum((entry.usage for entry in accounts.settled.values()), Usage())
    return [
        (
            "calls",
            f"{len(results)} in {seconds:.1f} s" + (f", {more} of them to see the circuit close" if more else ""),
        ),
        ("plain", f"{len(plain)}: {_outcomes(plain)}"),
        ("streams", f"{len(streams)}: {_outcomes(streams)}"),
        (
            "fallbacks",
            f"{sum(result.fell_back for result in results)} calls went on to another provider than their first",
        ),
        ("cache hits", str(sum(result.cached for result in results))),
        (
            "shared fills",
            f"{sum(result.shared for result in results)} calls got the reply of an identical one in flight",
        ),
        ("tokens", f"{usage.input_total:,} in, {usage.output_total:,} out"),
        ("cost", money(accounts.cost)),
        ("plain p50, p95", _spread([result.duration for result in plain if not result.cached])),
        ("stream p50, p95", _spread([result.duration for result in streams])),
        ("first token", _spread([result.first_token for result in streams if result.first_token is not None])),
    ]


def _outcomes(results: Sequence[Result]) -> str:
    words = {"ok": "complete", "interrupted": "interrupted", "fault": "failed"}
    counts = {word: sum(result.outcome == outcome for result in results) for outcome, word in words.items()}
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "none"


def _spread(seconds: Sequence[float]) -> str:
    if len(seconds) < 2:
        return "too few"
    cuts = quantiles(seconds, n=20, method="inclusive")
    return f"{cuts[9]:.2f} s, {cuts[18]:.2f} s"


def _provider(accounts: Accounts, name: str) -> tuple[str, ...]:
    log = accounts.logs[name]
    entries = [entry for entry in accounts.settled.values() if entry.provider == name]
    complete = sum(request.outcome is Outcome.COMPLETE for request in log)
    errors = sum(request.outcome is Outcome.ERROR for request in log)
    billed = sum(request.usage.total for request in log)
    booked = sum(entry.usage.total for entry in entries)
    estimated = sum(entry.usage.total for entry in entries if entry.estimated)
    cost = sum((entry.cost or Cost(0) for entry in entries), Cost(0))
    counts = (len(log), complete, errors, len(log) - complete - errors, billed, booked, estimated)
    return (name, *(f"{count:,}" for count in counts), money(cost))


def _move(move: Move) -> tuple[str, ...]:
    because = (move.cause or "").replace("_", " ")
    return (f"{move.at:.1f} s", f"{move.provider} {move.circuit}", move.before, move.after, because)
