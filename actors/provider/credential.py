"""Whether the provider takes the account's credential, and for which models it does not. Pure.

A 401 is about the account. A 403 may be about a model that the account has no right to: as long as no call has got
through at all it is taken to be about the account as well.
"""

import msgspec

from callboard.messages.faults import FaultKind

MODELS = 512
"""Models of which a refusal is kept at most: callers may name any."""


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of it."""

    unauthorized: bool = False
    forbidden: tuple[str, ...] = ()
    """Models, the one that was refused latest last."""
    served: bool = False
    """A call has got through."""

    @property
    def misconfigured(self) -> str | None:
        """Why it does not serve at all; None when it does, or nobody knows."""
        if self.unauthorized:
            return f"the credential is refused ({FaultKind.UNAUTHORIZED.value})"
        if self.forbidden and not self.served:
            return f"the credential is refused ({FaultKind.FORBIDDEN.value})"
        return None

    def serves(self, model: str) -> bool:
        """Whether nothing speaks against it for this model."""
        return self.misconfigured is None and model not in self.forbidden

    def succeeded(self, model: str) -> "Credential":
        """After a call that got through: itself when that is no news."""
        if self.served and not self.unauthorized and model not in self.forbidden:
            return self
        return Credential(forbidden=tuple(one for one in self.forbidden if one != model), served=True)

    def refused(self, kind: FaultKind, model: str) -> "Credential":
        """After a 401 or a 403: itself when that is no news."""
        if kind is FaultKind.UNAUTHORIZED:
            return self if self.unauthorized else msgspec.structs.replace(self, unauthorized=True)
        if model in self.forbidden:
            return self
        return msgspec.structs.replace(self, forbidden=(*self.forbidden, model)[-MODELS:])


UNKNOWN = Credential()
