"""What a provider publishes."""

from collections.abc import Mapping

import msgspec

from callboard.actors.provider.credential import UNKNOWN, Credential
from callboard.actors.provider.policy import ENDPOINT, model_key
from callboard.actors.provider.standing import Restriction, Scope
from callboard.messages.health import HealthCheck
from callboard.messages.limits import RateLimits
from callboard.runtime.circuit.subtree import View
from callboard.runtime.circuit.table import FORCED, STEADY, CircuitState


class ProviderView(msgspec.Struct, frozen=True, kw_only=True):
    """One account as others see it."""

    name: str
    wire: str
    circuits: Mapping[str, View]
    credential: Credential = UNKNOWN
    standing: Mapping[Scope, Restriction] = {}
    check: HealthCheck | None = None
    limits: Mapping[str, RateLimits]

    def steady(self, model: str) -> bool:
        """Whether the credential serves, and the model's circuits are neither open nor on trial."""
        views = (self.circuits.get(key) for key in (ENDPOINT, model_key(model)))
        return self.credential.serves(model) and all(view is None or view.state in STEADY for view in views)

    def facts(self) -> dict[str, object]:
        """For the status."""
        misconfigured = self.credential.misconfigured
        return {
            "wire": self.wire,
            "account": "ok" if misconfigured is None else f"misconfigured: {misconfigured}",
            **({"refused": list(self.credential.forbidden)} if self.credential.forbidden else {}),
            "circuits": {key: self._circuit(view) for key, view in self.circuits.items()},
            **({} if self.check is None else {"check": _checked(self.check)}),
            "limits": {model: _told(limits) for model, limits in list(self.limits.items())},
        }

    def told(self, view: View) -> str:
        """One of its circuits, for a person: of a forced one, who may undo it and how."""
        if view.state in FORCED:
            return f"{view.state.value}, until {reset_of(self.name)}"
        return view.state.value

    def _circuit(self, view: View) -> str:
        return f"{view.state.value}, {view.openings} in a row" if view.state is CircuitState.OPEN else self.told(view)


def reset_of(name: str) -> str:
    """The command with which an operator lets this provider's circuits decide again."""
    return f"`callboard provider {name} reset`"


def _checked(check: HealthCheck) -> str:
    return f"passed in {check.latency:.2f} s" if check.passed else f"failed: {check.fault or 'unknown'}"


def _told(limits: RateLimits) -> dict[str, object]:
    windows = {name: getattr(limits, name) for name in limits.__struct_fields__ if name != "retry_after"}
    return {name: {"limit": w.limit, "remaining": w.remaining} for name, w in windows.items() if w is not None}
