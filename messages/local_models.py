"""Models on a machine of one's own, and what a provider is asked about them."""

from typing import Any, Protocol, TypeAlias

import msgspec

from callboard.messages.base import Ask
from callboard.messages.faults import Fault


class LocalModel(msgspec.Struct, frozen=True, kw_only=True):
    """What a server knows of one model that it has."""

    family: str | None = None
    parameters: str | None = None
    """How many it has, as people say it: `8.0B`."""
    quantization: str | None = None
    context: int | None = None
    """Tokens; None when the server does not say."""
    capabilities: tuple[str, ...] = ()
    """Such as `completion`, `tools`, `vision`, `thinking`, `embedding`."""
    raw: dict[str, Any]
    """All that the server said: template, licence and the rest."""


class RunningModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that is in memory now."""

    id: str
    size: int | None = None
    """Bytes of memory."""
    size_gpu: int | None = None
    """Of these, bytes on graphics cards."""
    expires: str | None = None
    """When it leaves memory, as an RFC 3339 time."""
    context: int | None = None
    """Tokens that it has room for."""


class PullProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a download is."""

    status: str
    """What is being done, in the server's words."""
    digest: str | None = None
    """The layer that is being fetched."""
    completed: int | None = None
    """Bytes of it that are here."""
    total: int | None = None
    """Bytes of it in all."""

    @property
    def share(self) -> float | None:
        """How much of the layer is here, 0 to 1; None when its size is not known."""
        return min(1.0, (self.completed or 0) / self.total) if self.total else None


class ProgressSink(Protocol):
    """Where a download's progress goes."""

    async def send(self, item: PullProgress) -> None:
        """Hand one on; waits while the reader is behind."""
        ...


class ShowModel(Ask[LocalModel | Fault], frozen=True):
    """What is this model?"""

    model: str


class ListRunning(Ask[tuple[RunningModel, ...] | Fault], frozen=True):
    """Which models are in memory?"""


class PullModel(Ask[Fault | None], frozen=True):
    """Fetch this model."""

    model: str
    sink: ProgressSink


class DeleteModel(Ask[Fault | None], frozen=True):
    """Remove this model."""

    model: str


Administer: TypeAlias = ShowModel | ListRunning | PullModel | DeleteModel
