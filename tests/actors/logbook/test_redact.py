from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.logbook.redact import KINDS, luhn, redactor

ALL = redactor(KINDS)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("pay with 4111 1111 1111 1111 today", "pay with [card] today"),
        ("4111-1111-1111-1111", "[card]"),
        ("5555555555554444,378282246310005", "[card],[card]"),
        ("id 99 4111111111111111 12", "id 99 [card] 12"),
        ("4111111111111112", "4111111111111112"),
        ("2" * 60, "[card]"),
        ("order 1234567890128", "order 1234567890128"),
        ("write to ann.o'hara+x@mail.example.co.uk!", "write to [email]!"),
        ("5552345678@example.com", "[email]"),
        ("josé@exämple.de", "[email]"),
        ("a @ b, a@b, @here", "a @ b, a@b, @here"),
        ("ssn 123-45-6789.", "ssn [ssn]."),
        ("123 45 6789", "[ssn]"),
        ("call +49 (30) 1234-567 now", "call [phone] now"),
        ("(555) 234-5678, 555.234.5678, 1-555-234-5678", "[phone], [phone], [phone]"),
        ("0171 1234567", "[phone]"),
        ("+1 2", "+1 2"),
        ("2026-11-25 at 17:30, 3.14159265358979, v1.22.333", "2026-11-25 at 17:30, 3.14159265358979, v1.22.333"),
        ("0.1234567890123", "0.1234567890123"),
    ],
)
def test_what_names_a_person_or_an_account_is_taken_out_and_nothing_else(text: str, left: str) -> None:
    assert ALL(text) == left
    assert ALL(left) == left


@pytest.mark.parametrize(
    "number", ["000-12-3456", "666-12-3456", "912-12-3456", "123-00-4567", "123-45-0000", "123-45 6789"]
)
def test_what_cannot_be_a_social_security_number_is_none(number: str) -> None:
    assert redactor(["ssn"])(number) == number


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_wanted_kinds_are_taken_out(kind: str) -> None:
    texts = {"cards": "4111111111111111", "emails": "a@b.cd", "phones": "+49 30 1234567", "ssn": "123-45-6789"}
    redact = redactor([kind])
    assert {name for name, text in texts.items() if redact(text) != text} == {kind}


def test_all_that_lists_and_dictionaries_hold_is_looked_at() -> None:
    said: dict[str, Any] = {"a@b.cd": ["4111111111111111", {"n": 4111111111111111, "m": 7}], "f": 1.5, "t": True}
    assert ALL(said) == {"[email]": ["[card]", {"n": "[card]", "m": 7}], "f": 1.5, "t": True}


@pytest.mark.parametrize(("digits", "valid"), [("79927398713", True), ("79927398710", False), ("0", True)])
def test_the_check_digit(digits: str, valid: bool) -> None:
    assert luhn(digits) == valid


@given(st.text(alphabet="0123456789 -()+.@ab", max_size=80))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = ALL(text)
    assert ALL(once) == once


@given(st.text(alphabet="0123456789 -", max_size=60))
def test_no_card_is_left(text: str) -> None:
    left = redactor(["cards"])(f"{text}x4111 1111 1111 1111x{text}")
    assert "4111 1111 1111 1111" not in left


@pytest.mark.parametrize("piece", ["1", "a", "a.", "@a", "a@", "1-", "(0", "+1 ", "0 ", "a@a.", "4111 ", "12-34-"])
def test_the_longest_text_that_is_kept_takes_as_many_steps_as_it_has_letters(piece: str) -> None:
    """Were a pattern worse than linear, this would not end."""
    assert isinstance(ALL(piece * (1_000_000 // len(piece))), str)
