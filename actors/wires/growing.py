"""What the replies of several wires have in common: a draft, and what comes beside it."""

from typing import Any

from callboard.actors.wires.draft import Draft
from callboard.messages.reply import Answer, FinishReason
from callboard.messages.usage import Bill, Usage


class GrowingReply:
    """A reply as it grows, less the reading of its frames (stream.Growing)."""

    def __init__(self, provider: str, *, keep_raw: bool = False) -> None:
        self.done = False
        self.complete = False
        self._provider = provider
        self._draft = Draft(provider)
        self._id: str | None = None
        self._model: str | None = None
        self._finish: FinishReason | None = None
        self._usage: Usage | None = None
        self._bill: Bill | None = None
        self._extra: dict[str, Any] = {}
        self._raw: list[Any] | None = [] if keep_raw else None

    def answer(self) -> Answer:
        """What has come so far."""
        raw = self._raw
        return Answer(
            parts=self._draft.parts(),
            finish_reason=self._finish,
            usage=self._usage,
            bill=self._bill,
            model=self._model,
            id=self._id,
            extra=self._extra or None,
            raw=raw[0] if raw and len(raw) == 1 else raw,
        )

    def _keep(self, name: str, values: list[Any]) -> None:
        """Adds to a list beside the answer, such as log probabilities, which come in pieces."""
        if values:
            self._extra.setdefault(name, []).extend(values)
