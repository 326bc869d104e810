"""The configuration: one TOML file, or keys in the environment.

Every mistake is told with the file, the key and what was expected; nothing starts before all is right.
"""

import os
import re
import tomllib
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from callboard import addresses, credentials
from callboard.actors.budgets.spec import EACH, BudgetSpec
from callboard.actors.cache.shelf import Bounds
from callboard.actors.logbook.pages import LogSpec
from callboard.actors.orchestrator.features import Features
from callboard.actors.orchestrator.hedge import HedgeSpec
from callboard.actors.orchestrator.policy import RetrySpec
from callboard.actors.prices.book import Price
from callboard.actors.transport.config import TransportConfig
from callboard.actors.wires.openai_request import COMPATIBLE
from callboard.actors.wires.presets import PRESETS, Preset, WireName
from callboard.converting import convert, plain
from callboard.errors import ConfigError
from callboard.messages.checks import named
from callboard.routes import Route, routes
from callboard.runtime.errors import SpecError
from callboard.sections import AliasConfig, CalendarConfig, CallConfig, ProviderConfig, StoreConfig

T = TypeVar("T")


_API_VERSION = re.compile(r"\d{4}-\d\d-\d\d(-preview)?", re.ASCII)


class Familiar(NamedTuple):
    """What `callboard init` and its advice say of a service."""

    key_env: str
    example: str


FAMILIAR = {
    name: Familiar(PRESETS[name].key_env or "", PRESETS[name].example) for name in ("openai", "anthropic", "gemini")
}
"""The services that they name; `callboard.actors.wires.presets` has them all."""


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole configuration, as `callboard.toml` has it: accounts, aliases, prices, budgets, and where all is kept.

    A mistake that no type tells is told by `callboard.open`, with ConfigError.
    """

    providers: dict[str, ProviderConfig] = {}
    """Accounts by a name of one's own, which stands before the model's: `provider/model`."""
    models: Mapping[str, list[str] | AliasConfig] = {}
    """Aliases: a name for `provider/model`s, and other aliases, in the order in which they are tried."""
    prices: dict[str, Price] = {}
    """US dollars a million tokens by `provider/model`, ahead of the catalogue."""
    budgets: dict[str, BudgetSpec] = {}
    """Bounds on what is spent, by a name of one's own."""
    calendar: CalendarConfig = CalendarConfig()
    features: dict[str, Features] = {}
    """What models can do by `provider/model`, ahead of the catalogue; what is unknown is tried."""
    call: CallConfig = CallConfig()
    retry: RetrySpec = RetrySpec()
    hedge: HedgeSpec = HedgeSpec()
    cache: Bounds = Bounds()
    store: StoreConfig = StoreConfig()
    log: LogSpec = LogSpec()


class ResolvedProvider(msgspec.Struct, frozen=True, kw_only=True):
    """One account with nothing left to guess."""

    name: str
    preset: Preset
    """What is known of the service, or of any that speaks this wire."""
    base_url: str
    """In its normal form, so that what is kept of an address is known again however it is written."""
    key: str | None
    config: ProviderConfig

    @property
    def wire(self) -> WireName:
        """The protocol it speaks."""
        return self.preset.wire

    @property
    def is_stranger(self) -> bool:
        """Whether it is another server than the service's own, of which no more is known than what it speaks."""
        return self.config.preset is None and _elsewhere(self.base_url, self.preset)

    @property
    def transport(self) -> TransportConfig:
        """The transport's settings, with a connection for each call that the limits let in."""
        config = self.config.transport
        return msgspec.structs.replace(
            config,
            max_connections=max(config.max_connections, self.config.limits.concurrency),
            plain_http="anywhere" if self.config.allow_http else config.plain_http,
        )

    def __repr__(self) -> str:
        return f"ResolvedProvider({self.name!r}, {self.base_url!r}, key {'set' if self.key else 'not set'})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("name", self.name), ("base_url", self.base_url)]


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration that was checked, with its credentials."""

    source: str
    config: Config
    providers: tuple[ResolvedProvider, ...]
    store_path: Path
    routes: dict[str, Route]
    """What each alias stands for."""


def read(path: Path, environ: Mapping[str, str] = os.environ) -> Resolved:
    """The configuration in this file, with its credentials. Raises ConfigError."""
    variables = {**credentials.dotenv(path.parent), **credentials.filled(environ)}
    resolved = resolve(decode(path), str(path), path.parent, variables)
    _warn_of_keys(resolved)
    return resolved


def decode(path: Path) -> Config:
    """The configuration in this file, its credentials not looked for. Raises ConfigError."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); `callboard init` writes one") from None
    try:
        data = tomllib.loads(text.decode("utf-8-sig"))  # some editors put a mark in front
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from None
    return parse(data, str(path))


