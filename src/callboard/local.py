"""The models on a machine of one's own: `board.local("ollama")`."""

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self, TypeVar

import trio

from callboard.block import Block
from callboard.errors import STOPPED, CallboardError, InvalidRequest, RuntimeStopped, error_of
from callboard.home import Home
from callboard.messages.base import Ask
from callboard.messages.calls import Failure, ListModels
from callboard.messages.faults import Fault
from callboard.messages.local_models import (
    DeleteModel,
    ListRunning,
    LocalModel,
    PullModel,
    PullProgress,
    RunningModel,
    ShowModel,
)
from callboard.messages.models import Model
from callboard.runtime.errors import ActorDown, ActorError
from callboard.runtime.ref import Ref
from callboard.runtime.stream import Closed, Stream

R = TypeVar("R")

AHEAD = 64
"""Reports of progress that a download may be ahead of its reader."""


class LocalModels:
    """What a server such as Ollama has, fetches and removes.

    All raise a CallError with the server's fault, UNSUPPORTED where the provider is no such server. The provider's own
    time limits hold; its circuits and the ledger hear nothing of it.
    """

    def __init__(self, provider: Ref, home: Home) -> None:
        self._provider = provider
        self._home = home

    async def models(self) -> tuple[Model, ...]:
        """Those on the machine's disk."""
        return await self._ask(ListModels())

    async def running(self) -> tuple[RunningModel, ...]:
        """Those in memory."""
        return await self._ask(ListRunning())

    async def show(self, model: str) -> LocalModel:
        """What the server knows of a model that it has."""
        return await self._ask(ShowModel(_named(model)))

    async def delete(self, model: str) -> None:
        """Remove a model from the disk."""
        await self._ask(DeleteModel(_named(model)))

    def pull(self, model: str) -> "Pull":
        """Fetch a model, or its newer version. Leaving the block early stops the download."""
        return Pull(self._provider, self._home, _named(model))

    async def _ask(self, question: Ask[R | Fault]) -> R:
        self._home.enter()
        try:
            answer = await self._provider.ask(question)
        except ActorDown as error:
            raise RuntimeStopped(STOPPED) from error
        except ActorError as error:
            raise RuntimeStopped(f"the provider could not be asked: {error}") from error
        if isinstance(answer, Fault):
            raise error_of(Failure(id="", fault=answer, attempts=()))
        return answer

    def __repr__(self) -> str:
        return f"LocalModels({self._provider.path})"


class Pull:
    """A download: `async with board.local("ollama").pull("llama3.2") as pull: async for progress in pull: ...`

    Iterating raises a CallError when the model cannot be fetched. What was fetched before an early end stays with the
    server, which goes on from there the next time.
    """

    def __init__(self, provider: Ref, home: Home, model: str) -> None:
        self._provider = provider
        self._home = home
        self._model = model
        self._stream: Stream[PullProgress] = Stream(AHEAD)
        self._scope = trio.CancelScope()
        self._block = Block("board.local(...).pull(...)")

    def __aiter__(self) -> AsyncIterator[PullProgress]:
        return self

    async def __anext__(self) -> PullProgress:
        self._block.inside()
        try:
            return await self._stream.receive()
        except Closed as closed:
            match closed.reason:
                case Fault() as fault:
                    raise error_of(Failure(id="", fault=fault, attempts=())) from None
                case CallboardError() as error:
                    raise error from None
            raise StopAsyncIteration from None

    @trio.lowlevel.enable_ki_protection
    async def __aenter__(self) -> Self:
        self._block.enter()
        self._home.start(self._conduct)
        return self

    @trio.lowlevel.enable_ki_protection
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._block.leave()
        self._stream.leave()
        self._scope.cancel()

    @trio.lowlevel.enable_ki_protection
    async def _conduct(self) -> None:
        reason: object = RuntimeStopped(STOPPED)
        try:
            with self._scope:
                reason = await self._provider.ask(PullModel(self._model, self._stream))
        except ActorDown:
            pass
        except ActorError as error:
            reason = RuntimeStopped(f"the download ended with {type(error).__name__}")
        finally:
            self._stream.close(reason)


def _named(model: str) -> str:
    if not isinstance(model, str) or not model.strip():
        raise InvalidRequest("model: expected the name of a model")
    return model
