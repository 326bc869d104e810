"""What one does with a running runtime."""

import random
from collections import deque
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import TypeVar, Unpack

import msgspec
import trio

from callboard import arguments
from callboard.actors.provider import diagnosis
from callboard.asking import Options, Prompt, build, wishes
from callboard.config import Resolved
from callboard.errors import STOPPED, CallboardError, InvalidRequest, RuntimeStopped, StoreError, error_of
from callboard.handing import Handing, new_id
from callboard.home import Home
from callboard.local import LocalModels
from callboard.messages.accounting import Erase, Erased, Flush, UsageReport
from callboard.messages.base import Ask
from callboard.messages.budgeting import ForgetUser, ResetBudget
from callboard.messages.caching import Forget
from callboard.messages.calls import Allowance, Call, Failure, ListModels, MakeCall, OpenStream, Operate
from callboard.messages.embedding import Embeddings
from callboard.messages.events import Event
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.health import ProviderHealth
from callboard.messages.hooks import Hook, Wishes
from callboard.messages.images import Images
from callboard.messages.logbook import LogRecord, ReadLog
from callboard.messages.models import Model
from callboard.messages.reply import Delta, Receipt, Reply
from callboard.messages.request import Work
from callboard.messages.reranking import Reranking
from callboard.messages.routing import UnknownModel
from callboard.messages.status import Status
from callboard.routes import no_model
from callboard.runtime.clock import NEVER, ns
from callboard.runtime.errors import ActorDown, ActorError
from callboard.runtime.leaf import alone
from callboard.runtime.mailbox import CONTROL
from callboard.runtime.ref import Ref
from callboard.runtime.status import StatusReader
from callboard.runtime.stream import Stream
from callboard.runtime.system import System
from callboard.streaming import ReplyStream
from callboard.works import WorkOptions, embedding, images, reranking

R = TypeVar("R")

AHEAD = 64
"""Deltas that a stream may be ahead of its reader."""


