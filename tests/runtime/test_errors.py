import pytest

from callboard.messages.base import Ask
from callboard.runtime.errors import (
    ActorCrashed,
    ActorDown,
    ActorError,
    DeadlineExceeded,
    Deadlock,
    DeclaredError,
    HandlerFailed,
    IllegalStep,
    MailboxFull,
)
from callboard.runtime.leaf import leaf


class Secret(Ask[str], frozen=True):
    text: str


BUG = ValueError("my password")
ERRORS: dict[str, ActorError] = {
    "a/b: a handler failed with ValueError": HandlerFailed("a/b", BUG),
    "a/b: incarnation 3 crashed with ValueError": ActorCrashed("a/b", 3, BUG),
    "a/b is down: it was stopped": ActorDown("a/b", "it was stopped"),
    "a/b: mailbox full, Secret refused": MailboxFull("a/b", Secret("my password")),
    "a/b: the deadline passed before there was a reply": DeadlineExceeded("a/b"),
    "deadlock refused: a -> b -> a": Deadlock(["a", "b", "a"]),
}


@pytest.mark.parametrize("text", ERRORS)
def test_an_error_says_where_and_what_and_nothing_of_the_content(text: str) -> None:
    assert str(ERRORS[text]) == text
    assert "password" not in repr(ERRORS[text])


def test_every_way_for_an_ask_to_end_without_a_reply_has_one_base() -> None:
    assert {type(error).__base__ for error in ERRORS.values()} == {ActorError}
    assert DeclaredError.__base__ is ActorError


def test_an_illegal_step_names_machine_state_and_event() -> None:
    assert str(IllegalStep("circuit", "open", "trip")) == "circuit: no step for event trip in state open"


def test_a_group_of_one_is_that_one_and_a_group_of_many_stays() -> None:
    several = ExceptionGroup("two", [BUG, OSError()])
    assert leaf(BUG) is BUG
    assert leaf(ExceptionGroup("one", [ExceptionGroup("inner", [BUG])])) is BUG
    assert leaf(ExceptionGroup("one", [several])) is several
