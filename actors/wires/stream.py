"""A streamed reply: bytes into frames, frames into a growing reply, faults after the deltas that came before them.

A wire brings its framing (event streams, lines of JSON) and its growing reply; the rest is the same for all.
"""

from typing import Generic, Protocol, TypeVar

from callboard.actors.wires.lines import TooLong
from callboard.actors.wires.wire import WireFault, malformed, too_deep
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.reply import Answer, Delta

F = TypeVar("F")
F_contra = TypeVar("F_contra", contravariant=True)


class Frames(Protocol[F]):
    """Cuts bytes into frames: sse.EventReader, lines.LineReader."""

    def feed(self, data: bytes) -> list[F]:
        """The frames that `data` completes. Raises lines.TooLong."""
        ...

    def close(self) -> list[F]:
        """What was left when the body ended."""
        ...


class Growing(Protocol[F_contra]):
    """A reply that takes frames one by one."""

    done: bool
    """Whether the provider marked the end."""

    complete: bool
    """Whether the reply may end here: a reason to finish has come, if not the mark."""

    def take(self, frame: F_contra, deltas: list[Delta]) -> None:
        """Adds to `deltas` what the frame is worth. Raises WireFault on an error in the stream or a frame that
        cannot be read."""
        ...

    def answer(self) -> Answer:
        """What has come so far. Raises nothing but RecursionError."""
        ...


class ReplyStream(Generic[F]):
    """wire.StreamDecoder over any framing.

    Text in a last frame whose end never came is in the answer that `close` returns, though no delta told of it.

    When an error follows deltas within one `feed`, the deltas come first: `done` is set, and the next `feed` or
    `close` raises. So the deltas do not depend on where the bytes were split.
    """

    def __init__(self, provider: str, frames: Frames[F], reply: Growing[F]) -> None:
        self.done = False
        self.working = False
        self._provider = provider
        self._frames = frames
        self._reply = reply
        self._fault: Fault | None = None

    def feed(self, data: bytes) -> list[Delta]:
        """The deltas that these bytes complete. Raises WireFault."""
        if self.done:
            self._check()
            return []
        deltas: list[Delta] = []
        self.working = False
        try:
            frames = self._frames.feed(data)
            self._take(frames, deltas)
            self.working = bool(deltas) or not all(map(self._is_ping, frames))
        except WireFault as error:
            self._fail(error.fault)
        except TooLong as error:
            self._fail(malformed(str(error), provider=self._provider).fault)
        if not deltas:
            self._check()
        return deltas

    def close(self) -> Answer:
        """The whole answer, once the body has ended. Raises WireFault, INTERRUPTED when the end never came."""
        self._check()
        if not self.done:
            self._take_last()
        if not (self.done or self._reply.complete):
            message = "the stream ended before the reply did"
            raise WireFault(Fault(kind=FaultKind.INTERRUPTED, message=message, provider=self._provider))
        try:
            answer = self._reply.answer()
        except RecursionError:
            raise too_deep(self._provider) from None
        if not (answer.parts or answer.finish_reason or answer.usage or answer.id or answer.model):
            raise malformed("the stream held nothing but its end", provider=self._provider)
        return answer

    def partial(self) -> Answer:
        """What has come so far, whatever the state; never raises. Nothing, where that is nested too deeply."""
        try:
            return self._reply.answer()
        except RecursionError:
            return Answer(parts=(), finish_reason=None)

    def _is_ping(self, frame: F) -> bool:
        """Whether the frame does nothing but keep the connection open; in most framings nothing does."""
        return False

    def _take(self, frames: list[F], deltas: list[Delta]) -> None:
        for frame in frames:
            try:
                self._reply.take(frame, deltas)
            except RecursionError:
                raise too_deep(self._provider) from None
            if self._reply.done:
                self.done = True
                return

    def _take_last(self) -> None:
        """A last frame that cannot be read was cut with the stream: that is an interruption, not rubbish."""
        try:
            self._take(self._frames.close(), [])
        except WireFault as error:
            if error.fault.kind is not FaultKind.MALFORMED_REPLY:
                raise

    def _fail(self, fault: Fault) -> None:
        self.done = True
        self._fault = fault

    def _check(self) -> None:
        if self._fault is not None:
            raise WireFault(self._fault)
