"""`callboard demo`."""

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import msgspec
import trio
import typer

from callboard import opening
from callboard.actors.store.actor import LEDGER_DATABASES
from callboard.actors.store.reading import Records
from callboard.board import Board
from callboard.cli.demo.performance import Performance
from callboard.cli.demo.reconcile import Accounts
from callboard.cli.demo.script import planned
from callboard.cli.demo.show import Show, showing
from callboard.cli.demo.stage import configuration, providers
from callboard.cli.demo.summary import tables
from callboard.cli.demo.timeline import Timeline
from callboard.cli.demo.verdict import Check, verdict
from callboard.messages.accounting import LedgerEntry
from callboard.runtime.storage.reading import ReadOnlyEnvironment

FEWEST = 40
"""Calls below which the failing provider might not be asked often enough to notice."""
FRAME = 0.15
"""Seconds from one drawing to the next."""


def demo(
    calls: Annotated[int, typer.Option("--calls", min=FEWEST, help="How many calls to make.")] = 400,
    seed: Annotated[
        int, typer.Option("--seed", help="The same seed gives the same questions, replies and faults.")
    ] = 7,
) -> None:
    """Watch hundreds of calls survive an outage. Three simulated providers on this machine, no keys, no network."""
    with tempfile.TemporaryDirectory(prefix="callboard-demo-") as folder:
        with showing(terminal=sys.stdout.isatty()) as show:
            run = Run(calls, seed, Path(folder), show)
            trio.run(run.play)
        for line in run.closing_lines():
            typer.echo(line)
    if not run.passed:
        raise typer.Exit(1)


class Run:
    """One demo from start to verdict."""

    def __init__(self, calls: int, seed: int, store: Path, show: Show) -> None:
        self._calls = calls
        self._seed = seed
        self._store = store
        self._show = show
        self._started = 0.0
        self._seconds = 0.0
        self._timeline = Timeline(self._elapsed, self._say)
        self.accounts: Accounts
        self.checks: list[Check]

    async def play(self) -> None:
        """From the curtain to the journal."""
        self._started = trio.current_time()
        async with providers(self._seed) as servers:
            self._say(f"three providers listen; elsewhere: callboard status --watch --store {self._store}")
            config = configuration(servers, self._store)
            async with opening.open(config, on_event=self._timeline, seed=self._seed) as board:
                performance = Performance(
                    board,
                    servers,
                    self._timeline,
                    planned(self._calls, self._seed),
                    self._seed,
                    say=self._say,
                    elapsed=self._elapsed,
                )
                await self._perform(performance, board)
                await board.flush()
                cost = board.usage().cost
            logs = {name: server.log for name, server in servers.items()}
        self.accounts = Accounts(
            results=performance.results, begun=performance.begun, entries=journal(self._store), logs=logs, cost=cost
        )
        self.checks = verdict(self.accounts, self._timeline)

    @property
    def passed(self) -> bool:
        """Whether all checks passed."""
        return all(check.passed for check in self.checks)

    def closing_lines(self) -> list[str]:
        """The tables, the checks and the verdict."""
        verdicts = [line for check in self.checks for line in check.lines()]
        last = "the demo passed" if self.passed else "THE DEMO FAILED"
        return ["", *tables(self.accounts, self._timeline.moves, self._calls, self._seconds), "", *verdicts, "", last]

    async def _perform(self, performance: Performance, board: Board) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch, performance, board)
            await performance.run()
            nursery.cancel_scope.cancel()
        self._seconds = self._elapsed()
        self._show.update(self._seconds, self._calls, performance.results, board.status())

    async def _watch(self, performance: Performance, board: Board) -> None:
        while True:
            self._show.update(self._elapsed(), self._calls, performance.results, board.status())
            await trio.sleep(FRAME)

    def _elapsed(self) -> float:
        return trio.current_time() - self._started

    def _say(self, line: str) -> None:
        self._show.say(self._elapsed(), line)


def journal(store: Path) -> list[LedgerEntry]:
    """Everything the ledger wrote down, in order."""
    decoder: msgspec.msgpack.Decoder[LedgerEntry] = msgspec.msgpack.Decoder(LedgerEntry)
    with ReadOnlyEnvironment.open_readonly(store / "ledger", LEDGER_DATABASES) as environment:
        return [decoder.decode(payload) for _, payload in Records(environment).all("journal")]
