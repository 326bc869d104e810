import os
import threading
from pathlib import Path

import pytest

from callboard.runtime.storage.errors import StorageBusy, StoreClosed, WrongProcess
from callboard.runtime.storage.gate import Gate


@pytest.fixture
def gate() -> Gate:
    return Gate(Path("store"))


def test_readers_and_one_commit_go_together(gate: Gate) -> None:
    with gate.reading(), gate.committing(), gate.reading():
        pass


def test_there_is_one_commit_at_a_time(gate: Gate) -> None:
    with gate.committing(), pytest.raises(StorageBusy, match="a commit was started while another one runs"):
        gate.committing().__enter__()
    with gate.committing():
        pass


def test_nobody_is_alone_beside_a_reader(gate: Gate) -> None:
    with gate.reading(), pytest.raises(StorageBusy, match="growth while 1 read transactions are open"):
        gate.alone("growth").__enter__()
    with gate.alone("growth"):
        pass


def test_nobody_is_alone_beside_a_commit(gate: Gate) -> None:
    with gate.committing(), pytest.raises(StorageBusy, match="growth while a commit runs"):
        gate.alone("growth").__enter__()
    with gate.alone("growth"):
        pass


def test_an_error_inside_opens_the_gate_again(gate: Gate) -> None:
    for enter in (gate.reading, gate.committing, lambda: gate.alone("growth")):
        with pytest.raises(ZeroDivisionError), enter():
            raise ZeroDivisionError
    with gate.alone("growth"):
        pass


def test_a_reader_waits_for_the_one_who_is_alone(gate: Gate) -> None:
    order: list[str] = []

    def read() -> None:
        with gate.reading():
            order.append("read")

    reader = threading.Thread(target=read)
    with gate.alone("growth"):
        reader.start()
        reader.join(0.05)
        order.append("grown")
    reader.join()
    assert order == ["grown", "read"]


def test_a_closed_gate_lets_nobody_in(gate: Gate) -> None:
    gate.closed = True
    for enter in (gate.reading, gate.committing, lambda: gate.alone("growth")):
        with pytest.raises(StoreClosed, match="store: the store is closed"):
            enter().__enter__()


def test_a_forked_child_is_refused(gate: Gate) -> None:
    with gate.alone("a fork that finds the lock taken"):
        child = os.fork()
        if child == 0:
            try:
                gate.reading().__enter__()
            except WrongProcess as error:
                os._exit(0 if "start child processes with spawn" in str(error) else 1)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
