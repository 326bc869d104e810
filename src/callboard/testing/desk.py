"""What a simulated provider decides and remembers, however its bytes travel."""

import re
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypedDict, Unpack

from callboard.testing.account import Account
from callboard.testing.anthropic import AnthropicShape
from callboard.testing.asked import Asked
from callboard.testing.behaviour import Behaviour
from callboard.testing.examine import HttpRequest, examine
from callboard.testing.journal import Journal
from callboard.testing.openai import OpenAIShape
from callboard.testing.plan import Plan
from callboard.testing.refusal import Refused
from callboard.testing.served import Served
from callboard.testing.shape import Shape, Stamp

MODELS = ("sim-small", "sim-large")
"""What a simulated provider offers unless told otherwise."""


class DeskOptions(TypedDict, total=False):
    """What a provider may be told beside its name."""

    shape: Literal["openai", "anthropic"] | Shape
    """The protocol it speaks; OpenAI's unless told otherwise."""
    behaviour: Behaviour
    per_model: Mapping[str, Behaviour]
    models: Sequence[str]
    """The models on offer; another is a 404."""
    key: str | None
    """The credential to insist on; None takes any."""
    seed: int
    """With the name it keys every random draw."""
    utc: Callable[[], int]
    """UTC nanoseconds, for the dates in replies: a test that owns Trio's clock gives one that follows it, such as
    callboard.runtime.clock.virtual_utc().
    """


class Desk:
    """One provider account without its network: `SimulatedProvider` and `DirectProvider` add theirs.

    `behaviour`, `per_model`, `key` and `upcoming` may be changed while it runs and hold for the requests that come
    after.
    """

    def __init__(self, name: str = "simulated", **told: Unpack[DeskOptions]) -> None:
        if not re.fullmatch(r"[\w.-]+", name, re.ASCII):
            raise ValueError(f"name is {name!r}: give letters, digits, '_', '.' and '-' only")
        self.name = name
        self.behaviour = told.get("behaviour") or Behaviour()
        self.per_model = dict(told.get("per_model") or {})
        """The behaviour of a model, in place of `behaviour`; its rate limits are its own."""
        self.upcoming: deque[Behaviour] = deque()
        """The behaviours of the next chat requests, one each; afterwards `behaviour` and `per_model` hold again."""
        self.models = tuple(told.get("models", MODELS))
        self.shape: Shape = _shape(told.get("shape", "openai"))
        self.key = told.get("key")
        """The credential to insist on; None takes any."""
        self._utc = told.get("utc", time.time_ns)
        self._account = Account(f"{told.get('seed', 0)}/{name}")
        self._journal = Journal()

    @property
    def log(self) -> tuple[Served, ...]:
        """Every request that arrived, in order; one in hand has the outcome `open`."""
        return self._journal.entries

    def forget_log(self) -> None:
        """Drop the requests that have ended from the log, for runs that are long. The counts go on."""
        self._journal.forget()

    def _decide(self, request: HttpRequest, now: int) -> tuple[Asked, Plan]:
        """What is asked, and its fate; `now` is monotonic nanoseconds."""
        try:
            asked = examine(request, self.shape, key=self.key, models=self.models)
        except Refused as refused:
            return Asked(kind="models"), Plan(refusal=refused.refusal)
        behaviour = self.per_model.get(asked.model or "", self.behaviour)
        if asked.kind != "models" and self.upcoming:
            behaviour = self.upcoming.popleft()
        limits = asked.model if asked.model in self.per_model else None
        decided = self._account.decide(behaviour, asked, limits=limits, in_flight=self._journal.in_flight, now=now)
        return asked, decided

    def _stamp(self, number: int) -> Stamp:
        return Stamp(f"{self.name}{number}", self._utc())


def _shape(shape: Literal["openai", "anthropic"] | Shape) -> Shape:
    match shape:
        case "openai":
            return OpenAIShape()
        case "anthropic":
            return AnthropicShape()
        case _:
            return shape
