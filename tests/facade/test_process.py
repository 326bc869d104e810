"""What is kept from a process, and what it keeps to itself."""

import os
import signal
import subprocess
import sys

import pytest

from callboard.process import uninterrupted

BLOCKED = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))"


@pytest.mark.usefixtures("heeding")
def test_ctrl_c_waits_for_the_end_of_the_block() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt):
        with uninterrupted():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("all of it")
    assert done == ["all of it"]


def test_what_was_held_back_before_is_held_back_after() -> None:
    with uninterrupted():
        with uninterrupted():
            pass
        assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_a_process_that_begins_in_it_never_hears_of_ctrl_c() -> None:
    with uninterrupted():
        process = subprocess.Popen([sys.executable, "-c", BLOCKED], stdout=subprocess.PIPE, text=True)
    assert process.communicate() == ("True\n", None)
