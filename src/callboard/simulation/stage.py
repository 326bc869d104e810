"""The stage: the runtime through all its lives, who calls it, and what befalls it and the providers."""

import heapq
import shutil
from itertools import count
from pathlib import Path
from typing import Any, assert_never

import msgspec
import trio

from callboard import opening
from callboard.asking import Options
from callboard.board import Board
from callboard.config import Config, ResolvedProvider
from callboard.errors import CallboardError
from callboard.messages.accounting import LedgerEntry
from callboard.messages.base import Tell
from callboard.messages.calls import Operate
from callboard.messages.events import Event
from callboard.runtime.clock import Clock
from callboard.runtime.errors import ActorError
from callboard.runtime.mailbox import Lane
from callboard.sections import StoreConfig
from callboard.simulation.callers import make
from callboard.simulation.cast import CAST, LARGE, SMALL, configuration
from callboard.simulation.faults import Episode, Trouble, episodes
from callboard.simulation.mishaps import Command, Crash, Jump, Mishap, Restart, mishaps
from callboard.simulation.providers import Watched
from callboard.simulation.report import Report
from callboard.simulation.spec import Spec
from callboard.simulation.traffic import Burst, Planned, bursts, calls
from callboard.simulation.wall import WallClock
from callboard.simulation.witness import Witness

AUDIT_EVERY = 400
"""Calls from one audit to the next, about."""
PAGE = 5_000
"""Entries of the journal that are read at once."""
ROUNDS = 12
"""Calls that a circuit may need to close once its provider is well."""


class Bug(Tell, frozen=True):
    """A message that no actor knows: whoever receives it crashes."""


class Reset(msgspec.Struct, frozen=True):
    """An operator takes back what was said of a provider."""

    provider: str


class Broken(Exception):
    """A promise was not kept: what comes after it means nothing."""


