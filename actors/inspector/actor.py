"""The inspector: tells other processes the status, and hands their operator's commands to the providers."""

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path

import msgspec
import trio

from callboard.actors.inspector.announcement import Announcement, announce, withdraw
from callboard.actors.inspector.listening import listen, remove, this_host
from callboard.actors.inspector.place import NoPlace
from callboard.actors.inspector.server import Server
from callboard.messages.accounting import UsageReport
from callboard.messages.base import Tell
from callboard.messages.budgeting import ResetBudget
from callboard.messages.caching import Forget
from callboard.messages.calls import Operate
from callboard.messages.faults import Fault
from callboard.messages.inspecting import (
    BudgetCommand,
    CacheCommand,
    Command,
    CommandDone,
    InspectorRequest,
    InspectorResponse,
    ProviderCommand,
    RequestRefused,
    StatusAnswer,
    StatusQuery,
    UsageAnswer,
    UsageQuery,
)
from callboard.messages.status import Status
from callboard.runtime.actor import Actor
from callboard.runtime.clock import ns
from callboard.runtime.envelope import Envelope, Message
from callboard.runtime.errors import ActorError
from callboard.runtime.logs import get_logger
from callboard.runtime.mailbox import CONTROL
from callboard.runtime.ref import Ref

COMMAND_LIMIT = ns(5)
"""Nanoseconds that a provider may take to carry out a command, once the event loop has handed it over."""
FORGET_LIMIT = ns(60)
"""Likewise for a cache, which looks at every entry."""
TRIES = 3
"""Of a reading that found something changing under it: the Trio thread goes on meanwhile."""

_STOPPING = RequestRefused("nothing was done: the runtime is stopping")
_log = get_logger("callboard.inspector")


class CarryOut(Tell, frozen=True):
    """A command that came over the socket, and where its outcome goes."""

    command: Command
    outcome: "Future[InspectorResponse]"


class ServerDied(Tell, frozen=True):
    """The socket's thread has ended by a mistake of ours."""

    cause: BaseException


class InspectorView(msgspec.Struct, frozen=True):
    """What the inspector publishes."""

    socket: str | None
    why: str | None

    def facts(self) -> dict[str, object]:
        """For the status."""
        return {"socket": self.socket} if self.why is None else {"socket": None, "why": self.why}


