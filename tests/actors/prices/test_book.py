import subprocess
import sys
from decimal import Decimal
from typing import Any

import genai_prices
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.actors.prices.book import Price, PriceBook
from callboard.messages.usage import Usage

KNOWN = "gpt-4o-mini"
counts = st.integers(0, 10**7)
usages = st.builds(Usage, input=counts, cached_read=counts, cache_write=counts, output=counts, reasoning=counts)


def book(free: frozenset[str] = frozenset(), **overrides: Price) -> PriceBook:
    named = {name.replace("__", "/"): price for name, price in overrides.items()}
    return PriceBook(named, {"openai": "openai", "local": None, "typo": "no such provider"}, free)


def test_a_price_is_by_the_million_and_each_partition_has_its_own() -> None:
    price = Price(input=Decimal(1), output=Decimal(2), cached_read=Decimal("0.1"), cache_write=Decimal("1.25"))
    usage = Usage(input=1_000_000, cached_read=1_000_000, cache_write=1_000_000, output=1_000_000, reasoning=500_000)
    assert price.cost(usage) == Decimal("5.35")


def test_what_has_no_price_of_its_own_is_billed_as_input() -> None:
    price = Price(input=Decimal(1), output=Decimal(2))
    assert price.cost(Usage(cached_read=500_000, cache_write=500_000)) == 1


@given(usages, usages)
def test_the_price_of_two_calls_is_the_sum_of_their_prices(one: Usage, other: Usage) -> None:
    price = Price(input=Decimal("0.15"), output=Decimal("0.6"), cached_read=Decimal("0.075"))
    assert price.cost(one) + price.cost(other) == price.cost(one + other)


@pytest.mark.parametrize("bad", ["-1", "nan", "inf"])
@pytest.mark.parametrize("name", ["input", "output", "cached_read", "cache_write"])
def test_a_price_is_a_number_of_dollars(name: str, bad: str) -> None:
    members: dict[str, Any] = {"input": Decimal(1), "output": Decimal(1), name: Decimal(bad)}
    with pytest.raises(ValueError, match=f"`{name}` is a number"):
        Price(**members)


def test_the_callers_own_price_comes_before_the_catalogue() -> None:
    seven = Price(input=Decimal(7), output=Decimal(0))
    overrides: dict[str, Any] = {f"openai__{KNOWN}": seven, "openai__m": seven}
    own = book(**overrides)
    assert own("openai", KNOWN, Usage(input=1_000_000)) == 7
    assert own("openai", "m", Usage(input=1_000_000)) == 7


def test_a_free_account_costs_nothing_whatever_else_is_known() -> None:
    free = book(frozenset({"openai"}), openai__m=Price(input=Decimal(7), output=Decimal(7)))
    assert free("openai", "m", Usage(input=1)) == 0
    assert free("openai", KNOWN, Usage(input=1)) == 0


@pytest.mark.parametrize(
    ("account", "model"), [("openai", "no-such-model"), ("local", KNOWN), ("typo", KNOWN), ("?", "m")]
)
def test_a_price_that_nobody_knows_is_none_and_not_zero(account: str, model: str) -> None:
    assert book()(account, model, Usage(input=1)) is None


def test_the_catalogue_counts_what_was_cached_as_cheaper_input() -> None:
    prices = book()
    fresh = prices("openai", KNOWN, Usage(input=1_000_000))
    cached = prices("openai", KNOWN, Usage(cached_read=1_000_000))
    assert fresh is not None
    assert cached is not None
    assert 0 < cached < fresh


def test_the_catalogue_counts_reasoning_as_output() -> None:
    prices = book()
    assert prices("openai", KNOWN, Usage(output=10, reasoning=5)) == prices("openai", KNOWN, Usage(output=15))


@settings(max_examples=50)
@given(model=st.text(max_size=20), usage=usages)
def test_no_name_and_no_count_keeps_a_call_from_being_settled(model: str, usage: Usage) -> None:
    book()("openai", model, usage)
    book()("openai", KNOWN, usage)


def test_a_model_without_a_price_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def calc_price(usage: object, **more: object) -> None:
        asked.append(more["model_ref"])
        raise LookupError

    monkeypatch.setattr(genai_prices, "calc_price", calc_price)
    prices = book()
    for _ in range(3):
        assert prices("openai", "new", Usage(input=1)) is None
    assert asked == ["new"]


def test_counts_that_the_catalogue_refuses_do_not_make_the_model_unknown() -> None:
    prices = book()
    assert prices("openai", KNOWN, Usage(input=-5)) is None
    assert prices("openai", KNOWN, Usage(input=5)) is not None


@pytest.mark.parametrize(
    ("catalogues", "free", "needed"),
    [({"a": "openai"}, frozenset(), True), ({"a": "openai"}, frozenset("a"), False), ({"a": None}, frozenset(), False)],
)
def test_the_catalogue_is_needed_when_an_account_looks_prices_up(
    catalogues: dict[str, str | None], free: frozenset[str], needed: bool
) -> None:
    assert PriceBook({}, catalogues, free).needs_catalogue is needed


def test_the_catalogue_is_not_imported_before_it_is_needed() -> None:
    script = "import sys, callboard.actors.prices.book; sys.exit('genai_prices' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
