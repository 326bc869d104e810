"""Whether the provider takes the account's credential, and for which models it does not. Pure.

A 401 is about the account. A 403 may be about a model that the account has no right to: as long as no call has got
through at all it is taken to be about the account as well. Times are monotonic nanoseconds.
"""

from collections.abc import Mapping

import msgspec

from callboard.messages.faults import FaultKind
from callboard.runtime.clock import NEVER

MODELS = 512
"""Models of which a refusal is kept at most: callers may name any."""


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of it."""

    unauthorized: int | None = None
    """When it was refused for the account the last time; None when that is over, or never was."""
    forbidden: Mapping[str, int] = {}
    """When it was refused for which models the last time, the latest last."""
    served: bool = False
    """A call has got through."""

    @property
    def misconfigured(self) -> str | None:
        """Why it does not serve at all; None when it does, or nobody knows."""
        if self.unauthorized is not None:
            return f"the credential is refused ({FaultKind.UNAUTHORIZED.value})"
        if self.forbidden and not self.served:
            return f"the credential is refused ({FaultKind.FORBIDDEN.value})"
        return None

    def serves(self, model: str) -> bool:
        """Whether nothing speaks against it for this model."""
        return self.misconfigured is None and model not in self.forbidden

    def known(self, kind: FaultKind, model: str) -> bool:
        """Whether a 401 or a 403 would be no news."""
        return self.unauthorized is not None if kind is FaultKind.UNAUTHORIZED else model in self.forbidden

    def succeeded(self, model: str, began: int) -> "Credential":
        """After a call that got through: itself when that is no news. It ends what was told before it began; what was
        told since holds, for the call was underway when others were refused.
        """
        unauthorized = self.unauthorized is not None and self.unauthorized > began
        forbidden = self.forbidden.get(model, NEVER) > began
        if self.served and unauthorized is (self.unauthorized is not None) and forbidden:
            return self
        return Credential(
            unauthorized=self.unauthorized if unauthorized else None,
            forbidden={one: told for one, told in self.forbidden.items() if one != model or forbidden},
            served=True,
        )

    def refused(self, kind: FaultKind, model: str, now: int) -> "Credential":
        """After a 401 or a 403."""
        if kind is FaultKind.UNAUTHORIZED:
            return msgspec.structs.replace(self, unauthorized=now)
        others = [one for one in self.forbidden.items() if one[0] != model]
        return msgspec.structs.replace(self, forbidden=dict([*others, (model, now)][-MODELS:]))


UNKNOWN = Credential()
