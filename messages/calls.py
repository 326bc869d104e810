"""The life of a call: what the facade asks the orchestrator, and the orchestrator a provider."""

from typing import Literal, Protocol, TypeAlias

import msgspec

from callboard.messages.base import Ask, Tell
from callboard.messages.embedding import EmbeddingAnswer
from callboard.messages.faults import Fault
from callboard.messages.hooks import Wishes
from callboard.messages.images import ImageAnswer
from callboard.messages.limits import RateLimits
from callboard.messages.models import Model
from callboard.messages.priority import Priority
from callboard.messages.reply import Answer, AttemptRecord, Delta, Receipt
from callboard.messages.request import Request, Work
from callboard.messages.reranking import RerankAnswer
from callboard.messages.usage import Cost


class DeltaSink(Protocol):
    """Where a streamed reply's pieces go. The first one is the commit point."""

    @property
    def sent(self) -> int:
        """Pieces handed on so far."""
        ...

    async def send(self, item: Delta) -> None:
        """Hand one on; waits while the reader is behind."""
        ...


class Allowance(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What everything done for one call may use: retries, fallbacks and hedges share it."""

    attempts: int = 4
    deadline: int
    """Monotonic nanoseconds."""
    money: Cost | None = None
    """US dollars; None is no bound of the call's own."""

    def after(self, cost: Cost | None) -> "Allowance":
        """What is left after one attempt. An unknown cost is not counted."""
        return msgspec.structs.replace(self.charged(cost), attempts=self.attempts - 1)

    def given_back(self) -> "Allowance":
        """What is left when an attempt that was counted before was never sent."""
        return msgspec.structs.replace(self, attempts=self.attempts + 1)

    def charged(self, cost: Cost | None) -> "Allowance":
        """What is left when an attempt that was counted before has cost this."""
        if self.money is None or cost is None:
            return self
        return msgspec.structs.replace(self, money=self.money - cost)


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """One model of one provider account."""

    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}"


class Cause(msgspec.Struct):
    """The exception behind a failure, for whoever has to find the bug. No repr shows it: it may quote what was said."""

    _error: BaseException | None

    def take(self) -> BaseException | None:
        """The exception, once: by its traceback it holds those who hold the failure, and both would be kept until the
        garbage collector comes.
        """
        error, self._error = self._error, None
        return error

    def __repr__(self) -> str:
        return "Cause(…)"


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A call that gave no reply. `partial` is what a stream had handed on before it broke."""

    id: str
    fault: Fault
    attempts: tuple[AttemptRecord, ...]
    partial: Answer | None = None
    cause: Cause | None = None


Outcome: TypeAlias = Receipt | Failure
AnyAnswer: TypeAlias = Answer | EmbeddingAnswer | RerankAnswer | ImageAnswer
"""What the kinds of work give."""


class InHand(msgspec.Struct, gc=False):
    """Whether the orchestrator has taken a call up: from then on it tells the ledger how the call ends."""

    yes: bool = False


class MakeCall(Ask[Outcome], frozen=True, kw_only=True):
    """One plain call, to the orchestrator."""

    id: str
    request: Work
    allowance: Allowance
    wishes: Wishes | None = None
    in_hand: InHand = msgspec.field(default_factory=InHand)


class OpenStream(Ask[Outcome], frozen=True, kw_only=True):
    """One streamed call, to the orchestrator. Its pieces go to `sink`."""

    id: str
    request: Request
    allowance: Allowance
    sink: DeltaSink
    wishes: Wishes | None = None
    in_hand: InHand = msgspec.field(default_factory=InHand)


Call: TypeAlias = MakeCall | OpenStream


class Attempted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How one attempt ended: an answer or a fault, and its record."""

    record: AttemptRecord
    answer: AnyAnswer | None = None
    fault: Fault | None = None
    partial: Answer | None = None
    """What a stream had handed on before the fault."""


class Payer(msgspec.Struct, frozen=True, gc=False):
    """On whose account an attempt is made: the call, and its request's tag and user."""

    call: str
    tag: str | None
    user: str | None


class Attempt(Ask[Attempted], frozen=True, kw_only=True):
    """One try, to a provider. With a sink it is streamed."""

    id: str
    call: str
    request: Work
    model: str
    sink: DeltaSink | None = None
    money: Cost | None = None
    """US dollars that the call has left; None is no bound of its own."""
    until: int | None = None
    """Monotonic nanoseconds at which the last of those who want it now will have left; None: it is not known.

    Unlike the deadline of this ask it ends nothing: of a shared attempt others may come who are more patient.
    """

    @property
    def payer(self) -> Payer:
        """Who it is charged to, as long as nobody else takes it over."""
        return Payer(self.call, self.request.tag, self.request.user)


class TakenOver(Tell, frozen=True, kw_only=True):
    """An attempt that several wait for is now charged to this one, and as urgent as this. Unknown ones are ignored."""

    attempt: str
    payer: Payer
    priority: Priority
    until: int
    """As an attempt's."""


class ListModels(Ask[tuple[Model, ...] | Fault], frozen=True):
    """The models of a provider's account; also the cheapest check of its credential."""


class Operate(Ask[str], frozen=True, kw_only=True):
    """An operator's command to a provider's circuits. The reply is a sentence.

    What is opened or closed stays so, over restarts too, until a reset.
    """

    command: Literal["open", "close", "reset"]
    now: bool = False
    """With open: also cut the attempts in flight."""


class TrialAnswered(Tell, frozen=True, gc=False):
    """A provider's own report: an attempt that tries whether it is well again has its first token."""

    id: str


class AttemptEnded(Tell, frozen=True, kw_only=True, gc=False):
    """A provider's own report on one attempt."""

    id: str
    model: str
    began: int
    """Monotonic nanoseconds."""
    fault: Fault | None
    cancelled: bool = False
    limits: RateLimits | None = None
    """What the reply's headers said."""
