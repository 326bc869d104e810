"""What a provider publishes."""

from collections.abc import Mapping

import msgspec

from callboard.messages.limits import RateLimits
from callboard.runtime.circuit.subtree import View
from callboard.runtime.circuit.table import CircuitState


class ProviderView(msgspec.Struct, frozen=True, kw_only=True):
    """One account as others see it."""

    name: str
    wire: str
    circuits: Mapping[str, View]
    blocked: str | None
    limits: Mapping[str, RateLimits]

    def facts(self) -> dict[str, object]:
        """For the status."""
        return {
            "wire": self.wire,
            "account": self.blocked or "ok",
            "circuits": {key: self._circuit(view) for key, view in self.circuits.items()},
            "limits": {model: _told(limits) for model, limits in list(self.limits.items())},
        }

    def _circuit(self, view: View) -> str:
        if view.state is not CircuitState.OPEN:
            return view.state.value
        return f"{view.state.value}, {view.openings} in a row"


def _told(limits: RateLimits) -> dict[str, object]:
    windows = {name: getattr(limits, name) for name in ("requests", "tokens", "requests_day", "tokens_day")}
    return {name: {"limit": w.limit, "remaining": w.remaining} for name, w in windows.items() if w is not None}
