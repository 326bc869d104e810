"""What a caller of the demo has in hand at the end of one call."""

from typing import Literal

import msgspec

from callboard.cli.demo.script import Planned
from callboard.errors import CallError, Interrupted
from callboard.messages.reply import AttemptRecord, Reply


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One call's outcome."""

    number: int
    id: str
    stream: bool
    outcome: Literal["ok", "interrupted", "fault"]
    attempts: tuple[AttemptRecord, ...]
    duration: float
    """Seconds."""
    first_token: float | None = None
    """Seconds until the first piece of a stream."""
    cached: bool = False
    shared: bool = False
    fault: str | None = None
    whole: bool = True
    """Whether a stream's pieces, joined, are the text that the reply or the interruption holds."""

    @property
    def fell_back(self) -> bool:
        """Whether more than the first candidate was needed."""
        return len({record.provider for record in self.attempts}) > 1

    @property
    def sent(self) -> tuple[AttemptRecord, ...]:
        """The attempts that went out."""
        return tuple(record for record in self.attempts if record.id is not None)


def succeeded(call: Planned, reply: Reply, *, pieces: str | None = None, first: float | None = None) -> Result:
    """There is a reply; of a stream also the pieces that came."""
    return Result(
        number=call.number,
        id=reply.id,
        stream=call.stream,
        outcome="ok",
        attempts=reply.attempts,
        duration=reply.duration,
        first_token=first,
        cached=reply.cached,
        shared=reply.shared,
        whole=pieces is None or pieces == reply.text,
    )


def failed(call: Planned, error: CallError, duration: float, *, pieces: str = "", first: float | None = None) -> Result:
    """There is none."""
    interrupted = isinstance(error, Interrupted)
    return Result(
        number=call.number,
        id=error.id,
        stream=call.stream,
        outcome="interrupted" if interrupted else "fault",
        attempts=error.attempts,
        duration=duration,
        first_token=first,
        fault=str(error.fault),
        whole=pieces == (_partial(error) if isinstance(error, Interrupted) else ""),
    )


def _partial(error: Interrupted) -> str:
    parts = () if error.partial is None else error.partial.parts
    return "".join(getattr(part, "text", "") for part in parts)
