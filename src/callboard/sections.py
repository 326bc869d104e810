"""The tables of the configuration, less the whole: what each may hold, and what makes no sense in it."""

import math
from typing import Any, Literal

import msgspec

from callboard.actors.ledger.keeping import KEEP, Keep
from callboard.actors.limiter.limits import Limits, LimitSpec
from callboard.actors.provider.deadline import Timeouts
from callboard.actors.provider.health import HealthSpec
from callboard.actors.transport.config import TransportConfig
from callboard.actors.wires.presets import WireName
from callboard.messages.settings import numbers
from callboard.runtime.calendar import Calendar, zone_of
from callboard.runtime.circuit.circuit import CircuitSpec
from callboard.runtime.clock import ns
from callboard.runtime.supervision.backoff import Backoff

LARGEST = 16 * 1024 * 1024 * 1024
"""Bytes that each of the store's files may grow to, where nothing else is said."""
LEAST, MOST = 1024 * 1024, 1024 * LARGEST
"""What can be said there: in less it could not be emptied once it is full."""


def _above_zero(config: object, name: str) -> None:
    if not 0 < getattr(config, name) < math.inf:
        raise ValueError(f"`{name}` must be a number of seconds above 0")


def _whole(config: object, name: str, *, least: int) -> None:
    value = getattr(config, name)
    if not isinstance(value, int) or value < least:
        raise ValueError(f"`{name}` must be a whole number, {least} or more")


class CallConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a call may use when it does not say so itself."""

    timeout: float = 600.0
    """Seconds in all."""
    attempts: int = 4
    """Tries at providers, retries and fallbacks together."""

    def __post_init__(self) -> None:
        numbers(self)
        _above_zero(self, "timeout")
        _whole(self, "attempts", least=1)


class AliasConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One name for several models. A list of names alone is its short form."""

    candidates: list[str]
    """`provider/model`s and other aliases, in the order in which they are tried."""
    on: dict[str, list[str]] = {}
    """After a fault of this kind these come first."""
    checks: list[str] = []
    """What every reply has to pass, and what is done to it, in this order: see `callboard.checks`."""
    repair: bool = False
    """Send a reply that fails a check back once, with the reason."""


class CalendarConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a day begins, for budgets, for the sums of usage, and for daily limits after a restart."""

    timezone: str = "UTC"
    """A name of the IANA time zone database, such as Europe/Berlin."""

    def __post_init__(self) -> None:
        zone_of(self.timezone)

    def calendar(self) -> Calendar:
        """As the ledger, the budgets and the limiters take it."""
        return Calendar(zone_of(self.timezone))


class StoreConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where usage, cost and cache are kept."""

    path: str = ".callboard"
    """A folder, beside the configuration file unless absolute."""
    mode: Literal["exclusive", "memory"] = "exclusive"
    durability: Literal["strict", "relaxed"] = "relaxed"
    """strict: a call returns when its records are on disk; relaxed: they are there within 50 ms."""
    initial_size: int = 16 * 1024 * 1024
    """Bytes of each of the two files to begin with; they grow by doubling."""
    max_size: int = LARGEST
    """Bytes that the ledger's may grow to. `max_bytes` of the cache bounds the other one."""
    keep: Keep = KEEP
    """For how many days."""

    def __post_init__(self) -> None:
        numbers(self)
        if not isinstance(self.path, str) or not self.path or "\0" in self.path:
            raise ValueError("`path` is the name of a folder, a str")
        numbers(self)
        if not 65_536 <= self.initial_size <= LARGEST:
            raise ValueError(f"`initial_size` is 65536 to {LARGEST} bytes")
        if not max(self.initial_size, LEAST) <= self.max_size <= MOST:
            raise ValueError(f"`max_size` is {LEAST} to {MOST} bytes, and no less than `initial_size`")


class CircuitConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a provider's circuit opens and how it comes back; times in seconds.

    It opens after `consecutive` faults in a row, or when within `window` there were more than `intensity` faults and
    at least `min_calls` calls of which a share of at least `rate` were faults.
    """

    consecutive: int = 5
    intensity: int = 5
    min_calls: int = 20
    rate: float = 0.5
    window: float = 30.0
    backoff: float = 5.0
    """Until the first trial; longer each time, up to `max_backoff`."""
    max_backoff: float = 300.0
    trials: int = 1
    """At once."""

    def __post_init__(self) -> None:
        numbers(self)
        for name in ("consecutive", "min_calls", "trials"):
            _whole(self, name, least=1)
        _whole(self, "intensity", least=0)
        for name in ("window", "backoff", "max_backoff"):
            _above_zero(self, name)
        if not 0 < self.rate <= 1:
            raise ValueError("`rate` must be a share of the calls, above 0 and up to 1")
        if self.backoff > self.max_backoff:
            raise ValueError("`backoff` must not be longer than `max_backoff`")

    def spec(self) -> CircuitSpec:
        """As the runtime takes it. Raises SpecError."""
        base, longest = ns(self.backoff), ns(self.max_backoff)
        return CircuitSpec(
            consecutive=self.consecutive,
            intensity=self.intensity,
            min_calls=self.min_calls,
            rate=self.rate,
            window=ns(self.window),
            backoff=Backoff(base=base, max=longest, jitter=0.2, quiet=2 * longest, immediate_first=False),
            trials=self.trials,
        )


class ModelLimitConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one model of an account may be asked, besides the account's own limits. None: no limit."""

    requests_per_second: int | None = None
    tokens_per_second: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    requests_per_day: int | None = None
    tokens_per_day: int | None = None
    concurrency: int | None = None
    """Requests in flight at once."""

    def __post_init__(self) -> None:
        numbers(self)
        for name in LIMITS:
            if getattr(self, name) is not None:
                _whole(self, name, least=1)
        for what in ("requests", "tokens"):
            for shorter, longer in (("second", "minute"), ("second", "day"), ("minute", "day")):
                less, more = getattr(self, f"{what}_per_{shorter}"), getattr(self, f"{what}_per_{longer}")
                if less is not None and more is not None and less > more:
                    raise ValueError(f"`{what}_per_{shorter}` must not be more than `{what}_per_{longer}`")

    def spec(self) -> Limits:
        """As the limiter takes it."""
        return Limits(**{name: getattr(self, name) for name in LIMITS})


LIMITS = ModelLimitConfig.__struct_fields__


class LimitConfig(ModelLimitConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the account may be asked, all its models together."""

    concurrency: int = 512
    ageing: float = 10.0
    """Seconds: who has waited so long stands where one of the next higher priority would stand that comes now."""
    models: dict[str, ModelLimitConfig] = {}
    """Limits that some models have besides, by the model's name without the provider's."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _above_zero(self, "ageing")
        for model, limits in self.models.items():
            for name in LIMITS:
                own, most = getattr(limits, name), getattr(self, name)
                if own is not None and most is not None and own > most:
                    raise ValueError(f"`models.{model}.{name}` must not be more than the account's `{name}`, {most}")

    def spec(self) -> LimitSpec:
        """As the limiter takes it."""
        return LimitSpec(
            **{name: getattr(self, name) for name in LIMITS},
            ageing=ns(self.ageing),
            models={model: limits.spec() for model, limits in self.models.items()},
        )


class ProviderConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One provider account, a `[providers.NAME]` table: which service, where, with whose key, within what limits."""

    preset: str | None = None
    """The service it is, where the table's name does not say so: one of `callboard.actors.wires.presets`."""
    wire: WireName | None = None
    """The protocol it speaks, where that is not the service's usual one."""
    base_url: str | None = None
    key_env: str | None = None
    """The environment variable that holds the key; one in a `.env` beside the file counts as well."""
    key: str | None = None
    """The key in clear. In a file it works with a warning."""
    headers: dict[str, str] = {}
    version: Literal["2023-06-01", "2026-10-21"] | None = None
    """Anthropic's API version."""
    api_version: str | None = None
    """The date that Azure is asked by, such as 2025-04-01-preview; None: as the preset says."""
    catalogue: str | None = None
    """The provider's name in the price catalogue, where the preset does not say."""
    free: bool | None = None
    """A local model: every call costs 0. None: as the preset says."""
    allow_http: bool = False
    """Send the key over plain http to a host that is not this machine."""
    timeouts: Timeouts = Timeouts()
    circuit: CircuitConfig = CircuitConfig()
    health: HealthSpec = HealthSpec()
    limits: LimitConfig = LimitConfig()
    transport: TransportConfig = TransportConfig()
    """Proxy, TLS, allowed hosts, bounds; its own timeouts give way to `timeouts` above."""

    def __repr__(self) -> str:
        return f"ProviderConfig(wire={self.wire!r}, base_url={self.base_url!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("wire", self.wire), ("base_url", self.base_url)]
