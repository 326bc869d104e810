"""The model that usage is compared with."""

from callboard import config as configuration
from callboard import pricing
from callboard.actors.wires.presets import PRESETS
from callboard.cli.grouped import UNIT, UnitPrice
from callboard.cli.place import CONFIGURATION
from callboard.config import Config
from callboard.errors import InvalidRequest
from callboard.messages.usage import Usage
from callboard.sections import ProviderConfig


def baseline_price(name: str) -> UnitPrice:
    """What tokens cost at `provider/model`. Raises InvalidRequest when nobody knows, and ConfigError."""
    provider, _, model = name.partition("/")
    config = configuration.decode(CONFIGURATION) if CONFIGURATION.exists() else Config()
    if provider not in config.providers and provider in PRESETS:
        config = Config(providers={provider: ProviderConfig()}, prices=config.prices)
    if provider not in config.providers or not model:
        raise InvalidRequest(f"--baseline: {name!r} is not provider/model of a provider that is known")
    book = pricing.price_book(config, configuration.presets(config, str(CONFIGURATION)))
    if book(provider, model, Usage(input=UNIT, output=UNIT)) is None:
        raise InvalidRequest(f'--baseline: no price is known for {name}; give it one under [prices."{name}"]')
    return lambda usage: book(provider, model, usage)
