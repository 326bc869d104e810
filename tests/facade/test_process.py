"""What is kept from a process, and what it keeps to itself."""

import signal
import subprocess
import sys

from callboard.process import uninterrupted

BLOCKED = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))"
INTERRUPTED = """
import os, signal
from callboard.process import uninterrupted
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    with uninterrupted():
        os.kill(os.getpid(), signal.SIGINT)
        print("all of it")
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_waits_for_the_end_of_the_block() -> None:
    """In a process of its own: a thread that another test has left could take the signal in place of this one."""
    told = subprocess.run([sys.executable, "-c", INTERRUPTED], check=False, capture_output=True, text=True)
    assert told.stdout == "all of it\ninterrupted\n", told.stderr


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
