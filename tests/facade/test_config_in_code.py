from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import callboard
from callboard.actors.budgets.spec import BudgetSpec
from callboard.actors.logbook.pages import LogSpec
from callboard.actors.orchestrator.features import Features
from callboard.actors.prices.book import Price
from callboard.actors.transport.config import Tls, TransportConfig
from callboard.config import Config
from callboard.errors import ConfigError
from callboard.messages.faults import FaultKind
from callboard.opening import load
from callboard.sections import AliasConfig, CallConfig, LimitConfig, ModelLimitConfig, ProviderConfig, StoreConfig


def local(**more: Any) -> dict[str, ProviderConfig]:
    return {"local": ProviderConfig(wire="openai", base_url="http://127.0.0.1:9/v1", **more)}


MADE_WRONG: list[tuple[dict[str, Any], str]] = [
    ({"providers": 3}, "providers: expected a table, got int"),
    ({"providers": {3: ProviderConfig()}}, "providers: expected names as its keys, got an int"),
    ({"providers": {"mine": ProviderConfig(wire="soap")}}, "providers.mine.wire: expected one of "),  # type: ignore[arg-type]
    ({"providers": local(preset=3)}, "providers.local.preset: expected `str | null`, got `int`"),
    ({"providers": local(headers={"a": 3})}, "providers.local.headers[...]: expected `str`, got `int`"),
    ({"providers": local(circuit=None)}, "providers.local.circuit: expected a table, got `null`"),
    ({"models": {"fast": "local/m"}}, "models.fast: expected a list, got `str`"),
    ({"models": {"fast": [3]}}, "models.fast[0]: expected `str`, got `int`"),
    ({"store": StoreConfig(mode="shared")}, "store.mode: expected one of exclusive, memory"),  # type: ignore[arg-type]
    ({"store": CallConfig()}, "store.timeout: no such key; expected one of path, "),
    ({"call": CallConfig(timeout=True)}, "call.timeout: expected `float`, got `bool`"),
    ({"budgets": {"b": BudgetSpec(limit=1, per="year")}}, "budgets.b.per: expected one of day, "),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("made", "told"), MADE_WRONG, ids=lambda told: told if isinstance(told, str) else "")
def test_a_configuration_made_in_code_is_held_to_what_a_file_is(made: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(Config(**{"providers": local(), **made}))
    assert str(caught.value).startswith(f"the configuration: {told}")


def test_a_path_that_is_no_str_is_told_where_the_table_is_made() -> None:
    with pytest.raises(ValueError, match="`path` is the name of a folder, a str"):
        StoreConfig(path=Path("store"))  # type: ignore[arg-type]


def test_what_is_right_in_a_configuration_made_in_code_stays_as_it_is() -> None:
    transport = TransportConfig(allowed_hosts=("127.0.0.1",), tls=Tls(roots="system"))
    limits = LimitConfig(concurrency=4, models={"m": ModelLimitConfig(concurrency=2)})
    made = Config(
        providers=local(headers={"x-team": "a"}, transport=transport, limits=limits),
        models={"fast": ["local/m"], "safe": AliasConfig(candidates=["fast"], on={FaultKind.OVERLOADED: ["local/n"]})},
        prices={"local/m": Price(input=Decimal("0.15"), output=Decimal("1e-20"))},
        budgets={"day": BudgetSpec(limit=Decimal("0.1"), per="day", alerts=(0.5,))},
        features={"local/m": Features(context=9)},
        log=LogSpec(requests=True, redact=("emails",)),
    )
    assert load(made).config == made
    assert load(Config(providers=local(), models={"fast": ("local/m",)})).config.models == {"fast": ["local/m"]}  # type: ignore[dict-item]


def test_a_number_of_another_library_is_a_number() -> None:
    class Double(float):
        """As numpy's."""

    made = Config(providers=local(), call=CallConfig(timeout=Double(3)))
    assert load(made).config.call.timeout == 3


MADE_OF_TEXT: list[tuple[Callable[[], object], str]] = [
    (lambda: CallConfig(timeout="3"), "`timeout` must be a number, got a str"),  # type: ignore[arg-type]
    (lambda: CallConfig(timeout=None), "`timeout` must be a number, got None"),  # type: ignore[arg-type]
    (lambda: callboard.Timeouts(connect="3"), "`connect` must be a number, got a str"),  # type: ignore[arg-type]
    (lambda: callboard.CircuitConfig(rate="0.5"), "`rate` must be a number, got a str"),  # type: ignore[arg-type]
    (lambda: callboard.HedgeSpec(share="1"), "`share` must be a number, got a str"),  # type: ignore[arg-type]
    (lambda: callboard.RetrySpec(base="1"), "`base` must be a number, got a str"),  # type: ignore[arg-type]
    (lambda: callboard.Bounds(max_age="1"), "`max_age` must be a number, got a str"),  # type: ignore[arg-type]
    (lambda: callboard.Keep(entries="1"), "`entries` must be a number, got a str"),  # type: ignore[arg-type]
    (lambda: callboard.HealthSpec(interval="1"), "`interval` must be a number, got a str"),  # type: ignore[arg-type]
    (lambda: LogSpec(keep_days="1"), "`keep_days` must be a number, got a str"),  # type: ignore[arg-type]
    (lambda: Features(context="8k"), "`context` must be a whole number, got a str"),  # type: ignore[arg-type]
    (lambda: TransportConfig(max_idle="1"), "`max_idle` must be a whole number, got a str"),  # type: ignore[arg-type]
    (lambda: LimitConfig(ageing="1"), "`ageing` must be a number, got a str"),  # type: ignore[arg-type]
    (lambda: StoreConfig(max_size="1G"), "`max_size` must be a whole number, got a str"),  # type: ignore[arg-type]
    (lambda: callboard.CalendarConfig(timezone=None), "no time zone is named None"),  # type: ignore[arg-type]
    (lambda: BudgetSpec(limit="much", per="day"), "`limit` is a number of US dollars"),  # type: ignore[arg-type]
    (lambda: BudgetSpec(limit=Decimal(1), per="day", alerts="half"), "`alerts` are shares"),  # type: ignore[arg-type]
    (lambda: Price(input="cheap", output=1), "`input` is a number of US dollars"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("make", "told"), MADE_OF_TEXT, ids=lambda told: told if isinstance(told, str) else "")
def test_a_number_that_is_none_is_named_where_the_table_is_made(make: Callable[[], object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make()
