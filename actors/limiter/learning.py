"""What the limiter learns from the limits that a reply's headers tell.

A limit is learned where none is configured, and lowers a configured one; it never raises one. When less is left at the
provider than was thought, others use the account or the provider counts otherwise: the provider is believed until its
reset. As it counts otherwise, a request that is larger than what was told is not refused: it goes when nothing else
counts. Told limits are the model's, as providers keep them, unless the account has a smaller one of the same kind.
"""

from callboard.actors.limiter.gate import Gate
from callboard.actors.limiter.limits import DAY, KINDS, Kind, Limits
from callboard.actors.limiter.window import Window
from callboard.messages.limiting import Settle
from callboard.messages.limits import Window as Told
from callboard.runtime.clock import NEVER, ns


def learn(account: Gate, model: Gate, configured: Limits | None, heard: Settle, now: int) -> None:
    """Take over what was told about a model; `configured` is what the configuration says of it."""
    for kind in KINDS:
        told: Told | None = getattr(heard.limits, kind.told, None)
        if told is not None:
            window = _window(account, model, getattr(configured, kind.name, None), kind, told.limit)
            if window is not None:
                _believe(window, told, heard.told_at, now)


def _believe(window: Window, told: Told, at: int, now: int) -> None:
    if told.remaining is not None:
        until = at + (window.period if told.resets_in is None else min(DAY, ns(told.resets_in)))
        window.correct(window.limit - max(0, told.remaining), at, until, now)


def _window(account: Gate, model: Gate, most: int | None, kind: Kind, limit: int | None) -> Window | None:
    """The window that the news is about, its limit as it was told."""
    own, shared = model.windows.get(kind.name), account.windows.get(kind.name)
    if own is None and (limit is None or limit < 1 or (shared is not None and shared.limit <= limit)):
        return shared
    if own is None:
        assert limit is not None
        return model.add(kind, limit, NEVER)
    if limit is not None and limit > 0 and own.limit != (allowed := min(limit, most or limit)):
        model.lower(kind, allowed)
    return own
