"""Takes card numbers, e-mail addresses, phone numbers and social security numbers out of texts. Pure.

When in doubt it takes out too much. Every pattern is linear in the length of the text: each begins where its run of
letters or digits does, and what may repeat inside it is bounded or has one way to match. Redacting twice changes
nothing more.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeAlias

Kind: TypeAlias = Literal["cards", "emails", "phones", "ssn"]
KINDS: tuple[Kind, ...] = ("emails", "cards", "ssn", "phones")
"""In the order in which they are looked for: an address may hold a number."""
LONGEST_RUN = 32
"""Digits beyond which a run that holds enough for a card is taken out whole."""

_EMAIL = re.compile(r"(?<![\w.%+'-])[\w.%+'-]+@[\w-]+(?:\.[\w-]+)+")
_DIGITS = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,}")
_SSN = re.compile(r"(?=\d)(?<![\d-])(?!000|666|9)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}(?![\d-])")
_PHONE = re.compile(
    r"""(?=[+(\d])(?<![\w.])(?<!\d-)(?:
      \+\d(?:[ ().\-/]{0,2}\d){6,14}                                      # +49 (30) 1234-567
    | (?:1[ .-]?)?\(?[2-9]\d{2}\)?[ .-]?[2-9]\d{2}[ .-]\d{4}               # (555) 234-5678
    | \(?0\d(?:[ ()\-/]{0,2}\d){7,10}                                      # 030 1234567
    )(?!\w)""",
    re.VERBOSE,
)


def redactor(kinds: Iterable[str]) -> Callable[[Any], Any]:
    """What takes these kinds out of strings, and out of all that lists and dictionaries hold. Numbers count too."""
    wanted = set(kinds)
    steps = [_STEPS[kind] for kind in KINDS if kind in wanted]

    def text(value: str) -> str:
        for step in steps:
            value = step(value)
        return value

    def redact(value: Any) -> Any:
        match value:
            case str():
                return text(value)
            case bool() | None | float():
                return value
            case int():
                told = str(value)
                return value if text(told) == told else text(told)
            case list() | tuple():
                return [redact(one) for one in value]
            case dict():
                return {redact(name): redact(one) for name, one in value.items()}
            case _:
                return value

    return redact


def luhn(digits: str) -> bool:
    """Whether the last digit is the right check digit. Source: ISO/IEC 7812-1, annex B."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _cards(text: str) -> str:
    return _DIGITS.sub(_without_card, text)


def _without_card(run: "re.Match[str]") -> str:
    """A card stands anywhere in the run; what comes before and after it stays."""
    found = run[0]
    places = [place for place, letter in enumerate(found) if letter.isdecimal()]
    if len(places) > LONGEST_RUN:
        return "[card]"
    digits = "".join(found[place] for place in places)
    for start in range(len(digits) - 12):
        for length in range(min(19, len(digits) - start), 12, -1):
            if digits[start] in "23456" and luhn(digits[start : start + length]):
                rest = found[places[start + length - 1] + 1 :]
                return f"{found[: places[start]]}[card]{_cards(rest)}"
    return found


_STEPS: dict[str, Callable[[str], str]] = {
    "emails": lambda text: _EMAIL.sub("[email]", text),
    "cards": _cards,
    "ssn": lambda text: _SSN.sub("[ssn]", text),
    "phones": lambda text: _PHONE.sub("[phone]", text),
}
