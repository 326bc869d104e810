import logging

import pytest

from callboard.messages.base import Tell
from callboard.runtime.clock import ns
from callboard.runtime.deadletters import LOG_FIRST, SUMMARY_EVERY, DeadLetter, DeadLetters


class Secret(Tell, frozen=True):
    text: str


def test_letters_are_counted_by_reason_and_the_latest_kept() -> None:
    letters = DeadLetters(keep=2)
    for n, reason in enumerate(["full", "down", "full"]):
        letters.add(f"a{n}", Secret("?"), reason, n)
    assert letters.counts() == {"full": 2, "down": 1}
    assert letters.latest == (DeadLetter("a1", "Secret", "down", 1), DeadLetter("a2", "Secret", "full", 2))


def test_nothing_of_a_message_but_its_type_is_kept_or_logged(caplog: pytest.LogCaptureFixture) -> None:
    letters = DeadLetters()
    letters.add("a", Secret("my password"), "down", 0)
    assert "password" not in repr(letters.latest) + caplog.text
    assert "Secret for a not delivered: down" in caplog.text


def test_the_first_few_are_logged_and_the_rest_summed_up_every_five_minutes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    letters = DeadLetters()
    for _ in range(LOG_FIRST):
        letters.add("a", Secret("?"), "down", ns(1))
    assert len(caplog.records) == LOG_FIRST
    letters.add("a", Secret("?"), "down", ns(1) + SUMMARY_EVERY - 1)
    assert len(caplog.records) == LOG_FIRST
    letters.add("b", Secret("?"), "down", ns(1) + SUMMARY_EVERY)
    assert caplog.messages[LOG_FIRST:] == ["2 more dead letters; the last: Secret for b"]
    letters.add("c", Secret("?"), "down", ns(1) + SUMMARY_EVERY + 1)
    letters.add("d", Secret("?"), "down", ns(1) + 2 * SUMMARY_EVERY)
    assert caplog.messages[LOG_FIRST + 1 :] == ["2 more dead letters; the last: Secret for d"]


def test_the_counts_given_are_a_copy() -> None:
    letters = DeadLetters()
    letters.counts()["down"] = 7
    assert letters.counts() == {}