class InspectorActor(Actor):
    """`status` and `usage` may be called in any thread; `provider` raises KeyError for a name that is not configured.

    `no_model` tells why a name is no `provider/model`, and None where it may be one; `store` is the folder whose owner
    lock this process holds. Where no socket can be opened the runtime runs without.
    """

    def __init__(
        self,
        status: Callable[[], Status],
        usage: Callable[[], UsageReport],
        provider: Callable[[str], Ref],
        cache: Callable[[], Ref],
        store: Path,
        *,
        budgets: Callable[[], Ref],
        no_model: Callable[[str], str | None],
    ) -> None:
        self._status = status
        self._usage = usage
        self._provider = provider
        self._cache = cache
        self._budgets = budgets
        self._no_model = no_model
        self._store = store

    async def start(self) -> None:
        """Open the socket, and say beside the store where it is."""
        self._token = trio.lowlevel.current_trio_token()
        stack = ExitStack()
        self.me.spawn(self._keep, stack)
        stack.callback(withdraw, self._store)
        try:
            listener, path = listen(self._store, this_host())
        except NoPlace as error:
            _log.warning("no other process can ask this runtime for its status: %s", error)
            self._announce(None, str(error))
            return
        stack.callback(remove, path)
        server = Server(listener, self._answer, self._died)
        server.start()
        stack.callback(server.close)
        self._announce(str(path), None)

    def receive(self, message: Message, envelope: Envelope) -> object:
        """Carry a command out; restart when the thread has died."""
        match message:
            case CarryOut():
                return self._carry_out(message)
            case ServerDied():
                raise message.cause
            case _:
                raise TypeError(f"the inspector receives no {type(message).__name__}")

    def _announce(self, socket: str | None, why: str | None) -> None:
        self.me.publish(InspectorView(socket, why))
        status = self._status()
        announcement = Announcement(socket=socket, pid=status.pid, version=status.version, why=why)
        try:
            announce(self._store, announcement)
        except OSError as error:
            _log.warning("%s: other processes cannot find the status socket: %s", self._store, error)

    async def _keep(self, stack: ExitStack) -> None:
        """Close everything when this incarnation ends, however it ends."""
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(stack.close)

    def _answer(self, request: InspectorRequest) -> "Future[InspectorResponse]":
        """Called in the socket's thread."""
        outcome: Future[InspectorResponse] = Future()
        if not isinstance(request, ProviderCommand | CacheCommand | BudgetCommand):
            outcome.set_result(self._read(request))
        elif not self._soon(CarryOut(request, outcome)):
            outcome.set_result(_STOPPING)
        return outcome

    def _read(self, request: StatusQuery | UsageQuery) -> InspectorResponse:
        why = ""
        for _ in range(TRIES):
            try:
                if isinstance(request, StatusQuery):
                    return StatusAnswer(self._status())
                return UsageAnswer(self._usage())
            except Exception as error:
                why = type(error).__name__
        return RequestRefused(f"it cannot be read just now ({why}); try again")

    def _died(self, cause: BaseException) -> None:
        """Called in the socket's thread."""
        self._soon(ServerDied(cause))

    def _soon(self, message: CarryOut | ServerDied) -> bool:
        """Tell oneself from another thread. False when the Trio run is over."""
        try:
            self._token.run_sync_soon(self._tell, message)
        except trio.RunFinishedError:
            return False
        return True

    def _tell(self, message: CarryOut | ServerDied) -> None:
        delivered = self.me.ref.tell(message, lane=CONTROL)
        if not delivered and isinstance(message, CarryOut) and message.outcome.set_running_or_notify_cancel():
            message.outcome.set_result(_STOPPING)

    async def _carry_out(self, message: CarryOut) -> None:
        outcome = message.outcome
        if not outcome.set_running_or_notify_cancel():
            return
        response: InspectorResponse = RequestRefused("the runtime stopped while the command was carried out")
        try:
            match message.command:
                case ProviderCommand():
                    response = await self._operate(message.command)
                case CacheCommand():
                    response = await self._forget(message.command)
                case BudgetCommand():
                    response = await self._reset(message.command)
        finally:
            outcome.set_result(response)

    async def _operate(self, command: ProviderCommand) -> InspectorResponse:
        try:
            provider = self._provider(command.provider)
        except KeyError:
            known = ", ".join(self._providers())
            return RequestRefused(f"no provider is named {command.provider!r}; there are {known}")
        try:
            order = Operate(command=command.command, now=command.now)
            return CommandDone(await provider.ask(order, lane=CONTROL, deadline=self.me.now() + COMMAND_LIMIT))
        except ActorError as error:
            return RequestRefused(f"{command.provider} did not carry it out: {error}")

    async def _forget(self, command: CacheCommand) -> InspectorResponse:
        wrong = None if command.model is None else self._no_model(command.model)
        if wrong is not None:
            return RequestRefused(f"nothing was forgotten: model: {wrong}")
        before = None if command.older_than is None else self.me.utc() - ns(command.older_than)
        wish = Forget(model=command.model, tag=command.tag, stored_before=before)
        try:
            dropped = await self._cache().ask(wish, lane=CONTROL, deadline=self.me.now() + FORGET_LIMIT)
        except ActorError as error:
            return RequestRefused(f"the cache did not forget everything: {error}")
        return CommandDone(f"{dropped} kept replies forgotten")

    async def _reset(self, command: BudgetCommand) -> InspectorResponse:
        try:
            wish, deadline = ResetBudget(command.name), self.me.now() + COMMAND_LIMIT
            said = await self._budgets().ask(wish, lane=CONTROL, deadline=deadline)
        except ActorError as error:
            return RequestRefused(f"the budget was not reset: {error}")
        return RequestRefused(said.message) if isinstance(said, Fault) else CommandDone(said)

    def _providers(self) -> list[str]:
        prefix = "providers/"
        groups = [group.children for group in self._status().tree.children]
        paths = [node.path for group in groups for node in group]
        return [path.removeprefix(prefix) for path in paths if path.startswith(prefix)]
