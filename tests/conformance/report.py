"""The count of what the recorded traffic says of each provider: passed, failed, excepted, and not yet."""

from collections import Counter
from collections.abc import Iterator

COLUMNS = ("passed", "failed", "excepted", "not yet")


class Tally:
    """One line for each subject and provider."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], Counter[str]] = {}

    def judged(self, subject: str, provider: str, wrong: list[str]) -> None:
        """A record was compared: it failed when anything was wrong."""
        self._add(subject, provider, "failed" if wrong else "passed")

    def excepted(self, subject: str, provider: str) -> None:
        """A record is broken, doubtful, or a row of an exceptions' table."""
        self._add(subject, provider, "excepted")

    def waits(self, subject: str, provider: str) -> None:
        """There is no wire for the record's API yet: neither passed nor failed."""
        self._add(subject, provider, "not yet")

    def lines(self) -> Iterator[str]:
        """The report, subject by subject, with sums."""
        for subject in dict.fromkeys(subject for subject, _ in self._lines):
            yield f"{subject:<20}" + "".join(f"{name:>10}" for name in COLUMNS)
            counts = {provider: counts for (of, provider), counts in self._lines.items() if of == subject}
            for provider, line in [*counts.items(), ("in all", sum(counts.values(), Counter[str]()))]:
                yield f"  {provider:<18}" + "".join(f"{line[name]:>10}" for name in COLUMNS)

    def _add(self, subject: str, provider: str, name: str) -> None:
        self._lines.setdefault((subject, provider), Counter())[name] += 1
