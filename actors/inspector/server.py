"""The status socket's thread. It needs nothing of the Trio thread, so it answers while that one is stuck."""

import contextlib
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

from callboard.actors.inspector.conversation import Conversation, Phase
from callboard.actors.inspector.protocol import Unintelligible, decode_request
from callboard.messages.inspecting import InspectorRequest, InspectorResponse, RequestRefused
from callboard.runtime.logs import get_logger

MOST_CLIENTS = 64
"""At once; one more is turned away."""
ACCEPT_PAUSE = 0.1
"""Seconds until accepting is tried again when the process has no descriptor left."""
JOIN = 2.0
"""Seconds that the thread may take to end."""

_INTEREST = {Phase.READING: selectors.EVENT_READ, Phase.WRITING: selectors.EVENT_WRITE}
_log = get_logger("callboard.inspector")


class Server:
    """Serves `listener`, which becomes its own, in a thread of its own.

    `answer` is called in that thread and must not wait; what it returns is answered when it is done. `died` is called
    in that thread if it ends in any other way than by `close`.
    """

    def __init__(
        self,
        listener: socket.socket,
        answer: "Callable[[InspectorRequest], Future[InspectorResponse]]",
        died: Callable[[BaseException], None],
    ) -> None:
        self._listener = listener
        self._answer = answer
        self._died = died
        self._conversations: set[Conversation] = set()
        self._answered: deque[Conversation] = deque()
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = socket.socketpair()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="callboard-inspector", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        for ours in (self._listener, self._woken, self._waker):
            ours.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._woken, selectors.EVENT_READ, self._drain)
        self._thread.start()

    def close(self) -> None:
        """End the thread and every conversation. Waits for it, at most `JOIN` seconds."""
        self._closing = True
        self._wake()
        self._thread.join(JOIN)

    def _run(self) -> None:
        try:
            while not self._closing:
                self._turn()
        except BaseException as error:
            self._died(error)
        finally:
            for conversation in self._conversations:
                conversation.connection.close()
            self._selector.close()
            for ours in (self._listener, self._woken, self._waker):
                ours.close()

    def _turn(self) -> None:
        for key, _ in self._selector.select(self._patience()):
            key.data()
        while self._answered:
            conversation = self._answered.popleft()
            conversation.answered(time.monotonic())
            self._follow(conversation)
        for conversation in list(self._conversations):
            conversation.expire(time.monotonic())
            self._follow(conversation)

    def _patience(self) -> float | None:
        if not self._conversations:
            return None
        return max(0.0, min(one.deadline for one in self._conversations) - time.monotonic())

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError as error:
            _log.warning("the status socket cannot take a client: %s", error.strerror)
            time.sleep(ACCEPT_PAUSE)
            return
        if len(self._conversations) >= MOST_CLIENTS:
            connection.close()
            return
        connection.setblocking(False)
        conversation = Conversation(connection, time.monotonic())
        self._conversations.add(conversation)
        self._follow(conversation)

    def _ready(self, conversation: Conversation) -> None:
        now = time.monotonic()
        if conversation.phase is Phase.WRITING:
            conversation.write()
        elif (line := conversation.read(now)) is not None:
            self._ask(conversation, line, now)
        self._follow(conversation)

    def _ask(self, conversation: Conversation, line: bytes, now: float) -> None:
        try:
            future = self._answer(decode_request(line))
        except Unintelligible as error:
            conversation.answer(RequestRefused(str(error)), now)
            return
        conversation.think(future, now)
        future.add_done_callback(lambda _: self._done(conversation))

    def _done(self, conversation: Conversation) -> None:
        """May be called in any thread."""
        self._answered.append(conversation)
        self._wake()

    def _follow(self, conversation: Conversation) -> None:
        """Wait for what the conversation now waits for."""
        if conversation not in self._conversations:
            return
        self._watch(conversation, _INTEREST.get(conversation.phase))
        if conversation.phase is Phase.DONE:
            self._conversations.discard(conversation)
            conversation.connection.close()

    def _watch(self, conversation: Conversation, events: int | None) -> None:
        connection = conversation.connection
        watched = connection in self._selector.get_map()
        if events is None and watched:
            self._selector.unregister(connection)
        elif events is not None and watched:
            self._selector.modify(connection, events, lambda: self._ready(conversation))
        elif events is not None:
            self._selector.register(connection, events, lambda: self._ready(conversation))

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # it is full of wake-ups already, or closed
            self._waker.send(b"\0")

    def _drain(self) -> None:
        self._woken.recv(4_096)
