"""The inspector in a running tree, asked through its socket from another thread as another process would."""

import json
import os
import stat
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from callboard.actors.inspector import client, conversation
from callboard.actors.inspector.actor import InspectorActor
from callboard.actors.inspector.announcement import FILE
from callboard.messages.accounting import UsageReport
from callboard.messages.calls import Operate
from callboard.messages.inspecting import (
    CacheCommand,
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
from callboard.runtime.envelope import Envelope, Message
from callboard.runtime.status import StatusReader
from callboard.runtime.supervision.spec import ActorSpec, SupervisorSpec
from callboard.runtime.system import System
from callboard.testing.blocking import Block
from callboard.testing.doer import Do, Doer
from callboard.testing.running import leaks

pytestmark = pytest.mark.usefixtures("runtime_directory")

OPEN = ProviderCommand(provider="alpha", command="open", now=True)


class Provider(Actor):
    """Notes its orders. One to close fails, one to reset takes for ever."""

    def __init__(self) -> None:
        self.orders: list[Operate] = []

    def receive(self, message: Message, envelope: Envelope) -> object:
        assert isinstance(message, Operate)
        self.orders.append(message)
        return self._carry_out(message)

    async def _carry_out(self, order: Operate) -> str:
        if order.command == "close":
            raise ZeroDivisionError
        if order.command == "reset":
            await trio.sleep_forever()
        return "it is open"


class Runtime:
    """A tree with a provider, an actor that does anything, and the inspector."""

    def __init__(self, store: Path, system: System, provider: Provider) -> None:
        self.store = store
        self.system = system
        self.provider = provider

    async def ask(self, request: InspectorRequest) -> InspectorResponse:
        return await trio.to_thread.run_sync(client.ask, self.store, request)

    async def ask_until_answered(self) -> InspectorResponse:
        while True:
            try:
                return await self.ask(StatusQuery())
            except client.InspectorError:
                await trio.sleep(0.01)

    @property
    def announced(self) -> dict[str, object]:
        found: dict[str, object] = json.loads((self.store / FILE).read_text())
        return found

    @property
    def socket(self) -> Path:
        return Path(str(self.announced["socket"]))


@asynccontextmanager
async def runtime(store: Path, tell: Callable[[Status], Status] = lambda status: status) -> AsyncIterator[Runtime]:
    store.mkdir(exist_ok=True)
    provider = Provider()

    def make() -> InspectorActor:
        read = StatusReader(system, "9.9")
        usage = UsageReport(models=(), calls=(), latency=(), skipped_records=7)
        return InspectorActor(
            lambda: tell(read()),
            lambda: usage,
            lambda name: system.ref(f"providers/{name}"),
            lambda: system.ref("doer"),
            store,
            budgets=lambda: system.ref("doer"),
            no_model=lambda name: "it is an alias" if name == "fast" else None,
        )

    providers = SupervisorSpec(
        name="providers", children=(ActorSpec(name="alpha", factory=lambda: provider, concurrency=9),)
    )
    children = (ActorSpec(name="doer", factory=Doer), providers, ActorSpec(name="inspector", factory=make))
    system = System(SupervisorSpec(name="root", children=children), seed=0)
    async with trio.open_nursery() as nursery:
        await nursery.start(system.run)
        yield Runtime(store, system, provider)
        system.stop()
    assert leaks(system) == []


async def test_the_status_is_told(tmp_path: Path) -> None:
    async with runtime(tmp_path / "store") as it:
        answer = await it.ask(StatusQuery())
    assert isinstance(answer, StatusAnswer)
    assert (answer.status.pid, answer.status.version, answer.status.blocked) == (os.getpid(), "9.9", None)
    assert [node.path for node in answer.status.tree.children] == ["doer", "providers", "inspector"]


async def test_what_is_no_model_is_told_and_nothing_is_forgotten(tmp_path: Path) -> None:
    async with runtime(tmp_path / "store") as it:
        answer = await it.ask(CacheCommand(model="fast"))
    assert answer == RequestRefused("nothing was forgotten: model: it is an alias")


async def test_the_usage_is_told(tmp_path: Path) -> None:
    async with runtime(tmp_path / "store") as it:
        answer = await it.ask(UsageQuery())
    assert isinstance(answer, UsageAnswer)
    assert answer.report.skipped_records == 7


async def test_the_status_is_told_while_a_handler_blocks_the_thread_and_names_it(tmp_path: Path) -> None:
    store, answers, block = tmp_path / "store", list[InspectorResponse](), Block()

    def look() -> None:
        with block.looked_at():
            answers.append(client.ask(store, StatusQuery()))

    async with runtime(store) as it:
        thread = threading.Thread(target=look)
        thread.start()
        await it.system.ref("doer").ask(Do(block))
        await trio.to_thread.run_sync(thread.join)
    (answer,) = answers
    assert isinstance(answer, StatusAnswer)
    assert answer.status.blocked is not None
    assert (answer.status.blocked.path, answer.status.blocked.message) == ("doer", "Do")


async def test_a_command_is_carried_out_by_the_provider(tmp_path: Path) -> None:
    async with runtime(tmp_path / "store") as it:
        assert await it.ask(OPEN) == CommandDone("it is open")
        assert it.provider.orders == [Operate(command="open", now=True)]


async def test_a_command_to_nobody_names_those_that_there_are(tmp_path: Path) -> None:
    async with runtime(tmp_path / "store") as it:
        answer = await it.ask(ProviderCommand(provider="delta", command="open"))
    assert answer == RequestRefused("no provider is named 'delta'; there are alpha")


async def test_a_provider_that_fails_or_takes_too_long_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callboard.actors.inspector.actor.COMMAND_LIMIT", 200_000_000)
    async with runtime(tmp_path / "store") as it:
        failed = await it.ask(ProviderCommand(provider="alpha", command="close"))
        late = await it.ask(ProviderCommand(provider="alpha", command="reset"))
    assert isinstance(failed, RequestRefused)
    assert failed.why.startswith("alpha did not carry it out")
    assert isinstance(late, RequestRefused)


async def test_a_command_that_a_stuck_loop_did_not_take_up_is_never_carried_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "TIME_TO_THINK", 0.25)
    store, answers, block = tmp_path / "store", list[InspectorResponse](), Block()

    def order() -> None:
        with block.looked_at():
            answers.append(client.ask(store, OPEN))

    async with runtime(store) as it:
        thread = threading.Thread(target=order)
        thread.start()
        await it.system.ref("doer").ask(Do(block))
        await trio.to_thread.run_sync(thread.join)
        assert isinstance(answers[0], RequestRefused)
        assert "has not turned" in answers[0].why
        assert await it.ask(OPEN) == CommandDone("it is open")
        assert len(it.provider.orders) == 1


