"""What is said of an error fits in a line, and says what happened."""

import subprocess
import sys

import pytest
import trio

from callboard.bench.harness.failing import LONGEST, last_line, sentence, shown


def test_of_several_errors_the_first_is_told_and_how_many_there_are() -> None:
    several = BaseExceptionGroup("Trio's", [OSError(24, "Too many open files"), ValueError("later"), OSError(24, "x")])
    assert sentence(several) == "3 errors, the first: OSError: [Errno 24] Too many open files"
    assert sentence(BaseExceptionGroup("Trio's", [several.exceptions[1]])) == "ValueError: later"


def test_an_error_without_words_is_told_by_its_kind() -> None:
    assert sentence(trio.TooSlowError()) == "TooSlowError"


def test_a_long_one_is_cut() -> None:
    assert len(sentence(ValueError("x" * 2 * LONGEST))) == LONGEST


def test_a_frame_around_words_is_none_of_them() -> None:
    assert last_line("ValueError: later\n  +-----\n\n") == "ValueError: later"
    assert last_line("+--\n") == last_line(None) == "no output"


def test_where_a_process_broke_goes_to_the_error_output(capsys: pytest.CaptureFixture[str]) -> None:
    command = [sys.executable, "-c", "import sys; print('the frame', file=sys.stderr); sys.exit('its words')"]
    with pytest.raises(subprocess.CalledProcessError) as caught:
        subprocess.run(command, check=True, capture_output=True, text=True)
    assert shown(caught.value) == "a process ended with 1: its words"
    assert "the frame" in capsys.readouterr().err
