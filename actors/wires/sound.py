"""Where a provider's input of sound belongs: among what was cached, or not. Pure."""


def placed(sound: int, fresh: int, cached: int, told: int) -> tuple[int, int]:
    """Tokens of sound that are fresh, and that were cached; `told` is how many of the latter the provider tells.

    Never more than there are of either. What finds no room among the fresh ones must have been cached.
    """
    heard = min(fresh, max(0, sound - told))
    return heard, min(cached, max(told, sound - heard))