class Stage:
    """One simulation. `play` runs it, once, under a MockClock that has just been made."""

    def __init__(self, spec: Spec, folder: Path) -> None:
        self._spec = spec
        self._folder = folder
        self._store = folder / "store-0"
        self._wall = WallClock()
        self._witness = Witness(spec)
        self._decoder: msgspec.msgpack.Decoder[LedgerEntry] = msgspec.msgpack.Decoder(LedgerEntry)
        self._read_to = b""
        self._order = count()
        self._agenda: list[tuple[float, int, Burst | Mishap | Reset]] = []
        self._begun = 0
        self._audited = 0
        self._killed = False
        self._calling = 0
        self._idle = trio.lowlevel.ParkingLot()
        self._ended = 0.0
        self._most = 0
        self._board: Board
        self._background: trio.Nursery
        self._providers = {
            name: Watched(
                name,
                on_arrival=self._witness.arrived,
                on_end=self._witness.served,
                shape=part.shape,
                behaviour=part.behaviour,
                models=(SMALL, LARGE),
                seed=spec.seed,
                utc=self._wall.true,
            )
            for name, part in CAST.items()
        }

    async def play(self) -> None:
        """From the first burst to the last audit, or to the first broken promise."""
        all_bursts = bursts(self._spec)
        for burst in all_bursts:
            self._plan(burst.at, burst)
        for at, mishap in mishaps(self._spec, [burst.at for burst in all_bursts]):
            self._plan(at, mishap)
        try:
            async with trio.open_nursery() as self._background:
                for provider in self._providers.values():
                    self._background.start_soon(
                        provider.suffer, episodes(self._spec, provider.name), self._episode_over
                    )
                await self._lives()
                self._background.cancel_scope.cancel()
        except* Broken:
            self._witness.note("broken")
        self._ended = trio.current_time()

    def report(self, cpu: float) -> Report:
        """What was found. `cpu` in seconds."""
        witness, sums = self._witness, self._witness.books.sums
        return Report(
            spec=self._spec,
            violations=tuple(witness.violations),
            trace=witness.trace,
            virtual_seconds=self._ended,
            cpu_seconds=cpu,
            outcomes=dict(witness.tally.outcomes),
            cached=witness.tally.cached,
            shared=witness.tally.shared,
            attempts=witness.tally.attempts,
            estimated=sums.estimated,
            usage=sums.usage,
            cost=sums.cost,
            billed=sums.billed,
            estimates=sums.estimates,
            faults=dict(witness.tally.faults),
            circuit_moves=dict(witness.circuits.moves),
            cycles=witness.circuits.cycles,
            audits=witness.audits,
            most_calls=self._most,
        )

    async def _lives(self) -> None:
        """One process after the other, until the agenda is empty."""
        for life in count():
            seed = self._spec.seed * 1_000_003 + life
            async with opening.open(
                self._config(),
                clock=Clock(self._wall),
                transport=self._transport,
                virtual_time=True,
                seed=seed,
                on_event=self._event,
            ) as board:
                self._begin(board)
                restart = await self._live(board)
                if restart is None:
                    await self._finish(board)
                    return
                self._end(restart)
            for folder in self._folder.iterdir():
                if folder != self._store:
                    shutil.rmtree(folder)
            await trio.sleep(restart.pause)

    def _begin(self, board: Board) -> None:
        """A process has begun; the first one, or after another that was ended."""
        self._board = board
        self._witness.tasks = None
        for name, provider in self._providers.items():
            provider.plug_in()
            self._witness.circuits.restored(name, board._system.ref("ledger").snapshot.circuits(name))
            self._witness.rule.started(name, self._wall())
        self._witness.up(killed=self._killed)
        self._killed = False

    def _end(self, restart: Restart) -> None:
        """The process ends. When killed, what is on disk now is all that the next one will find."""
        self._witness.down()
        self._killed = restart.killed
        if restart.killed:
            for provider in self._providers.values():
                provider.unplug()
            fresh = self._folder / f"store-{next(self._order)}"
            shutil.copytree(self._store, fresh, ignore=shutil.ignore_patterns("owner.lock", "lock.mdb"))
            self._store = fresh

    async def _live(self, board: Board) -> Restart | None:
        """Do what the agenda says until the process ends."""
        while self._agenda:
            at, _, item = heapq.heappop(self._agenda)
            await trio.sleep_until(at)
            match item:
                case Burst():
                    await self._make_room(board)
                    self._background.start_soon(self._burst, item)
                case Restart():
                    self._befall(item)
                    return item
                case Crash() | Jump() | Command():
                    self._befall(item)
                case Reset(provider):
                    self._operate(provider, Operate(command="reset"))
                case _:
                    assert_never(item)
        return None

    def _event(self, event: Event) -> None:
        if not self._killed:
            self._witness.event(event)

    def _befall(self, mishap: Mishap) -> None:
        self._witness.note(mishap)
        self._witness.tally.befell(mishap)
        match mishap:
            case Crash(path):
                self._board._system.ref(path).tell(Bug(), lane=Lane.CONTROL)
            case Jump(seconds):
                self._wall.jump(seconds)
            case Command(provider, command, now, until_reset):
                self._operate(provider, Operate(command=command, now=now and command == "open"))
                self._plan(trio.current_time() + until_reset, Reset(provider))
            case Restart():
                pass

    def _episode_over(self, episode: Episode) -> None:
        self._witness.note(episode)
        if episode.trouble is Trouble.QUOTA:  # nobody but an operator lifts a quota that tells no date
            self._plan(trio.current_time() + 1, Reset(episode.provider))

    def _operate(self, provider: str, command: Operate) -> None:
        if command.command == "reset":
            self._witness.rule.started(provider, self._wall())

        async def tell(board: Board) -> None:
            try:
                await board.operate(provider, command)
            except (ActorError, CallboardError):
                return  # it crashed, or the process ended; the next reset will do

        self._background.start_soon(tell, self._board)

    async def _burst(self, burst: Burst) -> None:
        late = max(0.0, trio.current_time() - burst.at)
        for planned in calls(self._spec, burst):
            await trio.sleep_until(planned.at + late)
            self._background.start_soon(self._call, planned)

    async def _call(self, planned: Planned) -> None:
        self._calling += 1
        self._begun += 1
        self._most = max(self._most, self._calling)
        try:
            self._witness.called(await make(self._board, planned))
        finally:
            self._calling -= 1
            if not self._calling:
                self._idle.unpark_all()

    async def _make_room(self, board: Board) -> None:
        """Every now and then let everything come to rest, and audit it."""
        if self._begun - self._audited >= AUDIT_EVERY:
            await self._audit(board)

    async def _audit(self, board: Board) -> None:
        await trio.sleep(130)  # the longest burst has begun all its calls
        while self._calling:
            await self._idle.park()
        await trio.sleep(1)
        await board.flush()
        self._read_journal(board)
        self._witness.audit(board)
        self._audited = self._begun
        for provider in self._providers.values():
            provider.forget_log()
        if self._witness.violations:
            raise Broken

    def _read_journal(self, board: Board) -> None:
        records = board._system.ref("store").snapshot.ledger
        while page := records.first("journal", PAGE, self._read_to):
            self._read_to = page[-1][0]
            self._witness.wrote([self._decoder.decode(payload) for _, payload in page])

    async def _finish(self, board: Board) -> None:
        """The providers are well again: every circuit closes, and nothing is left."""
        await self._audit(board)
        for provider in self._providers.values():
            provider.recover()
        for provider_name, circuit in list(self._witness.circuits.shut()):
            model = circuit.removeprefix("endpoint").strip() or SMALL
            await self._close(board, f"{provider_name}/{model}", (provider_name, circuit))
        await self._audit(board)
        self._witness.close()

    async def _close(self, board: Board, model: str, key: tuple[str, str]) -> None:
        """Call until this circuit is closed, or should have been long since."""
        for number in range(ROUNDS):
            if key in self._witness.circuits.shut():
                at = trio.current_time()
                prompt = f"Last question {number}"
                options: Options = {"wait": True, "max_tokens": 8}
                await self._call(Planned(number=-1, at=at, prompt=prompt, model=model, options=options))

    def _config(self) -> Config:
        urls = {name: provider.url for name, provider in self._providers.items()}
        return configuration(urls, StoreConfig(path=str(self._store)))

    def _transport(self, one: ResolvedProvider) -> Any:
        return self._providers[one.name].transport()

    def _plan(self, at: float, item: Burst | Mishap | Reset) -> None:
        heapq.heappush(self._agenda, (at, next(self._order), item))
