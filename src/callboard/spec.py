"""The supervision tree of a configuration: the one place that names all actors.

root
├─ store         two LMDB environments          ├─ providers/*   one for each account
├─ ledger        usage, cost, circuits          ├─ orchestrator  the life of a call
├─ logbook       words, when asked for          │
├─ budgets       all money windows              └─ inspector     the status socket
├─ cache         replies, shared calls
├─ selector      which model, in which order
└─ limits/*      one for each account
"""

import os
from collections.abc import Callable

import httpx
import msgspec

from callboard import pricing
from callboard.actors.budgets.actor import BudgetsActor
from callboard.actors.cache.actor import CacheActor
from callboard.actors.ledger.actor import LedgerActor
from callboard.actors.ledger.keeping import Keep
from callboard.actors.ledger.outbox import Outbox
from callboard.actors.limiter.actor import LimiterActor
from callboard.actors.logbook.actor import LogbookActor
from callboard.actors.orchestrator.actor import OrchestratorActor
from callboard.actors.orchestrator.features import Knowledge
from callboard.actors.prices.book import PriceBook
from callboard.actors.prices.contexts import contexts
from callboard.actors.provider.account import Account
from callboard.actors.provider.actor import ProviderActor
from callboard.actors.selector.actor import SelectorActor
from callboard.actors.store.actor import StoreActor, StoreSpec
from callboard.actors.wires.wire import EmbeddingWire
from callboard.config import Config, Resolved, ResolvedProvider
from callboard.messages.accounting import UsageRow
from callboard.messages.calls import Candidate
from callboard.messages.embedding import EmbeddingBounds
from callboard.messages.hooks import Wishes
from callboard.messages.routing import Chains
from callboard.runtime.clock import ns
from callboard.runtime.mailbox import Full, MailboxSpec
from callboard.runtime.ref import Ref
from callboard.runtime.supervision.spec import ActorSpec, ChildSpec, SupervisorSpec
from callboard.speaking import wire

CALLS = 10_000
"""Calls in hand at once; more wait in the mailbox until their deadline."""
WINDOW_DAYS = {"day": 2.0, "month": 33.0, "ever": 36_525.0}
"""Days after which a budget's window is certainly over; a century is for ever."""
ROOM_IN_MEMORY = 64 * 1024 * 1024
WAITING = MailboxSpec(data=CALLS, full=Full.WAIT)


class Plumbing(msgspec.Struct, frozen=True, kw_only=True):
    """What the tree is built on, so that tests can put their own in place."""

    lookup: Callable[[str], Ref]
    """The ref of a path, asked for only once actors start."""
    transport: Callable[[ResolvedProvider], httpx.AsyncBaseTransport]
    store: StoreSpec
    utc: Callable[[], int]
    """UTC nanoseconds."""


def tree(resolved: Resolved, plumbing: Plumbing, extra: tuple[ChildSpec, ...] = ()) -> SupervisorSpec:
    """The root's spec; `extra` children start last."""
    prices = price_book(resolved)
    providers = tuple(_provider(one, resolved, plumbing, prices) for one in resolved.providers)
    limits = tuple(_limiter(one, resolved, plumbing) for one in resolved.providers)
    return SupervisorSpec(
        name="root",
        children=(
            ActorSpec(name="store", factory=lambda: StoreActor(plumbing.store), concurrency=64),
            _ledger(resolved, plumbing),
            *_logbook(resolved, plumbing),
            _budgets(resolved, plumbing),
            _cache(resolved, plumbing),
            _selector(resolved),
            SupervisorSpec(name="limits", children=limits),
            SupervisorSpec(name="providers", children=providers),
            _orchestrator(resolved, plumbing),
            *extra,
        ),
    )


def price_book(resolved: Resolved) -> PriceBook:
    """The prices of this configuration."""
    return pricing.price_book(resolved.config, {one.name: one.preset for one in resolved.providers})


def kept(config: Config) -> Keep:
    """How long the ledger keeps what: sums at least for as long as the longest window of a budget."""
    longest = max((WINDOW_DAYS[budget.per] for budget in config.budgets.values()), default=0.0)
    keep = config.store.keep
    return msgspec.structs.replace(keep, usage=max(keep.usage, longest))


def counted(config: Config) -> float:
    """For how many days at the most a budget counts by tag or user; 0 where none does."""
    budgets = config.budgets.values()
    return max((WINDOW_DAYS[one.per] for one in budgets if (one.tag, one.user) != (None, None)), default=0.0)


def room(config: Config) -> int:
    """Bytes that entries of the journal may take. Half of the file may be the log's; in memory nobody reads them."""
    store = config.store
    share = store.max_size // 4 * (1 if config.log.requests else 3)
    return min(share, ROOM_IN_MEMORY) if store.mode == "memory" else share


def _ledger(resolved: Resolved, plumbing: Plumbing) -> ActorSpec:
    lookup = plumbing.lookup
    outbox, keep = Outbox(), kept(resolved.config)

    def make() -> LedgerActor:
        calendar = resolved.config.calendar.calendar()
        return LedgerActor(
            lambda: lookup("store").snapshot.ledger,
            lookup("store"),
            outbox,
            keep,
            calendar,
            counted=counted(resolved.config),
            room=room(resolved.config),
        )

    return ActorSpec(name="ledger", factory=make)