def _warn_of_keys(resolved: Resolved) -> None:
    for one in resolved.providers:
        if one.config.key is not None:
            where = f"{resolved.source}: providers.{one.name}.key"
            warnings.warn(f"{where}: the key stands in the file in clear; name a variable with key_env", stacklevel=3)


def presets(config: Config, source: str) -> dict[str, Preset]:
    """What is known of each provider's service, by the provider's name. Raises ConfigError."""
    return {name: _preset(name, one, f"{source}: providers.{name}") for name, one in config.providers.items()}


def environ() -> Mapping[str, str]:
    """The process's own variables."""
    return os.environ


def from_environment(environ: Mapping[str, str] = os.environ) -> Resolved | None:
    """Every provider whose key is set, without a file; None when there is none."""
    variables = credentials.filled(environ)
    providers = {
        name: ProviderConfig()
        for name, preset in PRESETS.items()
        if preset.base_url is not None and preset.key_env in variables
    }
    if not providers:
        return None
    return resolve(Config(providers=providers), "the environment", Path.cwd(), variables)


def parse(data: dict[str, Any], source: str) -> Config:
    """The tables of a file as a Config. Raises ConfigError."""
    tables = dict(data)
    own = {"providers", "models", "prices", "budgets", "features"}  # inside them the names are the user's
    config = convert({name: table for name, table in tables.items() if name not in own}, Config, source)
    return msgspec.structs.replace(
        config,
        providers=_each(tables, "providers", ProviderConfig, source),
        models=_aliases(tables, source),
        prices=_each(tables, "prices", Price, source),
        features=_each(tables, "features", Features, source),
        budgets=_each(tables, "budgets", BudgetSpec, source),
    )


def checked(config: Config, source: str) -> Config:
    """One that was made in Python, which no type was looked at for, held to what a file is. Raises ConfigError."""
    return parse(plain(config), source)


def resolve(config: Config, source: str, folder: Path, environ: Mapping[str, str]) -> Resolved:
    """Check what types cannot say, and find the credentials. Raises ConfigError."""
    if not config.providers:
        raise ConfigError(f"{source}: providers: at least one is needed; `callboard init` writes an example")
    providers = tuple(_provider(name, one, source, environ) for name, one in config.providers.items())
    aliases = routes(config.models, source, lambda name, where: _check_candidate(name, config, where))
    for name in config.prices:
        _check_candidate(name, config, f"{source}: prices")
    for name in config.features:
        _check_candidate(name, config, f"{source}: features")
    for name, budget in config.budgets.items():
        _check_budget(name, budget, config, f"{source}: budgets.{_quoted(name)}")
    return Resolved(
        source=source,
        config=config,
        providers=providers,
        store_path=(folder / config.store.path).absolute(),
        routes=aliases,
    )


def _provider(name: str, config: ProviderConfig, source: str, environ: Mapping[str, str]) -> ResolvedProvider:
    where = f"{source}: providers.{name}"
    if not name or set(name) & set("/|#"):
        raise ConfigError(f"{where}: a provider's name is not empty and holds none of / | #")
    preset = _preset(name, config, where)
    base_url = preset.base_url if config.base_url is None else addresses.normal(config.base_url)
    if base_url is None:
        raise ConfigError(f"{where}.base_url: missing; a service of your own needs one")
    addresses.check_headers(config.headers, f"{where}.headers")
    try:
        config.circuit.spec()
    except SpecError as error:
        raise ConfigError(f"{where}.circuit: {error}") from None
    usual = None if _elsewhere(base_url, preset) else preset.key_env
    key = credentials.find(where, environ, key=config.key, key_env=config.key_env, usual=usual)
    return ResolvedProvider(name=name, preset=preset, base_url=base_url, key=key, config=config)


