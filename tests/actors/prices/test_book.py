import subprocess
import sys
from decimal import Decimal
from typing import Any

import genai_prices
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.actors.prices.book import Price, PriceBook
from callboard.messages.usage import Apart, Bill, Usage, apart

KNOWN = "gpt-4o-mini"
counts = st.integers(0, 10**7)
aparts = st.builds(apart, **dict.fromkeys(Apart.__struct_fields__, counts))
names = ("input", "cached_read", "cache_write", "output", "reasoning")
usages = st.builds(Usage, apart=st.none() | aparts, **dict.fromkeys(names, counts))


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


@pytest.mark.parametrize(
    ("own", "cost"),
    [
        ({}, "1000 + 1000 + 2000 + 1000"),
        ({"cached_read": "0.5", "cache_write": "1.25"}, "1000 + 500 + 2000 + 1250"),
        ({"audio_input": "32", "cached_read": "0.5"}, "32000 + 32000 + 2000 + 1000"),
        ({"audio_input": "32", "audio_output": "64", "cache_write_1h": "3"}, "32000 + 32000 + 64000 + 3000"),
        ({"audio_input": "32", "audio_cached": "0.4"}, "32000 + 400 + 2000 + 1000"),
    ],
)
def test_what_is_counted_apart_has_its_own_price_or_the_next_of_kin(own: dict[str, str], cost: str) -> None:
    price = Price(input=Decimal(1), output=Decimal(2), **{name: Decimal(one) for name, one in own.items()})
    usage = Usage(apart=Apart(audio_input=1000, audio_cached=1000, audio_output=1000, cache_write_1h=1000))
    assert price.cost(usage) * 1_000_000 == sum(map(int, cost.split(" + ")))


@pytest.mark.parametrize(
    ("own", "cost"),
    [
        ({}, "1000 + 1000 + 2000"),
        ({"cached_read": "0.5"}, "1000 + 500 + 2000"),
        ({"image_input": "8", "cached_read": "0.5"}, "8000 + 8000 + 2000"),
        ({"image_input": "8", "image_output": "32"}, "8000 + 8000 + 32000"),
        ({"image_input": "8", "image_cached": "2"}, "8000 + 2000 + 2000"),
    ],
)
def test_pictures_have_their_own_price_or_the_next_of_kin(own: dict[str, str], cost: str) -> None:
    price = Price(input=Decimal(1), output=Decimal(2), **{name: Decimal(one) for name, one in own.items()})
    usage = Usage(apart=Apart(image_input=1000, image_cached=1000, image_output=1000))
    assert price.cost(usage) * 1_000_000 == sum(map(int, cost.split(" + ")))


def test_searches_of_the_web_are_priced_by_the_thousand_and_cost_nothing_where_nobody_says_so() -> None:
    searched = Usage(apart=Apart(web_searches=3))
    assert Price(input=Decimal(1), output=Decimal(2), web_search=Decimal(10)).cost(searched) == Decimal("0.03")
    assert Price(input=Decimal(1), output=Decimal(2)).cost(searched) == 0


def test_the_catalogue_prices_searches_of_the_web() -> None:
    """A thousand are $10 at Anthropic and OpenAI, 14 at Gemini 3, and 35 of Gemini 2.5's grounded replies."""
    catalogues = {"openai": "openai", "anthropic": "anthropic", "gemini": "google"}
    prices = PriceBook({}, catalogues, frozenset())
    three = Usage(apart=Apart(web_searches=3))
    assert prices("anthropic", "claude-sonnet-4-5", three) == Decimal("0.03")
    assert prices("openai", "gpt-5", three) == Decimal("0.03")
    assert prices("gemini", "gemini-3-pro-preview", three) == Decimal("0.042")
    assert prices("gemini", "gemini-2.5-flash", three) == Decimal("0.105")


