"""The thread on a real socket. Whatever one client does, the others are answered."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from callboard.actors.inspector.protocol import decode_response, encode_request
from callboard.actors.inspector.server import MOST_CLIENTS, Server
from callboard.messages.inspecting import (
    CommandDone,
    InspectorRequest,
    InspectorResponse,
    ProviderCommand,
    RequestRefused,
    StatusQuery,
)

Answer = Callable[[InspectorRequest], "Future[InspectorResponse]"]
ENOUGH = 30.0
"""Seconds that no test needs."""


class Served:
    """A server and what it was asked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.asked: list[InspectorRequest] = []
        self.deaths: list[BaseException] = []
        self.later: Future[InspectorResponse] = Future()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(path))
        listener.listen(100)
        self.server = Server(listener, self.answer, self.deaths.append)
        self.server.start()

    def answer(self, request: InspectorRequest) -> "Future[InspectorResponse]":
        """A command is answered `later`, everything else at once; `break` is a mistake of ours."""
        self.asked.append(request)
        if isinstance(request, ProviderCommand) and request.provider == "break":
            raise ZeroDivisionError
        if isinstance(request, ProviderCommand):
            return self.later
        future: Future[InspectorResponse] = Future()
        future.set_result(CommandDone("now"))
        return future

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(ENOUGH)
        try:
            client.connect(str(self.path))
        except OSError:
            client.close()
            raise
        return client

    def ask(self, request: InspectorRequest) -> InspectorResponse:
        with self.connect() as client:
            client.sendall(encode_request(request))
            return decode_response(client.recv(65_536))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path / "s")
    yield served
    served.server.close()


COMMAND = ProviderCommand(provider="alpha", command="open")


def test_one_request_is_answered_and_the_connection_ends(served: Served) -> None:
    with served.connect() as client:
        client.sendall(encode_request(StatusQuery()))
        assert decode_response(client.recv(65_536)) == CommandDone("now")
        assert client.recv(1) == b""


def test_clients_that_hang_leave_and_talk_rubbish_disturb_nobody(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callboard.actors.inspector.conversation.TIME_TO_ASK", 2 * ENOUGH)
    silent, slow, leaving = served.connect(), served.connect(), served.connect()
    slow.sendall(b'{"type"')
    leaving.sendall(b"{")
    leaving.close()
    with served.connect() as rubbish:
        rubbish.sendall(b"\x00\xff rubbish\n")
        assert isinstance(decode_response(rubbish.recv(65_536)), RequestRefused)
    with served.connect() as endless:
        endless.sendall(b"x" * 100_000)
    assert served.ask(StatusQuery()) == CommandDone("now")
    assert served.asked == [StatusQuery()]
    silent.close()
    slow.close()


def test_a_client_that_hangs_is_let_go(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callboard.actors.inspector.conversation.TIME_TO_ASK", 0.1)
    with served.connect() as client:
        client.sendall(b"{")
        assert client.recv(1) == b""


def test_a_slow_command_keeps_nobody_waiting(served: Served) -> None:
    with served.connect() as client:
        client.sendall(encode_request(COMMAND))
        while COMMAND not in served.asked:
            time.sleep(0.001)
        assert served.ask(StatusQuery()) == CommandDone("now")
        served.later.set_result(CommandDone("later"))
        assert decode_response(client.recv(65_536)) == CommandDone("later")


def test_a_client_that_leaves_while_its_command_is_carried_out_disturbs_nobody(served: Served) -> None:
    client = served.connect()
    client.sendall(encode_request(COMMAND))
    while COMMAND not in served.asked:
        time.sleep(0.001)
    client.close()
    served.later.set_result(CommandDone("later"))
    assert served.ask(StatusQuery()) == CommandDone("now")


def test_one_client_too_many_is_turned_away_and_the_others_stay(served: Served) -> None:
    first = served.connect()
    crowd = [served.connect() for _ in range(MOST_CLIENTS - 1)]
    with served.connect() as late:
        assert late.recv(1) == b""
    first.sendall(encode_request(StatusQuery()))
    assert decode_response(first.recv(65_536)) == CommandDone("now")
    for client in (first, *crowd):
        client.close()


def test_closing_ends_the_thread_and_every_connection(served: Served) -> None:
    with served.connect() as client:
        served.server.close()
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(1) == b""
    assert not any(thread.name == "callboard-inspector" for thread in threading.enumerate())
    with pytest.raises(ConnectionRefusedError):
        served.connect()
    assert served.deaths == []


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system does not list descriptors")
def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    before = descriptors()
    served = Served(tmp_path / "s")
    for _ in range(20):
        served.ask(StatusQuery())
    served.server.close()
    assert descriptors() == before


def test_a_mistake_of_ours_ends_the_thread_and_is_told(served: Served) -> None:
    with served.connect() as client:
        client.sendall(encode_request(ProviderCommand(provider="break", command="open")))
        assert client.recv(1) == b""
    served.server.close()
    assert [type(death) for death in served.deaths] == [ZeroDivisionError]
