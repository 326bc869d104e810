"""`open`: from a configuration to a running runtime, and back to nothing."""

import functools
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager
from pathlib import Path

import httpx
import msgspec
import trio

from callboard import config as configuration
from callboard.actors.inspector.actor import InspectorActor
from callboard.actors.prices.book import load as load_prices
from callboard.actors.store.actor import StoreSpec
from callboard.actors.transport.config import Tls
from callboard.actors.transport.opening import open_transport
from callboard.actors.transport.tls import tls_context
from callboard.board import Board
from callboard.config import Config, Resolved, ResolvedProvider
from callboard.errors import CallboardError, ConfigError, RuntimeStopped, StoreError, StoreOwned
from callboard.memory import Memory
from callboard.messages.accounting import UsageReport
from callboard.messages.checks import is_async, named
from callboard.messages.events import Event
from callboard.messages.faults import FaultKind
from callboard.routes import no_model
from callboard.runtime.clock import Clock
from callboard.runtime.leaf import leaf, leaves
from callboard.runtime.logs import get_logger
from callboard.runtime.ref import Ref
from callboard.runtime.status import StatusReader
from callboard.runtime.storage import errors as storage
from callboard.runtime.storage.owner import OwnerLock
from callboard.runtime.supervision.spec import ActorSpec
from callboard.runtime.supervision.supervisor import GaveUp
from callboard.runtime.system import System
from callboard.sections import StoreConfig
from callboard.spec import Plumbing, price_book, tree
from callboard.version import __version__

STOP = 15.0
"""Seconds that stopping the whole may take."""
EVENTS = 1_000

_log = get_logger("callboard")

Source = str | Path | Config | Resolved | None


@asynccontextmanager
async def open(  # noqa: A001 - callboard.open is the name users read
    source: Source = None,
    *,
    check: bool = False,
    on_event: Callable[[Event], None] | None = None,
    clock: Clock | None = None,
    transport: Callable[[ResolvedProvider], httpx.AsyncBaseTransport] | None = None,
    virtual_time: bool = False,
    seed: int | None = None,
) -> AsyncIterator[Board]:
    """Start a runtime in this Trio run and give its Board; leaving the block stops it and writes everything down.

    `source` is a TOML file, a Config, or None for `callboard.toml` here and else keys in the environment. With `check`
    every provider is asked whether it accepts its credential. `on_event` is called with each event: a plain
    function, which must not wait; what it raises is logged.
    The rest is for tests: `clock` and `transport` in place of the real ones, `virtual_time` to do without threads (no
    status socket, no price catalogue, commits on the Trio thread), `seed` for repeatable jitter and ids.

    Raises ConfigError, StoreOwned and other StoreErrors before anything has started, and RuntimeError outside Trio.
    """
    _in_trio()
    _check_listener(on_event)
    resolved = load(source)
    if transport is None:
        _check_transports(resolved)
    clock = clock or Clock()
    events: deque[Event] = deque(maxlen=EVENTS)

    def emit(event: Event) -> None:
        events.append(event)
        if on_event is not None:
            _told(on_event, event)

    if price_book(resolved).needs_catalogue and not virtual_time:
        await trio.to_thread.run_sync(load_prices)
    with ExitStack() as stack:
        store = stack.enter_context(_store(resolved, inline=virtual_time))
        system, reader = _build(
            resolved, store, threads=not virtual_time, clock=clock, emit=emit, transport=transport, seed=seed
        )
        async with _running(system) as nursery:
            status = reader()
            board = Board(resolved, system, nursery, status=status, events=events, rng=random.Random(seed))
            if check:
                await _check(board)
            yield board


def _check_transports(resolved: Resolved) -> None:
    for one in resolved.providers:
        try:
            open_transport(one.transport)
            if one.transport.tls != Tls():
                tls_context(one.transport.tls)
        except ValueError as error:
            raise ConfigError(f"{resolved.source}: providers.{one.name}.transport: {error}") from None


def _in_trio() -> None:
    try:
        trio.lowlevel.current_task()
    except RuntimeError:
        raise RuntimeError("callboard.open runs under Trio: start your program with trio.run(main)") from None


def _check_listener(on_event: object) -> None:
    if on_event is None:
        return
    if not callable(on_event):
        raise ConfigError(f"on_event: expected a function, got {named(on_event)}")
    if is_async(on_event):
        raise ConfigError(
            "on_event: expected a plain function, got an async one, which nobody would await: hand the event to a task "
            "of yours, by a memory channel's send_nowait say"
        )


def _told(on_event: Callable[[Event], None], event: Event) -> None:
    """The caller's function runs in the midst of an actor's decision: its failure is not the actor's."""
    try:
        on_event(event)
    except Exception as error:
        _log.error("on_event failed with %s at a %s; board.events has it", type(error).__name__, type(event).__name__)


def load(source: Source) -> Resolved:
    """The configuration that `open` would use. Raises ConfigError."""
    match source:
        case Resolved():
            return source
        case Config():
            made = configuration.checked(source, "the configuration")
            return configuration.resolve(made, "the configuration", Path.cwd(), configuration.environ())
        case str() | Path():
            return configuration.read(Path(source))
        case None:
            return _found()
        case _:
            raise ConfigError(f"source: expected a file's name, a Config or None, got {named(source)}")


