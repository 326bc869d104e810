"""What a provider account may ask of its transport beyond httpx's interface."""

from abc import ABC, abstractmethod

import httpx


class ProviderTransport(httpx.AsyncBaseTransport, ABC):
    """One account's way to its provider. Any other httpx transport takes its place, without these three."""

    @abstractmethod
    async def warm_up(self, url: str, count: int) -> int:
        """Open up to `count` connections to the url's origin ahead of their use; returns how many were opened.

        Fewer where the pool is full, none where connections are httpx's own. Raises what connecting raises if not
        even one of them came about.
        """

    @abstractmethod
    def sweep(self) -> None:
        """Close connections that have idled too long. Every request does so, too; call it when there are none."""

    @abstractmethod
    def drop_idle(self) -> None:
        """Close every connection that is not in use."""
