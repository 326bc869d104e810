"""What a model answered, whole or in pieces."""

import enum
from datetime import datetime
from typing import Any, Literal

import msgspec

from callboard.messages.base import Veiled
from callboard.messages.chat import ChatMessage, Part, TextPart, ThinkingPart, ToolCallPart
from callboard.messages.faults import Fault
from callboard.messages.usage import Bill, Cost, Usage


class FinishReason(enum.StrEnum):
    """Why the model stopped."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"
    REFUSAL = "refusal"
    PAUSE = "pause"
    """The provider paused a long turn; send the conversation back to go on."""
    ERROR = "error"
    OTHER = "other"
    """A reason that this version does not know; `Reply.raw` has it on demand."""


class Result(Veiled, frozen=True, kw_only=True):
    """What every provider's reply has in common once decoded. Each kind of work adds what was given."""

    usage: Usage | None = None
    """None when the provider did not say."""
    bill: Bill | None = None
    """None when it told nothing of that but its tokens."""
    model: str | None = None
    """The model that the provider says answered."""
    id: str | None = None
    """The provider's id of the reply."""
    extra: dict[str, Any] | None = None
    """Members worth keeping that have no name here, such as log probabilities and citations."""
    raw: Any = None
    """The whole reply, when the request said `keep_raw`."""

    def reply(self, **receipt: Any) -> "Receipt":
        """What the caller gets: this, and the members of a Receipt."""
        raise NotImplementedError


class Turn:
    """What is read of a model's turn in a conversation."""

    __slots__ = ()
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The answer's text; reasoning, refusals and tool calls left out."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))

    @property
    def thinking(self) -> str:
        """The model's visible reasoning."""
        return "".join(part.text for part in self.parts if isinstance(part, ThinkingPart))

    @property
    def tool_calls(self) -> tuple[ToolCallPart, ...]:
        """The tools that the model asks for, in its order."""
        return tuple(part for part in self.parts if isinstance(part, ToolCallPart))

    @property
    def message(self) -> ChatMessage:
        """As the assistant's turn, to go on with the conversation."""
        return ChatMessage("assistant", self.parts)


class Answer(Turn, Result, frozen=True, kw_only=True, tag="chat"):
    """A model's turn in a conversation."""

    parts: tuple[Part, ...]
    finish_reason: FinishReason | None
    """None when the provider told none."""

    def reply(self, **receipt: Any) -> "Reply":
        """As the base."""
        return Reply(parts=self.parts, finish_reason=self.finish_reason, **receipt)


class Delta(Veiled, frozen=True, kw_only=True, gc=False):
    """A piece of a streamed reply. Role, ping and start events give none."""

    text: str = ""
    thinking: str = ""
    refusal: str = ""
    """The model's words in declining to answer, where the provider tells them apart."""
    tool_index: int | None = None
    """Which of the reply's tool calls `tool_*` speak of, counted from 0."""
    tool_id: str | None = None
    tool_name: str | None = None
    arguments: str = ""
    """The next piece of the tool call's arguments, as JSON text."""


class AttemptRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One try at one provider, or the reason why there was none."""

    provider: str
    model: str
    outcome: Literal["ok", "fault", "skipped", "cancelled"]
    id: str | None = None
    """The attempt's id, as sent to the provider and kept in the ledger; None when nothing was sent."""
    fault: Fault | None = None
    reason: str | None = None
    """Why it was skipped, with nothing asked of the provider, or cut short."""
    usage: Usage | None = None
    cost: Cost | None = None
    estimated: bool = False
    """Whether usage and cost are an estimate, because the attempt was cut."""
    duration: float = 0.0
    """Seconds."""
    first_token: float | None = None
    """Seconds until the first text, thinking or tool call of a stream."""


class Receipt(Veiled, frozen=True, kw_only=True):
    """The whole story of a call that gave what was asked. Each kind of work adds what it gave."""

    id: str
    """The call's id in the ledger."""
    usage: Usage
    cost: Cost | None
    """US dollars for this call, all attempts together; None when a price is unknown, 0 when free or cached."""
    provider: str
    model: str
    cached: bool
    """Whether the reply cache answered."""
    shared: bool = False
    """Whether another caller's identical call in flight answered; that caller is charged."""
    estimated: bool = False
    """Whether part of the cost is an estimate."""
    attempts: tuple[AttemptRecord, ...]
    started: datetime
    duration: float
    """Seconds."""
    recorded: Literal["acknowledged", "queued", "failed"] = "queued"
    """Whether the ledger's record of the call is on disk (acknowledged), on its way, or could not be written."""
    cache_key: str | None = None
    """Where the reply cache looked for it or keeps it; None when it had no part in this. See `Board.forget`."""
    metadata: dict[str, str] | None = None
    extra: dict[str, Any] | None = None
    raw: Any = None

    def _told(self, what: str) -> str:
        """The repr, with `what` was given."""
        cost = None if self.cost is None else f"{self.cost:f}"
        return f"{type(self).__name__}({self.id}, {self.provider}/{self.model}, {what}, cost={cost})"


class Reply(Turn, Receipt, frozen=True, kw_only=True):
    """What a model said: `text`, `thinking`, `tool_calls`, and `message`, which goes on with the conversation.

    What it took is in `usage` (tokens), `cost` (US dollars; None: a price is unknown), `duration` (seconds) and
    `attempts`; `provider` and `model` are those that answered.
    """

    parts: tuple[Part, ...]
    finish_reason: FinishReason | None
    """None when the provider told none."""

    def __repr__(self) -> str:
        return self._told(f"{len(self.parts)} parts, {self.finish_reason}")
