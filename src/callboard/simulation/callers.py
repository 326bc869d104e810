"""One call from the caller's side: made, waited for, cancelled or left, and told how it ended."""

from typing import Literal

import msgspec
import trio

from callboard.board import Board
from callboard.errors import CallError, RuntimeStopped
from callboard.messages.faults import FaultKind
from callboard.messages.reply import AttemptRecord, Reply
from callboard.messages.usage import Cost
from callboard.simulation.traffic import Planned


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A call's one outcome, as its caller saw it."""

    planned: Planned
    outcome: Literal["ok", "fault", "cancelled", "left", "stopped"]
    """stopped: the runtime ended under it."""
    began: float
    ended: float
    """Trio's clock, in seconds."""
    id: str | None = None
    """The call's id in the ledger, as far as the caller knows it."""
    fault: FaultKind | None = None
    attempts: tuple[AttemptRecord, ...] = ()
    cost: Cost | None = None
    cached: bool = False
    shared: bool = False
    interrupted: bool = False
    text: str | None = None
    """All that was said, tool calls included."""
    pieces: str | None = None
    """The same, as it came piece by piece."""


async def make(board: Board, planned: Planned) -> Ended:
    """Make one call. Raises only what a caller should never see."""
    call = _Call(board, planned)
    with trio.move_on_after(planned.cancel_after if planned.cancel_after is not None else float("inf")):
        try:
            return await (call.stream() if planned.stream else call.plain())
        except CallError as error:
            return call.failed(error)
        except RuntimeStopped:
            return call.ended("stopped")
    return call.ended("cancelled")


class _Call:
    def __init__(self, board: Board, planned: Planned) -> None:
        self._board = board
        self._planned = planned
        self._began = trio.current_time()
        self._id: str | None = None
        self._pieces: list[str] = []

    async def plain(self) -> Ended:
        planned = self._planned
        reply = await self._board.generate(
            planned.prompt,
            model=planned.model,
            timeout=planned.timeout,
            attempts=planned.attempts,
            money=planned.money,
            hedge=planned.hedge,
            **planned.options,
        )
        return self.succeeded(reply)

    async def stream(self) -> Ended:
        planned = self._planned
        stream = self._board.stream(
            planned.prompt,
            model=planned.model,
            timeout=planned.timeout,
            attempts=planned.attempts,
            money=planned.money,
            **planned.options,
        )
        self._id = stream.id
        async with stream:
            async for delta in stream:
                self._pieces.append(delta.text + delta.arguments)
                if len(self._pieces) == planned.leave_after:
                    return self.ended("left")
                if planned.pause:
                    await trio.sleep(planned.pause)
        return msgspec.structs.replace(self.succeeded(stream.reply), pieces="".join(self._pieces))

    def succeeded(self, reply: Reply) -> Ended:
        return msgspec.structs.replace(
            self.ended("ok"),
            id=reply.id,
            attempts=reply.attempts,
            cost=reply.cost,
            cached=reply.cached,
            shared=reply.shared,
            text=reply.text + "".join(call.arguments for call in reply.tool_calls),
        )

    def failed(self, error: CallError) -> Ended:
        interrupted = bool(self._pieces)
        return msgspec.structs.replace(
            self.ended("fault"),
            id=error.id,
            fault=error.fault.kind,
            attempts=error.attempts,
            interrupted=interrupted,
            pieces="".join(self._pieces) if interrupted else None,
        )

    def ended(self, outcome: Literal["ok", "fault", "cancelled", "left", "stopped"]) -> Ended:
        return Ended(
            planned=self._planned,
            outcome=outcome,
            id=self._id,
            began=self._began,
            ended=trio.current_time(),
        )