def _logbook(resolved: Resolved, plumbing: Plumbing) -> tuple[ActorSpec, ...]:
    """None unless it is asked for."""
    lookup, spec = plumbing.lookup, resolved.config.log
    if not spec.requests:
        return ()

    def make() -> LogbookActor:
        return LogbookActor(spec, lambda: lookup("store").snapshot.ledger, lookup("store"))

    return (ActorSpec(name="logbook", factory=make),)


def _budgets(resolved: Resolved, plumbing: Plumbing) -> ActorSpec:
    lookup = plumbing.lookup

    def make() -> BudgetsActor:
        return BudgetsActor(
            resolved.config.budgets,
            resolved.config.calendar.calendar(),
            ledger=lookup("ledger"),
            is_open=lambda attempt: bool(lookup("ledger").snapshot.is_open(attempt)),
        )

    return ActorSpec(name="budgets", factory=make, mailbox=WAITING)


def _cache(resolved: Resolved, plumbing: Plumbing) -> ActorSpec:
    lookup, run = plumbing.lookup, os.urandom(8)

    def make() -> CacheActor:
        store = lookup("store")
        return CacheActor(
            resolved.config.cache,
            lambda: store.snapshot.cache,
            store,
            lambda name: lookup(f"providers/{name}"),
            servers={one.name: one.base_url for one in resolved.providers},
            run=run,
        )

    return ActorSpec(name="cache", factory=make, mailbox=WAITING)


def _selector(resolved: Resolved) -> ActorSpec:
    aliases = {name: tuple(map(candidate, route.candidates)) for name, route in resolved.routes.items()}
    chains: dict[str, Chains] = {
        name: {kind: tuple(map(candidate, order)) for kind, order in route.on.items()}
        for name, route in resolved.routes.items()
        if route.on
    }
    names = tuple(one.name for one in resolved.providers)
    return ActorSpec(name="selector", factory=lambda: SelectorActor(aliases, names, chains))


def _limiter(one: ResolvedProvider, resolved: Resolved, plumbing: Plumbing) -> ActorSpec:
    spec, lookup = one.config.limits.spec(), plumbing.lookup

    def rows() -> list[UsageRow]:
        counted: list[UsageRow] = lookup("ledger").snapshot.counted(one.name)
        return counted

    def make() -> LimiterActor:
        return LimiterActor(spec, rows, resolved.config.calendar.calendar())

    return ActorSpec(name=one.name, factory=make, mailbox=WAITING)


def _provider(one: ResolvedProvider, resolved: Resolved, plumbing: Plumbing, prices: PriceBook) -> ActorSpec:
    account = Account(
        name=one.name,
        base_url=one.base_url,
        wire=wire(one, plumbing.utc),
        key=one.key,
        headers=one.config.headers,
        timeouts=one.config.timeouts,
        circuit=one.config.circuit.spec(),
        health=one.config.health,
        durability=resolved.config.store.durability,
        price=prices,
    )
    lookup = plumbing.lookup

    def make() -> ProviderActor:
        return ProviderActor(
            account,
            lambda: plumbing.transport(one),
            limiter=lookup(f"limits/{one.name}"),
            budgets=lookup("budgets"),
            ledger=lookup("ledger"),
            selector=lookup("selector"),
            histories=lambda: lookup("ledger").snapshot.circuits(one.name),
        )

    return ActorSpec(name=one.name, factory=make, mailbox=WAITING, concurrency=CALLS)


def _orchestrator(resolved: Resolved, plumbing: Plumbing) -> ActorSpec:
    lookup = plumbing.lookup
    wires = {one.name: wire(one, plumbing.utc) for one in resolved.providers}

    told = {candidate(name): features for name, features in resolved.config.features.items()}
    presets = {one.name: one.preset for one in resolved.providers}
    knowledge = Knowledge(told, contexts(pricing.catalogues(resolved.config, presets)))
    standards = {
        name: Wishes(checks=route.checks, repair=route.repair)
        for name, route in resolved.routes.items()
        if route.checks or route.repair
    }

    def bounds(candidate: Candidate) -> EmbeddingBounds | None:
        spoken = wires[candidate.provider]
        return spoken.embedding_bounds(candidate.model) if isinstance(spoken, EmbeddingWire) else None

    def make() -> OrchestratorActor:
        return OrchestratorActor(
            selector=lookup("selector"),
            cache=lookup("cache"),
            ledger=lookup("ledger"),
            provider={one.name: lookup(f"providers/{one.name}") for one in resolved.providers}.__getitem__,
            retry=resolved.config.retry,
            knowledge=knowledge,
            standards=standards,
            hedge=resolved.config.hedge,
            durability=resolved.config.store.durability,
            embedding_bounds=bounds,
            logbook=lookup("logbook") if resolved.config.log.requests else None,
        )

    return ActorSpec(name="orchestrator", factory=make, mailbox=WAITING, concurrency=CALLS, drain=ns(5))


def candidate(name: str) -> Candidate:
    """`provider/model` in its two halves."""
    provider, _, model = name.partition("/")
    return Candidate(provider, model)