class Board:
    """A running runtime. Made by `callboard.open`; good inside its block, from any task of the same Trio run."""

    def __init__(
        self,
        resolved: Resolved,
        system: System,
        nursery: trio.Nursery,
        *,
        status: StatusReader,
        events: deque[Event],
        rng: random.Random,
    ) -> None:
        self._resolved = resolved
        self._system = system
        self._home = Home(nursery)
        self._status = status
        self._events = events
        self._rng = rng
        self._orchestrator = system.ref("orchestrator")
        self._selector = system.ref("selector")
        self._ledger = system.ref("ledger")
        self._cache = system.ref("cache")
        self._budgets = system.ref("budgets")

    async def generate(
        self,
        prompt: Prompt,
        *,
        model: str | None = None,
        timeout: float | None = None,
        attempts: int | None = None,
        money: Decimal | float | str | None = None,
        checks: Iterable[str | Hook] = (),
        repair: bool = False,
        hedge: bool = False,
        **options: Unpack[Options],
    ) -> Reply:
        """Ask a model, and wait for the whole reply.

        `model` is `provider/model` or an alias. `timeout` (seconds), `attempts` and `money` (US dollars) bound the
        call with all its retries, fallbacks and hedges; the configuration has the defaults. The reply passes `checks`,
        in their order (see `callboard.checks`); with `repair` one that fails is sent back once. With `hedge` the next
        candidate is asked as well when the first is later than usual. Raises InvalidRequest before anything is sent,
        and a CallError when there is no reply.
        """
        request = build(prompt, model, **options)
        wanted = wishes(request, checks, repair=repair, hedge=hedge) if checks or repair or hedge else None
        reply = await self._perform(request, self._allowance(timeout, attempts, money), wanted)
        assert isinstance(reply, Reply)
        return reply

    def stream(
        self,
        prompt: Prompt,
        *,
        model: str | None = None,
        timeout: float | None = None,
        attempts: int | None = None,
        money: Decimal | float | str | None = None,
        checks: Iterable[str | Hook] = (),
        repair: bool = False,
        buffer: bool = False,
        **options: Unpack[Options],
    ) -> ReplyStream:
        """As `generate`, piece by piece. Raises InvalidRequest at once; the rest while the stream is read.

        With `buffer`, and with any checks, the whole reply is there before its first piece is handed on: a fault in its
        middle falls back as one before it would.
        """
        request = build(prompt, model, **options)
        wanted = wishes(request, checks, repair=repair, buffer=buffer) if checks or repair or buffer else None
        self._know(request.model)
        stream: Stream[Delta] = Stream(AHEAD)
        allowance = self._allowance(timeout, attempts, money)
        call = OpenStream(id=new_id(self._rng), request=request, allowance=allowance, sink=stream, wishes=wanted)
        return ReplyStream(self._handing(call), self._home, stream)

    async def embed(
        self,
        texts: str | Iterable[str],
        *,
        model: str,
        dimensions: int | None = None,
        task: str | None = None,
        timeout: float | None = None,
        attempts: int | None = None,
        money: Decimal | float | str | None = None,
        **options: Unpack[WorkOptions],
    ) -> Embeddings:
        """One vector for each text, in their order, all by one model.

        More texts than the provider takes at once are asked in several requests, one after the other; a fault repeats
        only the one that it hit, unless the call falls back to another model, which begins anew. `dimensions` is the
        length of the vectors and `task` what they are for in the provider's own word, where it takes them. Bounds and
        errors are those of `generate`.
        """
        work = embedding(texts, options, model=model, dimensions=dimensions, task=task)
        reply = await self._perform(work, self._allowance(timeout, attempts, money))
        assert isinstance(reply, Embeddings)
        return reply

    async def rerank(
        self,
        query: str,
        documents: Iterable[str],
        *,
        model: str,
        top: int | None = None,
        timeout: float | None = None,
        attempts: int | None = None,
        money: Decimal | float | str | None = None,
        **options: Unpack[WorkOptions],
    ) -> Reranking:
        """The documents' places and scores, the one that answers the query best first; only the `top` ones if it is
        given. Bounds and errors are those of `generate`.
        """
        work = reranking(query, documents, options, model=model, top=top)
        reply = await self._perform(work, self._allowance(timeout, attempts, money))
        assert isinstance(reply, Reranking)
        return reply

    async def draw(
        self,
        prompt: str,
        *,
        model: str,
        count: int = 1,
        size: str | None = None,
        quality: str | None = None,
        timeout: float | None = None,
        attempts: int | None = None,
        money: Decimal | float | str | None = None,
        **options: Unpack[WorkOptions],
    ) -> Images:
        """Images of what the prompt describes, as bytes or where the provider keeps them for a while.

        `size` and `quality` are in the provider's own words. Bounds and errors are those of `generate`.
        """
        work = images(prompt, options, model=model, count=count, size=size, quality=quality)
        reply = await self._perform(work, self._allowance(timeout, attempts, money))
        assert isinstance(reply, Images)
        return reply

    async def models(self) -> tuple[Model, ...]:
        """What all accounts offer, in the configuration's order. Accounts that do not answer are left out.

        Raises a CallError when none answers.
        """
        found = await self._list_all()
        offered = [found[provider.name] for provider in self._resolved.providers]
        faults = [one for one in offered if isinstance(one, Fault)]
        if faults and len(faults) == len(offered):
            raise error_of(Failure(id="", fault=faults[0], attempts=()))
        return tuple(model for models in offered if not isinstance(models, Fault) for model in models)

    def local(self, provider: str) -> LocalModels:
        """The models on a machine of one's own, behind a provider such as Ollama: shown, fetched, removed.

        Raises InvalidRequest for an unknown name.
        """
        return LocalModels(self._provider(provider), self._home)

    async def check(self) -> dict[str, Fault | None]:
        """Ask every provider whether it accepts the credential: the fault by provider, None where all is well."""
        found = await self._list_all()
        return {name: one if isinstance(one, Fault) else None for name, one in found.items()}

    def usage(self) -> UsageReport:
        """Tokens, cost and calls so far, former processes included; and what is left of each budget."""
        snapshot = self._ledger.latest
        if snapshot is None:
            raise RuntimeStopped("the ledger has not started")
        report: UsageReport = snapshot.report()
        return msgspec.structs.replace(report, budgets=self._budgets.latest.rows())

    async def reset_budget(self, name: str) -> str:
        """Forget what the current windows of this budget have spent; a sentence says what was done.

        What is underway still counts when it ends. Raises InvalidRequest for an unknown name, RuntimeStopped, and
        CallboardError where nobody knows whether it was done.
        """
        arguments.texts(name=name)
        said = await self._command(self._budgets, ResetBudget(name))
        if isinstance(said, Fault):
            raise InvalidRequest(f"budget: {said.message}")
        return said

    def health(self) -> tuple[ProviderHealth, ...]:
        """How each account fares now, in the configuration's order; read from what they published, asking nobody."""
        now, utc = self._system.clock.now(), self._system.clock.utc()
        actors = [self._system.ref(f"providers/{provider.name}") for provider in self._resolved.providers]
        return tuple(diagnosis.health(one.snapshot, one.status, now, utc) for one in actors if one.snapshot is not None)

    def status(self) -> Status:
        """The supervision tree now. Printed, it is a drawing."""
        return self._status()

    async def flush(self) -> None:
        """Return when everything recorded before is on disk. Raises StoreError when it cannot be written."""
        try:
            await self._order(self._ledger, Flush(), deadline=self._system.clock.now() + ns(60))
        except ActorError as error:
            raise StoreError(f"the ledger could not be written: {error}") from error

    async def forget(
        self,
        *,
        key: str | None = None,
        model: str | None = None,
        tag: str | None = None,
        partition: str | None = None,
        older_than: float | None = None,
    ) -> int:
        """Drop the kept replies that have everything that is named, all of them when nothing is. Returns how many.

        `key` is a reply's `cache_key`, `model` a `provider/model`, `tag` and `partition` those of the call that was
        answered first, `older_than` seconds. What is kept meanwhile stays. Raises InvalidRequest, for an alias as well,
        and StoreError when it cannot be written.
        """
        arguments.texts(model=model, tag=tag, partition=partition)
        wrong = None if model is None else no_model(model, self._resolved.routes)
        if wrong is not None:
            raise InvalidRequest(f"model: {wrong}")
        raw = None if key is None else arguments.cache_key(key)
        before = None if older_than is None else self._system.clock.utc() - arguments.age(older_than)
        wish = Forget(key=raw, model=model, tag=tag, partition=partition, stored_before=before)
        try:
            return await self._order(self._cache, wish)
        except ActorError as error:
            raise StoreError(f"not everything could be forgotten: {error}") from error

    async def delete(
        self, *, user: str | None = None, call: str | None = None, before: datetime | None = None
    ) -> Erased:
        """Delete what is kept and has everything that is named; at least one is. Returns how much there was.

        Of a `user`: entries of journal and log, the kept replies of calls of theirs, and their name in the sums by day,
        which then count for nobody; budgets' windows of theirs begin anew. Of a `call`: its entries and its attempts'.
        `before` a date with a time zone: all that is older. What is underway meanwhile is recorded as ever. Raises
        InvalidRequest and StoreError.
        """
        arguments.texts(user=user, call=call)
        if not (user or call or before):
            raise InvalidRequest("user, call, before: expected at least one; `before` is a date with a time zone")
        moment = None if before is None else arguments.moment(before)
        self._home.enter()
        if user is not None and call is None and before is None:
            self._budgets.tell(ForgetUser(user), lane=CONTROL)
        try:
            erased = await self._order(self._ledger, Erase(user=user, call=call, before=moment))
            if call is None:
                replies = await self._order(self._cache, Forget(user=user, stored_before=moment))
                erased = msgspec.structs.replace(erased, replies=replies)
            if self._resolved.config.log.requests:
                wish = Erase(user=user, call=call, before=moment)
                logged = (await self._order(self._system.ref("logbook"), wish)).logged
                erased = msgspec.structs.replace(erased, logged=logged)
        except ActorError as error:
            raise StoreError(f"not everything could be deleted: {error}") from error
        return erased

    async def log(self, call: str) -> LogRecord | None:
        """What was asked and answered in a call, less what was left out; None when the log has nothing of it.

        `call` is the id of a reply or an error. Raises InvalidRequest where no log is kept, and StoreError.
        """
        if not self._resolved.config.log.requests:
            raise InvalidRequest("log: none is kept; say `requests = true` in the configuration's [log]")
        wish = ReadLog(arguments.call_id(call))
        try:
            return await self._order(self._system.ref("logbook"), wish)
        except ActorError as error:
            raise StoreError(f"the log cannot be read: {error}") from error

    async def operate(self, provider: str, command: Operate | arguments.Command) -> str:
        """Carry out an operator's command; a sentence says what was done.

        Raises InvalidRequest for an unknown name, and for what is no command, RuntimeStopped, and CallboardError where
        nobody knows whether it was done.
        """
        return await self._command(self._provider(provider), arguments.order(command))

    @property
    def events(self) -> tuple[Event, ...]:
        """The latest thousand events: restarts, circuits, blocked accounts."""
        return tuple(self._events)

    async def _order(self, actor: Ref, order: Ask[R], deadline: int = NEVER) -> R:
        """Have an order carried out, ahead of calls that wait. `deadline` in monotonic nanoseconds.

        Raises RuntimeStopped, and another ActorError where the actor failed.
        """
        self._home.enter()
        try:
            return await actor.ask(order, lane=CONTROL, deadline=deadline)
        except ActorDown as error:
            raise RuntimeStopped(STOPPED) from error

    async def _command(self, actor: Ref, order: Ask[R]) -> R:
        """As `_order`; where the actor failed nobody knows whether it is carried out."""
        try:
            return await self._order(actor, order)
        except ActorError as error:
            raise CallboardError(f"whether it was done is not known: {error}") from error

    def _provider(self, name: str) -> Ref:
        try:
            return self._system.ref(f"providers/{name}")
        except KeyError:
            known = ", ".join(provider.name for provider in self._resolved.providers)
            raise InvalidRequest(f"provider: {name!r} is not configured; known are {known}") from None

    @trio.lowlevel.enable_ki_protection
    async def _list_all(self) -> dict[str, tuple[Model, ...] | Fault]:
        """What each account offers, or why it does not say."""
        self._home.enter()
        found: dict[str, tuple[Model, ...] | Fault] = {}
        down: list[ActorDown] = []
        with alone():
            async with trio.open_nursery() as nursery:
                for provider in self._resolved.providers:
                    nursery.start_soon(self._list_models, provider.name, found, down)
        if down:
            raise RuntimeStopped(STOPPED) from down[0]
        return found

    @trio.lowlevel.enable_ki_protection
    async def _list_models(self, name: str, found: dict[str, tuple[Model, ...] | Fault], down: list[ActorDown]) -> None:
        try:
            found[name] = await self._system.ref(f"providers/{name}").ask(ListModels())
        except ActorDown as error:
            down.append(error)
        except ActorError as error:
            found[name] = Fault(kind=FaultKind.INTERNAL, provider=name, message=str(error))

    async def _perform(self, work: Work, allowance: Allowance, wanted: Wishes | None = None) -> Receipt:
        self._home.enter()
        self._know(work.model)
        call = MakeCall(id=new_id(self._rng), request=work, allowance=allowance, wishes=wanted)
        outcome = await self._handing(call).outcome()
        if isinstance(outcome, Failure):
            raise error_of(outcome)
        return outcome

    def _handing(self, call: Call) -> Handing:
        return Handing(self._orchestrator, self._ledger, self._system.clock, call, self._rng)

    def _know(self, model: str) -> None:
        table = self._selector.snapshot
        if table is None:
            raise RuntimeStopped(STOPPED)
        try:
            table.candidates(model)
        except UnknownModel as error:
            raise InvalidRequest(f"model: {error}") from None

    def _allowance(self, timeout: float | None, attempts: int | None, money: Decimal | float | str | None) -> Allowance:
        defaults = self._resolved.config.call
        seconds = defaults.timeout if timeout is None else arguments.seconds(timeout)
        return Allowance(
            attempts=defaults.attempts if attempts is None else arguments.tries(attempts),
            deadline=self._system.clock.now() + ns(min(seconds, 10**9)),
            money=None if money is None else arguments.dollars(money),
        )

    def __repr__(self) -> str:
        return f"Board({self._resolved.source}, {len(self._resolved.providers)} providers)"
