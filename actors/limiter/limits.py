"""The limits of one account, or of one model of it. None: there is none."""

import msgspec

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND


class Kind(msgspec.Struct, frozen=True):
    """One sort of window: its name here, its name in what providers tell, and what it counts in which time."""

    name: str
    told: str
    period: int
    tokens: bool


KINDS = (
    Kind("requests_per_second", "requests_second", SECOND, False),
    Kind("tokens_per_second", "tokens_second", SECOND, True),
    Kind("requests_per_minute", "requests", MINUTE, False),
    Kind("tokens_per_minute", "tokens", MINUTE, True),
    Kind("requests_per_day", "requests_day", DAY, False),
    Kind("tokens_per_day", "tokens_day", DAY, True),
)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much may be asked."""

    requests_per_second: int | None = None
    tokens_per_second: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    requests_per_day: int | None = None
    tokens_per_day: int | None = None
    concurrency: int | None = None
    """Requests in flight at once."""


class LimitSpec(Limits, frozen=True, kw_only=True):
    """The limits of one account with all its models."""

    concurrency: int = 512
    models: dict[str, Limits] = {}
    """What some models have besides."""
    ageing: int = 10 * SECOND
    """Nanoseconds: who has waited so long stands where one of the next higher priority would stand that comes now."""
    start_full: bool = True
    """Whether the first incarnation starts with empty windows; later ones always start with used ones."""