def _found() -> Resolved:
    path = Path("callboard.toml")
    if path.exists() or path.is_symlink():  # a link that leads nowhere is a mistake, and told as one
        return configuration.read(path)
    resolved = configuration.from_environment()
    if resolved is None:
        names = " nor ".join(preset.key_env for preset in configuration.FAMILIAR.values())
        raise ConfigError(
            f"there is no callboard.toml here, and neither {names} is set; "
            "`callboard init` writes a configuration, `callboard demo` needs none"
        )
    return resolved


def _build(
    resolved: Resolved,
    store: StoreSpec,
    *,
    threads: bool,
    clock: Clock,
    emit: Callable[[Event], None],
    transport: Callable[[ResolvedProvider], httpx.AsyncBaseTransport] | None,
    seed: int | None,
) -> tuple[System, Callable[[], StatusReader]]:
    @functools.cache
    def reader() -> StatusReader:
        return StatusReader(system, __version__)

    def lookup(path: str) -> Ref:
        return system.ref(path)

    def usage() -> UsageReport:
        report: UsageReport = lookup("ledger").snapshot.report()
        return msgspec.structs.replace(report, budgets=lookup("budgets").snapshot.rows())

    plumbing = Plumbing(lookup=lookup, transport=transport or http_transport(), store=store, utc=clock.utc)
    inspector = ActorSpec(
        name="inspector",
        factory=lambda: InspectorActor(
            status=reader(),
            usage=usage,
            provider=lambda name: lookup(f"providers/{name}"),
            cache=lambda: lookup("cache"),
            budgets=lambda: lookup("budgets"),
            no_model=lambda name: no_model(name, resolved.routes),
            store=resolved.store_path,
        ),
    )
    extra = (inspector,) if threads and resolved.config.store.mode == "exclusive" else ()
    system = System(tree(resolved, plumbing, extra), clock=clock, emit=emit, seed=seed)
    return system, reader


@asynccontextmanager
@trio.lowlevel.enable_ki_protection
async def _running(system: System) -> AsyncIterator[trio.Nursery]:
    """The tree runs while the block does. What is raised in the block comes out of it as it was."""
    raised: BaseException | None = None
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(system.run)
            try:
                yield nursery
            except BaseException as error:
                raised = error
                raise
            finally:
                await _stop(system, nursery)
    except BaseExceptionGroup as group:
        if isinstance(raised, BaseExceptionGroup) and leaves(group) == leaves(raised):
            raise raised from raised.__cause__
        raise _public(leaf(group)) from None
    finally:
        del raised


@trio.lowlevel.enable_ki_protection
async def _stop(system: System, nursery: trio.Nursery) -> None:
    """In order and in time, even when the caller is cancelled. Ctrl-C waits for its end; a second one does not."""
    pressed: KeyboardInterrupt | None = None
    system.stop()
    with trio.CancelScope(shield=True, deadline=trio.current_time() + STOP):
        try:
            await system.stopped.wait()
        except KeyboardInterrupt as error:
            pressed = error
            await system.stopped.wait()
    nursery.cancel_scope.cancel()
    if pressed is not None:
        raise pressed


def _public(error: BaseException) -> BaseException:
    if not isinstance(error, GaveUp):
        return error
    cause = error.cause
    while isinstance(cause, GaveUp):
        cause = cause.cause
    if isinstance(cause, storage.StorageError):
        return StoreError(str(cause))
    stopped = RuntimeStopped(f"the runtime gave up: {cause}")
    stopped.__cause__ = cause
    return stopped


def _store(resolved: Resolved, *, inline: bool) -> AbstractContextManager[StoreSpec]:
    config = resolved.config.store
    if config.mode == "memory":
        return Memory(config, inline=inline)
    return _Owned(resolved.store_path, config, inline=inline)


class _Owned:
    """The store's folder, with the owner's lock held."""

    def __init__(self, path: Path, config: StoreConfig, *, inline: bool) -> None:
        self._spec = StoreSpec(path=path, inline=inline, map_size=config.initial_size, max_map_size=config.max_size)

    def __enter__(self) -> StoreSpec:
        path = self._spec.path
        if path.exists() and not path.is_dir():
            raise StoreError(f"{path}: the store is a folder, and this is a file; name another `path` under [store]")
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = OwnerLock.acquire(path / "owner.lock", time.time_ns())
        except storage.StoreOwned as error:
            raise StoreOwned(str(error)) from None
        except (OSError, storage.StorageError) as error:
            raise StoreError(f"{path}: the store cannot be opened: {error}") from error
        return self._spec

    def __exit__(self, *exc: object) -> None:
        self._lock.release()


def http_transport() -> Callable[[ResolvedProvider], httpx.AsyncBaseTransport]:
    """Makes each account's transport; those with the same TLS settings share one context."""
    contexts = functools.cache(tls_context)

    def make(one: ResolvedProvider) -> httpx.AsyncBaseTransport:
        return open_transport(one.transport, contexts=contexts)

    return make


async def _check(board: Board) -> None:
    for name, fault in (await board.check()).items():
        if fault is not None and fault.kind in (FaultKind.UNAUTHORIZED, FaultKind.FORBIDDEN):
            raise ConfigError(f"providers.{name}: the provider refuses the credential: {fault}")
        if fault is not None:
            raise CallboardError(f"providers.{name}: cannot be checked: {fault}")
