from callboard.messages.base import Ask, Tell
from callboard.runtime.clock import NEVER
from callboard.runtime.envelope import Envelope
from callboard.runtime.slot import Slot


class Secret(Ask[str], frozen=True):
    text: str


class Whisper(Tell, frozen=True):
    text: str


def test_every_envelope_has_an_id_of_its_own() -> None:
    assert len({Envelope(Whisper("?")).id for _ in range(100)}) == 100


def test_an_envelope_shows_nothing_of_its_message_but_the_type() -> None:
    asked = Envelope(Secret("my password"), Slot())
    assert repr(asked) == f"Envelope({asked.id}, Secret, ask open)"
    told = Envelope(Whisper("my password"))
    assert repr(told) == f"Envelope({told.id}, Whisper, tell)"


def test_a_tell_has_nobody_to_answer() -> None:
    told = Envelope(Whisper("?"))
    assert (told.reply(1), told.fail(ValueError()), told.abandoned, told.unanswered) == (False, False, False, False)
    assert told.deadline == NEVER


def test_an_ask_is_unanswered_until_it_ends() -> None:
    asked = Envelope(Secret("?"), Slot())
    assert (asked.unanswered, asked.abandoned) == (True, False)
    assert asked.reply("now") is True
    assert (asked.unanswered, asked.abandoned) == (False, True)
    assert asked.reply("again") is False
    assert asked.fail(ValueError()) is False
