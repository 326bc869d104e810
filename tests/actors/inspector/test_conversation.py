import socket
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from callboard.actors.inspector.conversation import (
    TIME_TO_ASK,
    TIME_TO_TAKE,
    TIME_TO_THINK,
    Conversation,
    Phase,
)
from callboard.actors.inspector.protocol import MOST_ASKED, decode_response
from callboard.messages.inspecting import CommandDone, InspectorResponse, RequestRefused

START = 100.0
DONE = CommandDone("it is done")


class Pair:
    """A conversation and the client's end of its connection."""

    def __init__(self) -> None:
        self.client, ours = socket.socketpair()
        ours.setblocking(False)
        self.client.settimeout(1)
        self.talk = Conversation(ours, START)

    def waits_for(self, phase: Phase) -> bool:
        return self.talk.phase is phase

    def heard(self) -> InspectorResponse:
        return decode_response(self.client.recv(100_000))

    def close(self) -> None:
        self.client.close()
        self.talk.connection.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    pair.close()


def pending(response: InspectorResponse | None = None) -> "Future[InspectorResponse]":
    future: Future[InspectorResponse] = Future()
    if response is not None:
        future.set_result(response)
    return future


def test_a_line_is_whole_when_its_end_has_come(pair: Pair) -> None:
    assert pair.talk.read(START) is None
    for piece in (b'{"type":', b' "status"'):
        pair.client.sendall(piece)
        assert pair.talk.read(START) is None
    pair.client.sendall(b"}\nmore that nobody asked for")
    assert pair.talk.read(START) == b'{"type": "status"}'


def test_an_answer_is_sent_once_it_is_there(pair: Pair) -> None:
    pair.talk.think(pending(DONE), START)
    assert pair.waits_for(Phase.THINKING)
    pair.talk.answered(START)
    assert pair.waits_for(Phase.DONE)
    assert pair.heard() == DONE


def test_a_line_without_end_is_refused(pair: Pair) -> None:
    pair.client.sendall(b"x" * MOST_ASKED)
    assert pair.talk.read(START) is None
    assert pair.waits_for(Phase.READING)
    pair.client.sendall(b"x")
    assert pair.talk.read(START) is None
    assert isinstance(pair.heard(), RequestRefused)
    assert pair.waits_for(Phase.DONE)


@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_leaves_ends_the_conversation(pair: Pair, reset: bool) -> None:
    if reset:
        pair.talk.connection.sendall(b"unread")  # closing with this unread resets the connection
    pair.client.close()
    assert pair.talk.read(START) is None
    assert pair.waits_for(Phase.DONE)


def test_a_client_that_says_nothing_is_given_up(pair: Pair) -> None:
    pair.talk.expire(START + TIME_TO_ASK - 0.1)
    assert pair.waits_for(Phase.READING)
    pair.talk.expire(START + TIME_TO_ASK)
    assert pair.waits_for(Phase.DONE)


def test_a_client_that_takes_nothing_is_given_up(pair: Pair) -> None:
    pair.talk.answer(CommandDone("x" * 10_000_000), START)
    assert pair.waits_for(Phase.WRITING)
    pair.talk.expire(START + TIME_TO_TAKE)
    assert pair.waits_for(Phase.DONE)


def test_a_long_answer_goes_out_in_as_many_pieces_as_it_takes(pair: Pair) -> None:
    pair.talk.answer(CommandDone("x" * 1_000_000), START)
    heard = b""
    while pair.waits_for(Phase.WRITING):
        heard += pair.client.recv(65_536)
        pair.talk.write()
    pair.talk.connection.close()
    while piece := pair.client.recv(65_536):
        heard += piece
    assert decode_response(heard) == CommandDone("x" * 1_000_000)


def test_a_client_that_leaves_during_the_answer_ends_the_conversation(pair: Pair) -> None:
    pair.talk.answer(CommandDone("x" * 10_000_000), START)
    pair.client.close()
    pair.talk.write()
    assert pair.waits_for(Phase.DONE)


def test_a_command_that_nobody_took_up_in_time_is_withdrawn_and_told_so(pair: Pair) -> None:
    outcome = pending()
    pair.talk.think(outcome, START)
    pair.talk.expire(START + TIME_TO_THINK)
    assert outcome.cancelled()
    answer = pair.heard()
    assert isinstance(answer, RequestRefused)
    assert answer.why.startswith("nothing was done: the runtime's event loop")
    pair.talk.answered(START + TIME_TO_THINK)  # the withdrawal reports itself as an end
    assert pair.waits_for(Phase.DONE)


def test_a_command_that_has_begun_is_waited_for(pair: Pair) -> None:
    outcome = pending()
    outcome.set_running_or_notify_cancel()
    pair.talk.think(outcome, START)
    pair.talk.expire(START + TIME_TO_THINK)
    assert pair.waits_for(Phase.THINKING)
    outcome.set_result(DONE)
    pair.talk.answered(START + TIME_TO_THINK + 1)
    assert pair.heard() == DONE
