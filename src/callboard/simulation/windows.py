"""The limits that the runtime was told, measured where they matter: at the providers."""

from collections.abc import Callable, Mapping

from callboard.sections import LimitConfig

MINUTE = 60.0
SLACK = 1e-3
"""Units: rounding."""


class Meter:
    """A leaky bucket (the meter of ITU-T I.371): `limit` a minute, at most `limit` at once."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._level = 0.0
        self._at = 0.0

    def take(self, units: float, at: float) -> float:
        """Units that come at this time in seconds, never before the last ones: how many of them are too many, or 0."""
        self._level = max(0.0, self._level - (at - self._at) * self._limit / MINUTE) + units
        self._at = at
        return max(0.0, self._level - self._limit - SLACK)

    def forgive(self) -> None:
        """Begin anew."""
        self._level = 0.0


class Windows:
    """All limits of all accounts. `find` is told what passes one."""

    def __init__(self, limits: Mapping[str, LimitConfig], find: Callable[[str], None]) -> None:
        self._limits = limits
        self._find = find
        self._requests = {
            name: Meter(one.requests_per_minute) for name, one in limits.items() if one.requests_per_minute is not None
        }
        self._tokens = {
            name: Meter(one.tokens_per_minute) for name, one in limits.items() if one.tokens_per_minute is not None
        }
        self._used: dict[str, list[tuple[float, int]]] = {name: [] for name in self._tokens}

    def arrived(self, provider: str, at: float, in_flight: int) -> None:
        """A request came; so many are in hand with it."""
        limit = self._limits[provider]
        if in_flight > limit.concurrency:
            self._find(f"{provider} has {in_flight} requests in hand, {limit.concurrency} are allowed")
        meter = self._requests.get(provider)
        if meter is not None and (over := meter.take(1, at)):
            self._find(f"{provider} was asked {over:.2f} requests more than {limit.requests_per_minute} a minute")

    def used(self, provider: str, at: float, tokens: int) -> None:
        """A request that came at this time has used so many tokens."""
        if provider in self._used and tokens:
            self._used[provider].append((at, tokens))

    def measure(self) -> None:
        """Everything has ended: the tokens in the order in which their requests came."""
        for provider, used in self._used.items():
            for at, tokens in sorted(used):
                if over := self._tokens[provider].take(tokens, at):
                    limit = self._limits[provider].tokens_per_minute
                    self._find(f"{provider} was asked {over:.0f} tokens more than {limit} a minute")
            used.clear()

    def new_process(self) -> None:
        """A process begins with whole buckets."""
        self.measure()
        for meter in (*self._requests.values(), *self._tokens.values()):
            meter.forgive()
