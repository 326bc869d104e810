"""The count of what the recorded traffic says of each provider: passed, failed, excepted, and not yet."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

COLUMNS = ("passed", "failed", "excepted", "not yet")
RECORD = "recorded traffic"


class Tally:
    """What one test has found, as properties of the test: one for each record."""

    def __init__(self, properties: list[tuple[str, Any]]) -> None:
        self._properties = properties

    def judged(self, subject: str, provider: str, wrong: list[str]) -> None:
        """A record was compared: it failed when anything was wrong."""
        self._add(subject, provider, "failed" if wrong else "passed")

    def excepted(self, subject: str, provider: str) -> None:
        """A record is broken, doubtful, or a row of an exceptions' table."""
        self._add(subject, provider, "excepted")

    def waits(self, subject: str, provider: str) -> None:
        """There is no wire for the record's API yet: neither passed nor failed."""
        self._add(subject, provider, "not yet")

    def _add(self, subject: str, provider: str, fared: str) -> None:
        self._properties.append((RECORD, (subject, provider, fared)))


def lines(properties: Iterable[tuple[str, Any]]) -> Iterator[str]:
    """The report on the properties of all tests, subject by subject, with sums."""
    subjects: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for name, value in properties:
        if name == RECORD:
            subject, provider, fared = value
            subjects[subject][provider][fared] += 1
    for subject, providers in sorted(subjects.items()):
        yield f"{subject:<20}" + "".join(f"{name:>10}" for name in COLUMNS)
        for provider, counts in [*sorted(providers.items()), ("in all", sum(providers.values(), Counter[str]()))]:
            yield f"  {provider:<18}" + "".join(f"{counts[name]:>10}" for name in COLUMNS)
