"""One client of the status socket: its line in, our line out.

    reading ──line──> thinking ──answered──> writing ──sent──> done

A client that is too slow, says too much or goes away ends its own conversation and no other.
"""

import enum
import socket
from concurrent.futures import Future

from callboard.actors.inspector.protocol import MOST_ASKED, encode_response
from callboard.messages.inspecting import InspectorResponse, RequestRefused

TIME_TO_ASK = 2.0
TIME_TO_THINK = 5.0
TIME_TO_TAKE = 5.0
"""Seconds that a client may take for its request, the runtime for its answer, and the client to take that."""

_TOO_LONG = RequestRefused(f"a request has at most {MOST_ASKED} bytes")
_STUCK = RequestRefused(
    f"nothing was done: the runtime's event loop has not turned for {TIME_TO_THINK:g} s; "
    "`callboard status` names the handler that blocks it"
)


class Phase(enum.Enum):
    """What is waited for."""

    READING = enum.auto()
    THINKING = enum.auto()
    WRITING = enum.auto()
    DONE = enum.auto()


class Conversation:
    """Never waits and never raises. Times are monotonic seconds."""

    def __init__(self, connection: socket.socket, now: float) -> None:
        self.connection = connection
        self.phase = Phase.READING
        self.deadline = now + TIME_TO_ASK
        self._received = bytearray()
        self._unsent = b""
        self._answer: Future[InspectorResponse] | None = None

    def read(self, now: float) -> bytes | None:
        """Take what has come: the request's line once it is whole."""
        try:
            piece = self.connection.recv(MOST_ASKED + 1)
        except BlockingIOError:
            return None
        except OSError:
            piece = b""
        if not piece:
            self.phase = Phase.DONE
            return None
        self._received += piece
        line, newline, _ = self._received.partition(b"\n")
        if len(line) > MOST_ASKED:
            self.answer(_TOO_LONG, now)
            return None
        return bytes(line) if newline else None

    def think(self, answer: "Future[InspectorResponse]", now: float) -> None:
        """The request is understood; this will be its answer."""
        self.phase = Phase.THINKING
        self.deadline = now + TIME_TO_THINK
        self._answer = answer

    def answered(self, now: float) -> None:
        """The answer is there."""
        assert self._answer is not None
        if self.phase is Phase.THINKING:
            self.answer(self._answer.result(), now)

    def answer(self, response: InspectorResponse, now: float) -> None:
        """Say this, and nothing more."""
        self._unsent = encode_response(response)
        self.phase = Phase.WRITING
        self.deadline = now + TIME_TO_TAKE
        self.write()

    def write(self) -> None:
        """Send as much as the client takes."""
        try:
            self._unsent = self._unsent[self.connection.send(self._unsent) :]
        except BlockingIOError:
            return
        except OSError:
            self._unsent = b""
        if not self._unsent:
            self.phase = Phase.DONE

    def expire(self, now: float) -> None:
        """Its time is up. A command that has begun is waited for: what it does must be told."""
        if now < self.deadline:
            return
        if self.phase is not Phase.THINKING:
            self.phase = Phase.DONE
        elif self._answer is not None and self._answer.cancel():
            self.answer(_STUCK, now)
        else:
            self.deadline = now + TIME_TO_THINK
