"""What is known of one provider account."""

from collections.abc import Callable
from typing import Literal, TypeAlias

import msgspec

from callboard.actors.provider.deadline import Timeouts
from callboard.actors.provider.health import HealthSpec
from callboard.actors.wires.wire import Wire
from callboard.messages.usage import Bill, Cost, Usage
from callboard.runtime.circuit.circuit import CircuitSpec

Price: TypeAlias = Callable[[str, str, Usage, Bill | None], Cost | None]
"""(account, model, usage, what the provider tells of its bill) to US dollars; None when the price is unknown."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One account: where it is, how to speak to it, what it may take. Its repr keeps the key to itself."""

    name: str
    base_url: str
    wire: Wire
    key: str | None
    headers: dict[str, str] = {}
    """Sent with every request."""
    timeouts: Timeouts = Timeouts()
    circuit: CircuitSpec = CircuitSpec()
    health: HealthSpec = HealthSpec()
    durability: Literal["strict", "relaxed"] = "relaxed"
    price: Price

    def __repr__(self) -> str:
        return f"Account({self.name!r}, {self.base_url!r}, key {'set' if self.key else 'not set'})"
