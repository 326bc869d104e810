"""The selector: keeps the routing table up to date and publishes it, so that nobody has to ask."""

import msgspec

from callboard.messages.calls import Candidate
from callboard.messages.routing import Chains, CircuitReport, RoutingTable
from callboard.runtime.actor import Actor
from callboard.runtime.envelope import Envelope, Message


class SelectorActor(Actor):
    """Aliases come from the configuration, open circuits from the providers' reports."""

    def __init__(
        self,
        aliases: dict[str, tuple[Candidate, ...]],
        providers: tuple[str, ...],
        chains: dict[str, Chains] | None = None,
    ) -> None:
        self._table = RoutingTable(aliases, providers, {}, chains or {})

    async def start(self) -> None:
        """In the first life all take calls; a later one goes on from what the one before had published."""
        before: RoutingTable | None = self.me.ref.snapshot
        if before is not None:
            self._table = msgspec.structs.replace(self._table, closed_doors=before.closed_doors)
        self.me.publish(self._table)

    def receive(self, message: Message, envelope: Envelope) -> object:
        """Take in a report."""
        if not isinstance(message, CircuitReport):
            raise TypeError(f"the selector receives no {type(message).__name__}")
        doors = {name: report for name, report in self._table.closed_doors.items() if name != message.provider}
        if message.endpoint is not None or message.models:
            doors[message.provider] = message
        self._table = msgspec.structs.replace(self._table, closed_doors=doors)
        self.me.publish(self._table)
        return None
