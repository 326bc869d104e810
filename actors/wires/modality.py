"""Where a provider's input of one modality, sound or pictures, belongs: among what was cached, or not. Pure."""


def placed(those: int, fresh: int, cached: int, told: int) -> tuple[int, int]:
    """Tokens of it that are fresh, and that were cached; `told` is how many of the latter the provider tells.

    Never more than there are of either. What finds no room among the fresh ones must have been cached.
    """
    new = min(fresh, max(0, those - told))
    return new, min(cached, max(told, those - new))
