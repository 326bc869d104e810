"""How many tokens a model takes, from the catalogue of `genai-prices`: None where it does not say."""

from collections.abc import Callable, Mapping


def contexts(catalogues: Mapping[str, str | None]) -> Callable[[str, str], int | None]:
    """By account and model; `catalogues` names each account's provider in the catalogue, None for none."""

    def context(account: str, model: str) -> int | None:
        catalogue = catalogues.get(account)
        if catalogue is None:
            return None
        from genai_prices.data_snapshot import get_snapshot

        try:
            _, found = get_snapshot().find_provider_model(model, None, catalogue, None)
        except LookupError:
            return None
        return found.context_window

    return context