def _preset(name: str, config: ProviderConfig, where: str) -> Preset:
    """What is known of the service. At another address than its own it is only known what it speaks."""
    if config.base_url is not None:
        addresses.check_url(config.base_url, f"{where}.base_url", allow_http=config.allow_http)
    if config.preset is not None and config.preset not in PRESETS:
        raise ConfigError(f"{where}.preset: unknown; expected one of {', '.join(PRESETS)}")
    known = PRESETS.get(config.preset or name)
    if known is None and config.wire is None:
        services = ", ".join(PRESETS)
        raise ConfigError(
            f"{where}: {name!r} is no service that callboard knows ({services}): say `preset`, or `wire` and `base_url`"
        )
    found = known or _spoken(config)
    if known is None and config.base_url is None:
        raise ConfigError(f'{where}.base_url: missing; for {found.name}\'s own service say `preset = "{found.name}"`')
    if config.wire is not None:
        found = msgspec.structs.replace(found, wire=config.wire)
    if config.preset is None and _elsewhere(config.base_url, found):
        found = msgspec.structs.replace(_stranger(found), free=found.free)
    return found if config.api_version is None else _dated(found, config.api_version, f"{where}.api_version")


def _dated(preset: Preset, date: str, where: str) -> Preset:
    if not preset.quirks.query:
        raise ConfigError(f'{where}: goes with `preset = "azure"` alone')
    if not _API_VERSION.fullmatch(date):
        raise ConfigError(f"{where}: expected a date, such as 2024-10-21 or 2025-04-01-preview")
    quirks = msgspec.structs.replace(preset.quirks, query=f"api-version={date}")
    return msgspec.structs.replace(preset, quirks=quirks)


def _elsewhere(base_url: str | None, preset: Preset) -> bool:
    """Whether it is another address than the service's own ones."""
    if base_url is None or preset.base_url is None:
        return False
    return addresses.normal(base_url) not in (preset.base_url, *preset.also_at)


def _spoken(config: ProviderConfig) -> Preset:
    """The service whose protocol it is, or one of whose protocols, such as OpenAI's for `openai-responses`."""
    spoken = (config.wire or "openai").partition("-")[0]
    return next(preset for preset in PRESETS.values() if preset.wire == spoken)


def _stranger(preset: Preset) -> Preset:
    """Another server that speaks the same: no price is known, and of OpenAI's protocol only what all understand."""
    quirks = COMPATIBLE if preset.name == "openai" else preset.quirks
    return msgspec.structs.replace(preset, quirks=quirks, catalogue=None)


def _check_budget(name: str, budget: BudgetSpec, config: Config, where: str) -> None:
    if not name or not name.isprintable():
        raise ConfigError(f"{where}: expected a name that can be printed")
    if budget.provider not in (None, EACH, *config.providers):
        known = ", ".join(config.providers)
        raise ConfigError(f"{where}.provider: {budget.provider!r} is no provider of this file ({known}), nor *")
    if budget.model in config.models:
        raise ConfigError(
            f"{where}.model: {budget.model!r} is an alias; expected a model's own name, or provider/model"
        )


def _check_candidate(candidate: str, config: Config, where: str) -> None:
    provider, _, model = candidate.partition("/")
    if provider not in config.providers or not model:
        known = ", ".join(config.providers)
        raise ConfigError(f"{where}: {candidate!r} is not provider/model with a provider of this file ({known})")


def _aliases(tables: dict[str, Any], source: str) -> dict[str, list[str] | AliasConfig]:
    """Each is a list of names, or a table."""
    table = _table(tables, "models", source)
    return {name: _alias(one, source, f"models.{_quoted(name)}") for name, one in table.items()}


def _alias(data: Any, source: str, place: str) -> list[str] | AliasConfig:
    if isinstance(data, dict):
        return convert(data, AliasConfig, source, place)
    return convert(data, list[str], source, place)


def _each(tables: dict[str, Any], name: str, kind: type[T], source: str) -> dict[str, T]:
    """A table of tables or arrays, whose own names are the user's."""
    table = _table(tables, name, source)
    return {key: convert(value, kind, source, f"{name}.{_quoted(key)}") for key, value in table.items()}


def _table(tables: dict[str, Any], name: str, source: str) -> dict[str, Any]:
    table = tables.get(name, {})
    if not isinstance(table, dict):
        raise ConfigError(f"{source}: {name}: expected a table, got {type(table).__name__}")
    for key in table:
        if not isinstance(key, str):
            raise ConfigError(f"{source}: {name}: expected names as its keys, got {named(key)}")
    return table


def _quoted(key: str) -> str:
    """A key as TOML writes it."""
    return key if key and all(letter.isalnum() or letter in "_-" for letter in key) else f'"{key}"'