def test_the_catalogue_prices_pictures_by_their_own_rates() -> None:
    """A million tokens of gpt-image-1.5 are $5 of text in, 8 of pictures in, 1.25 and 2 cached, 10 of text and 32 of
    pictures out; of gemini-2.5-flash-image $2.50 of text and 30 of pictures out; gpt-4.1-mini has no price for them.
    """
    prices = PriceBook({}, {"openai": "openai", "gemini": "google"}, frozenset())
    shown = Apart(image_input=2_000, image_cached=3_000, image_output=4_000)
    told = prices("openai", "gpt-image-1.5", Usage(input=1_000, cached_read=6_000, output=5_000, apart=shown))
    text = Decimal("0.005") + Decimal("0.0075") + Decimal("0.05")
    assert told == text + Decimal("0.016") + Decimal("0.006") + Decimal("0.128")
    drawn = prices("gemini", "gemini-2.5-flash-image", Usage(output=100, apart=Apart(image_output=1_290)))
    assert drawn == Decimal("0.00025") + Decimal("0.0387")
    seen = prices("openai", "gpt-4.1-mini", Usage(input=100, output=10, apart=Apart(image_input=900)))
    assert seen == prices("openai", "gpt-4.1-mini", Usage(input=1_000, output=10))


def test_the_catalogue_prices_sound_and_what_is_cached_for_an_hour_by_their_own_rates() -> None:
    """A million tokens of gpt-audio are $2.50 of text in, 32 of sound in, 10 and 64 out; of Claude Sonnet 4.5 $3 in,
    3.75 written for five minutes, 6 for an hour, 15 out; of Gemini 2.5 Flash $0.30 in, 1 of sound, 0.03 and 0.10
    cached, 2.50 out.
    """
    prices = PriceBook({}, {"openai": "openai", "anthropic": "anthropic", "gemini": "google"}, frozenset())
    sound = Apart(audio_input=90_000, audio_output=50_000)
    heard = prices("openai", "gpt-audio", Usage(input=10_000, output=10_000, apart=sound))
    assert heard == Decimal("0.025") + Decimal("2.88") + Decimal("0.1") + Decimal("3.2")
    written = Usage(input=1_000, cache_write=1_000, output=10, apart=Apart(cache_write_1h=1_000))
    told = prices("anthropic", "claude-sonnet-4-5", written)
    assert told == Decimal("0.003") + Decimal("0.00375") + Decimal("0.006") + Decimal("0.00015")
    mixed = Usage(input=300, cached_read=200, output=10, apart=Apart(audio_input=700, audio_cached=800))
    told = prices("gemini", "gemini-2.5-flash", mixed)
    assert told == Decimal("0.00009") + Decimal("0.000006") + Decimal("0.000025") + Decimal("0.0007") + Decimal(
        "0.00008"
    )


@given(usages, usages)
def test_the_price_of_two_calls_is_the_sum_of_their_prices(one: Usage, other: Usage) -> None:
    price = Price(input=Decimal("0.15"), output=Decimal("0.6"), cached_read=Decimal("0.075"))
    assert price.cost(one) + price.cost(other) == price.cost(one + other)


@pytest.mark.parametrize("bad", ["-1", "nan", "inf"])
@pytest.mark.parametrize("name", [*Price.__struct_fields__])
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


OWN: dict[str, Any] = {f"openai__{KNOWN}": Price(input=Decimal(7), output=Decimal(0))}
MILLION = Usage(input=1_000_000)


def test_what_the_provider_charges_comes_before_the_catalogue_and_after_the_callers_own_price() -> None:
    told = Bill(cost=Decimal("0.5"))
    assert book()("openai", KNOWN, MILLION, told) == Decimal("0.5")
    assert book()("openai", "no-such-model", MILLION, told) == Decimal("0.5")
    assert book()("local", "m", MILLION, told) == Decimal("0.5")
    assert book()("openai", KNOWN, MILLION, Bill(cost=Decimal(0))) == 0
    assert book(**OWN)("openai", KNOWN, MILLION, told) == 7
    assert book(frozenset({"openai"}))("openai", KNOWN, MILLION, told) == 0