async def test_nobody_else_may_enter_and_nothing_is_left_behind(tmp_path: Path, runtime_directory: Path) -> None:
    async with runtime(tmp_path / "store") as it:
        socket = it.socket
        assert socket.parent == runtime_directory / "callboard"
        assert stat.S_IMODE(socket.stat().st_mode) == 0o600
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE((it.store / FILE).stat().st_mode) == 0o600
        assert it.announced == {"socket": str(socket), "pid": os.getpid(), "version": "9.9", "why": None}
    assert list(runtime_directory.iterdir()) == []
    assert list(it.store.iterdir()) == []


async def test_a_socket_that_was_left_behind_is_replaced(tmp_path: Path) -> None:
    store = tmp_path / "store"
    async with runtime(store) as it:
        left, announced = it.socket, (store / FILE).read_bytes()
    left.parent.mkdir(mode=0o700)
    left.touch()  # as a process that was killed leaves it: a file that nobody listens on
    (store / FILE).write_bytes(announced)
    with pytest.raises(client.NotRunning, match="did not end in order"):
        client.ask(store, StatusQuery())
    async with runtime(store) as it:
        assert it.socket == left
        assert isinstance(await it.ask(StatusQuery()), StatusAnswer)


async def test_a_runtime_that_may_have_no_socket_runs_without_and_says_why(
    tmp_path: Path, runtime_directory: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(runtime_directory))
    for name in ("callboard", f"callboard-{os.getuid()}"):
        (runtime_directory / name).mkdir()
        (runtime_directory / name).chmod(0o777)
    async with runtime(tmp_path / "store") as it:
        assert it.announced["socket"] is None
        with pytest.raises(client.NotRunning, match=r"cannot be asked: .* is open to others"):
            await it.ask(StatusQuery())
        assert await it.system.ref("doer").ask(Do(lambda actor, envelope: 5)) == 5
        assert it.system.ref("inspector").snapshot.facts()["socket"] is None
    assert "no other process can ask this runtime" in caplog.text
    with pytest.raises(client.NotRunning, match="no runtime is running"):
        client.ask(it.store, StatusQuery())


async def test_a_system_without_unix_sockets_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr("socket.AF_UNIX")
    async with runtime(tmp_path / "store"):
        assert "this system has no Unix sockets" in caplog.text


async def test_a_status_that_changes_under_the_reader_is_read_again(tmp_path: Path) -> None:
    failures = [RuntimeError("dictionary changed size during iteration")] * 2

    def tell(status: Status) -> Status:
        if threading.current_thread().name == "callboard-inspector" and failures:
            raise failures.pop()
        return status

    async with runtime(tmp_path / "store", tell) as it:
        assert isinstance(await it.ask(StatusQuery()), StatusAnswer)
        failures.extend([RuntimeError()] * 3)
        assert isinstance(await it.ask(StatusQuery()), RequestRefused)
        assert isinstance(await it.ask(StatusQuery()), StatusAnswer)


async def test_a_thread_that_died_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with runtime(tmp_path / "store") as it:
        with monkeypatch.context() as patch:
            patch.setattr("callboard.actors.inspector.server.decode_request", lambda line: 1 / 0)
            with pytest.raises(client.NoAnswer):
                await it.ask(StatusQuery())
        with trio.fail_after(10):
            answer = await it.ask_until_answered()
        assert isinstance(answer, StatusAnswer)
        inspector = answer.status.tree.children[-1]
        assert (inspector.incarnation, inspector.last_error) == (2, "ZeroDivisionError")


async def test_cancelling_the_runtime_leaves_nothing_behind(tmp_path: Path, runtime_directory: Path) -> None:
    with trio.CancelScope() as scope:
        async with runtime(tmp_path / "store") as it:
            scope.cancel()
            await trio.sleep_forever()
    assert list(runtime_directory.iterdir()) == []
    assert list(it.store.iterdir()) == []
    assert not any(thread.name == "callboard-inspector" for thread in threading.enumerate())
