"""What an account is asked beside attempts: its models, and the administration of those on a machine of one's own.

Circuits, limits and ledger hear nothing of it.
"""

from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

import httpx
import msgspec

from callboard.actors.provider.account import Account
from callboard.actors.provider.deadline import Alarm
from callboard.actors.provider.http import fault_of
from callboard.actors.provider.line import Line, Received, line_to, read_refusal
from callboard.actors.provider.secrecy import keyless, without_secrets
from callboard.actors.wires.wire import Encoded, LibraryWire, WireFault, unsupported
from callboard.messages.calls import ListModels
from callboard.messages.faults import Fault
from callboard.messages.local_models import Administer, DeleteModel, ListRunning, ProgressSink, PullModel, ShowModel
from callboard.messages.models import Model
from callboard.runtime.actor import Me
from callboard.runtime.stream import ConsumerLeft

Question: TypeAlias = ListModels | Administer


class Inquirer:
    """Asks for one provider."""

    def __init__(self, account: Account, transport: httpx.AsyncBaseTransport, me: Me) -> None:
        self._account = account
        self._line = line_to(account, transport)
        self._me = me

    def run(self, question: Question) -> Coroutine[Any, Any, object]:
        """The answer, or a Fault. Never raises but for cancellation and bugs."""
        number = f"inquiry-{self._me.random.getrandbits(64):016x}"
        return _Inquiry(self._account, self._line, number, self._me.now).run(question)


class _Inquiry:
    """One exchange."""

    def __init__(self, account: Account, line: Line, number: str, now: Callable[[], int]) -> None:
        self._account = account
        self._line = line
        self._number = number
        self._alarm = Alarm(account.timeouts, now)
        self._replying = False

    async def run(self, question: Question) -> object:
        timeouts = self._account.timeouts
        self._alarm.set("first byte", timeouts.connect + timeouts.first_byte)
        fault: Fault | None
        try:
            with self._alarm.scope:
                return await self._answer(question)
            fault = self._alarm.fault_caught()
            assert fault is not None
        except WireFault as error:
            fault = error.fault
        except httpx.HTTPError as error:
            fault = fault_of(error, timeouts, replying=self._replying)
        model = None if isinstance(question, ListModels | ListRunning) else question.model
        told = without_secrets(fault, self._account)
        return msgspec.structs.replace(told, provider=self._account.name, model=model)

    async def _answer(self, question: Question) -> object:
        wire = self._account.wire
        if isinstance(question, ListModels):
            return self._named(wire.decode_models(await self._fetch(wire.encode_models())))
        if not isinstance(wire, LibraryWire):
            raise unsupported(wire.name, "the administration of models")
        match question:
            case ListRunning():
                return wire.decode_running(await self._fetch(wire.encode_running()))
            case ShowModel():
                return wire.decode_show(await self._fetch(wire.encode_show(question.model)))
            case PullModel():
                await self._pull(wire, question.model, question.sink)
            case DeleteModel():
                await self._fetch(wire.encode_delete(question.model))
        return None

    def _named(self, models: tuple[Model, ...]) -> tuple[Model, ...]:
        return tuple(msgspec.structs.replace(model, provider=self._account.name) for model in models)

    async def _fetch(self, encoded: Encoded) -> bytes:
        response = await self._send(encoded)
        try:
            return await self._accepted(response)
        finally:
            await response.aclose()

    async def _pull(self, wire: LibraryWire, model: str, sink: ProgressSink) -> None:
        response = await self._send(wire.encode_pull(model))
        try:
            if not 200 <= response.status < 300:
                await self._accepted(response)
            self._alarm.pause()  # it may take hours; the transport bounds the time between bytes
            await self._follow(wire, response, sink)
        except ConsumerLeft:
            return
        finally:
            await response.aclose()

    async def _follow(self, wire: LibraryWire, response: Received, sink: ProgressSink) -> None:
        decoder = wire.pull_decoder()
        async with response.chunks() as chunks:
            async for chunk in chunks:
                for progress in decoder.feed(chunk):
                    await sink.send(progress)
                if decoder.done:
                    break
        for progress in decoder.close():
            await sink.send(progress)

    async def _send(self, encoded: Encoded) -> Received:
        response = await self._line.send(encoded, self._number)
        self._replying = True
        return response

    async def _accepted(self, response: Received) -> bytes:
        """The body. Raises WireFault for a status that is none of success."""
        if 200 <= response.status < 300:
            return await response.read()
        body = await read_refusal(response, self._account.timeouts.between_bytes / 2)
        raise WireFault(keyless(self._account.wire.fault(response.status, response.headers, body), self._account))
