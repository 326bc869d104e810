"""The price book.

The catalogue is that of `genai-prices`, imported when it is first needed or by `load`. It counts all input, cached
included, and knows tiers and cache rates. What nobody has a price for, a model or one of its tiers, costs None and
never 0.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from callboard.messages.settings import exact
from callboard.messages.usage import NONE_APART, Apart, Bill, Cost, Usage

MILLION = Decimal(1_000_000)
NO_BILL = Bill()
_PROCESSING = {"flex": "batch", "batch": "batch"}
"""By service tier."""
_SURCHARGE, _SURCHARGED = Decimal("1.1"), re.compile(r"gpt-(5\.[4-9]|[6-9])")
"""What OpenAI multiplies prices by at an address for one region, and those of which models: they came in March 2026 or
later (developers.openai.com/api/docs/guides/data-residency)."""
_GEOS = {"us": Decimal("1.1")}
"""What Anthropic multiplies the prices of tokens by, by where alone the model may run
(platform.claude.com/docs/en/manage-claude/data-residency)."""


class Price(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """US dollars a million tokens, or a thousand searches of the web, which cost nothing where that is not given; as
    Decimals, numbers or strings. Reasoning is billed as output. A rate that is not given, of caching, of sound or of
    pictures, is that of input or output; of what is kept for an hour that of `cache_write`; of cached sound or pictures
    that of fresh ones if it is given, else `cached_read`.
    """

    input: Decimal
    output: Decimal
    cached_read: Decimal | None = None
    cache_write: Decimal | None = None
    audio_input: Decimal | None = None
    audio_cached: Decimal | None = None
    audio_output: Decimal | None = None
    cache_write_1h: Decimal | None = None
    image_input: Decimal | None = None
    image_cached: Decimal | None = None
    image_output: Decimal | None = None
    web_search: Decimal | None = None

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            price = getattr(self, name)
            if price is None:
                continue
            amount = exact(price)
            if not (amount.is_finite() and amount >= 0):
                raise ValueError(f"`{name}` is a number of US dollars, 0 or more")
            msgspec.structs.force_setattr(self, name, amount)

    def cost(self, usage: Usage) -> Cost:
        """US dollars of these tokens."""
        total = self.input * usage.input + self.output * (usage.output + usage.reasoning)
        if usage.cached_read or usage.cache_write:
            cached, written = _first(self.cached_read, self.input), _first(self.cache_write, self.input)
            total += cached * usage.cached_read + written * usage.cache_write
        if usage.apart is not None:
            total += self._of_those(usage.apart)
        return total / MILLION

    def _of_those(self, apart: Apart) -> Decimal:
        return (
            _first(self.audio_input, self.input) * apart.audio_input
            + _first(self.audio_cached, self.audio_input, self.cached_read, self.input) * apart.audio_cached
            + _first(self.audio_output, self.output) * apart.audio_output
            + _first(self.cache_write_1h, self.cache_write, self.input) * apart.cache_write_1h
            + _first(self.image_input, self.input) * apart.image_input
            + _first(self.image_cached, self.image_input, self.cached_read, self.input) * apart.image_cached
            + _first(self.image_output, self.output) * apart.image_output
            + _first(self.web_search, Decimal(0)) * apart.web_searches * 1_000
        )


def _first(*prices: Decimal | None) -> Decimal:
    return next(price for price in prices if price is not None)


class PriceBook:
    """`overrides` by `account/model`; `catalogues` names each account's provider in the catalogue, None for none.

    Accounts in `free` cost nothing, those in `regional` are at an address of OpenAI's for one region.
    """

    def __init__(
        self,
        overrides: Mapping[str, Price],
        catalogues: Mapping[str, str | None],
        free: frozenset[str],
        regional: frozenset[str] = frozenset(),
    ) -> None:
        self._overrides = overrides
        self._catalogues = catalogues
        self._free = free
        self._regional = regional
        self._unknown: set[str] = set()

    def __call__(self, account: str, model: str, usage: Usage, bill: Bill | None = None) -> Cost | None:
        """US dollars; None when the price is unknown. What the provider tells goes before the catalogue."""
        if account in self._free:
            return Cost(0)
        name, told = f"{account}/{model}", bill or NO_BILL
        billed = usage if told.usage is None else told.usage
        override = self._overrides.get(name)
        if override is not None:
            return override.cost(billed)
        if told.cost is not None:
            return told.cost
        catalogue = self._catalogues.get(account)
        if catalogue is None or name in self._unknown:
            return None
        price = self._look_up(name, catalogue, model, billed, told)
        if price is not None and account in self._regional and _SURCHARGED.match(model):
            return price * _SURCHARGE
        return price

    @property
    def needs_catalogue(self) -> bool:
        """Whether any account looks prices up."""
        return any(name and account not in self._free for account, name in self._catalogues.items())

    def _look_up(self, name: str, catalogue: str, model: str, usage: Usage, told: Bill) -> Cost | None:
        import genai_prices

        context = _context(told)
        try:
            price = genai_prices.calc_price(
                _counted(usage), model_ref=model, provider_id=catalogue, price_context=context
            )
        except LookupError:
            if len(self._unknown) < 10_000:
                self._unknown.add(name)
            return None
        except ValueError:  # these counts make no sense to the catalogue; others may
            return None
        if context and not any(one.when.items() <= context.items() for one in price.model.price_variants or ()):
            return None
        if told.geo is None:
            return price.total_price
        factor = _GEOS.get(told.geo)
        tokens = price.input_price + price.output_price
        return None if factor is None else price.total_price + tokens * (factor - 1)


def load() -> None:
    """Import the catalogue: a fifth of a second, best spent in a thread before the first call."""
    import genai_prices  # noqa: F401 - imported for its effect on the next import


def _context(told: Bill) -> dict[str, str] | None:
    """In the catalogue's words. What is flexible costs at OpenAI and Google what it does in a batch, and the catalogue
    knows more models' prices of that."""
    if told.tier is told.speed is None:
        return None
    said = {"service_tier": told.tier, "speed": told.speed, "processing": _PROCESSING.get(told.tier or "")}
    return {name: value for name, value in said.items() if value is not None}


def _counted(usage: Usage) -> Any:
    """The catalogue's sums hold what is counted apart, and it has members for that besides."""
    import genai_prices

    apart = usage.apart or NONE_APART
    return genai_prices.Usage(
        input_tokens=usage.input_total,
        input_audio_tokens=apart.audio_input + apart.audio_cached or None,
        input_image_tokens=apart.image_input + apart.image_cached or None,
        cache_read_tokens=usage.cached_read + apart.audio_cached + apart.image_cached or None,
        cache_audio_read_tokens=apart.audio_cached or None,
        cache_image_read_tokens=apart.image_cached or None,
        cache_write_tokens=usage.cache_write + apart.cache_write_1h or None,
        cache_write_1h_tokens=apart.cache_write_1h or None,
        output_tokens=usage.output_total,
        output_audio_tokens=apart.audio_output or None,
        output_image_tokens=apart.image_output or None,
        web_searches=apart.web_searches or None,
    )