def test_what_is_charged_for_is_priced_in_place_of_what_was_read() -> None:
    told = Bill(usage=Usage(input=500_000))
    assert book()("openai", KNOWN, MILLION, told) == book()("openai", KNOWN, Usage(input=500_000))
    assert book(**OWN)("openai", KNOWN, MILLION, told) == Decimal("3.5")


def test_the_catalogue_knows_tiers_and_speeds_with_prices_of_their_own() -> None:
    """A million tokens of gpt-5 are $1.25 in, 2.50 with priority, by its newer name too, and 0.625 in the flexible
    tier; of Claude Opus 4.8 $5 and, fast, 10.
    """
    prices = PriceBook({}, {"openai": "openai", "anthropic": "anthropic"}, frozenset())
    assert [prices("openai", "gpt-5", MILLION, Bill(tier=tier)) for tier in (None, "priority", "fast", "flex")] == [
        Decimal("1.25"),
        Decimal("2.5"),
        Decimal("2.5"),
        Decimal("0.625"),
    ]
    assert [prices("anthropic", "claude-opus-4-8", MILLION, Bill(speed=one)) for one in (None, "fast")] == [5, 10]


def test_a_tier_or_a_place_that_nobody_has_a_price_for_is_unknown_unless_the_caller_has_one() -> None:
    catalogues = {"openai": "openai", "anthropic": "anthropic", "gemini": "google"}
    prices = PriceBook({"openai/own": Price(input=Decimal(7), output=Decimal(0))}, catalogues, frozenset())
    assert prices("openai", "gpt-6-astra", MILLION, Bill(tier="ultrafast")) is None
    assert prices("openai", "gpt-5-nano", MILLION, Bill(tier="priority")) is None
    assert prices("anthropic", "claude-opus-4-8", MILLION, Bill(tier="priority")) is None
    assert prices("anthropic", "claude-haiku-4-5", MILLION, Bill(speed="fast")) is None
    assert prices("anthropic", "claude-opus-4-8", MILLION, Bill(geo="mars")) is None
    assert prices("gemini", "gemini-2.5-flash", MILLION, Bill(tier="priority")) is None
    assert prices("openai", "own", MILLION, Bill(tier="ultrafast")) == 7
    assert prices("anthropic", "claude-opus-4-8", MILLION) == 5


def test_what_is_flexible_costs_at_google_what_it_does_in_a_batch() -> None:
    """A million tokens of Gemini 2.5 Flash are $0.30 in, half of it in a batch."""
    prices = PriceBook({}, {"gemini": "google"}, frozenset())
    assert prices("gemini", "gemini-2.5-flash", MILLION, Bill(tier="flex")) == Decimal("0.15")


def test_a_tenth_is_added_at_openais_regional_addresses_to_models_since_march_2026() -> None:
    book = PriceBook({}, {"eu": "openai", "openai": "openai"}, frozenset(), regional=frozenset({"eu"}))
    for model, factor in (("gpt-5.4", "1.1"), ("gpt-6-astra", "1.1"), ("gpt-5", "1"), ("gpt-4o-mini", "1")):
        usual = book("openai", model, MILLION)
        assert usual is not None
        assert book("eu", model, MILLION) == usual * Decimal(factor)


def test_a_tenth_is_added_to_tokens_but_not_to_searches_where_claude_may_run_in_the_us_alone() -> None:
    prices = PriceBook({}, {"anthropic": "anthropic"}, frozenset())
    used = Usage(input=1_000_000, apart=Apart(web_searches=100))
    assert prices("anthropic", "claude-opus-4-8", used, Bill(geo="us")) == Decimal("5.5") + 1
    assert prices("anthropic", "claude-opus-4-8", used, Bill(geo="us", speed="fast")) == 11 + 1


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
    for known in (KNOWN, "gpt-audio"):
        assert book()("openai", known, usage) is not None


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
