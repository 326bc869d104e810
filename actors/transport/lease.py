"""A request's hold on one slot of the pool."""

from callboard.actors.transport.link import Link
from callboard.actors.transport.policy import Origin, idle_seconds
from callboard.actors.transport.slots import Slots


class Lease:
    """One slot in use, and the connection in it once there is one. Ends once, by `release` or `discard`."""

    __slots__ = ("_keep_alive", "_leases", "_link", "_slots", "origin", "over")

    def __init__(self, slots: Slots[Link], leases: "set[Lease]", origin: Origin, keep_alive: float) -> None:
        self._slots = slots
        self._leases = leases
        self._keep_alive = keep_alive
        self._link: Link | None = None
        self.origin = origin
        self.over = False
        leases.add(self)

    @property
    def link(self) -> Link:
        """The connection. Setting another closes the one before."""
        assert self._link is not None
        return self._link

    @link.setter
    def link(self, link: Link) -> None:
        self.drop()
        self._link = link

    def drop(self) -> None:
        """Close the connection, but keep the slot for the next."""
        if self._link is not None:
            self._link.close()
            self._link = None

    def cut(self) -> None:
        """Close the connection under whoever uses it; ending the lease is theirs."""
        if self._link is not None:
            self._link.close()

    def release(self, keep_alive: bytes) -> None:
        """Keep the connection for the next request, as long as the server's Keep-Alive header lets it."""
        self._end(self._link, idle_seconds(self._keep_alive, keep_alive))

    def discard(self) -> None:
        """Close the connection, at once and without waiting for anything. No effect after the end."""
        if not self.over:
            self.drop()
            self._end(None, 0.0)

    def _end(self, link: Link | None, idle: float) -> None:
        self.over = True
        self._leases.discard(self)
        self._slots.give_back(self.origin, link, idle)
