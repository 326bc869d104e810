"""The price book of a configuration."""

from collections.abc import Mapping

from callboard import addresses
from callboard.actors.prices.book import PriceBook
from callboard.actors.wires.presets import Preset
from callboard.config import Config


def price_book(config: Config, presets: Mapping[str, Preset]) -> PriceBook:
    """The prices of these accounts; `presets` says what is known of each one's service."""
    accounts = config.providers.items()
    free = frozenset(name for name, one in accounts if (presets[name].free if one.free is None else one.free))
    return PriceBook(config.prices, catalogues(config, presets), free, _regional(config, presets))


def catalogues(config: Config, presets: Mapping[str, Preset]) -> dict[str, str | None]:
    """Each account's name in the catalogue of prices and contexts; None where it has none."""
    return {name: one.catalogue or presets[name].catalogue for name, one in config.providers.items()}


def _regional(config: Config, presets: Mapping[str, Preset]) -> frozenset[str]:
    """The accounts at an address of OpenAI's for one region."""
    given = {name: one.base_url for name, one in config.providers.items() if presets[name].name == "openai"}
    return frozenset(name for name, url in given.items() if url and addresses.normal(url) in presets[name].also_at)
