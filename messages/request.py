"""What is asked of a model, whoever the provider is."""

from typing import Any, Literal, TypeAlias

import msgspec

from callboard.messages.base import Veiled
from callboard.messages.chat import ChatMessage, Extra
from callboard.messages.priority import Priority

CacheUse: TypeAlias = Literal["auto", "use", "refresh", "only", "off"]
Effort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh"]


class Tool(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A function that the model may ask the caller to run."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    """JSON Schema of the arguments, an object at its top."""
    strict: bool | None = None
    """Whether the provider holds the model to the schema; None leaves its default."""
    extra: Extra | None = None


class ToolChoice(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Whether the model may, must or must not call a tool; `name` forces that one."""

    mode: Literal["auto", "none", "required", "named"] = "auto"
    name: str | None = None


class Output(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Structured output: any JSON object, or one that follows a JSON Schema.

    The reply's `text` is that JSON, as the model wrote it; `checks=["schema"]` holds it to the schema.
    """

    kind: Literal["text", "json", "schema"] = "schema"
    schema: dict[str, Any] | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None


class Sampling(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """How the model picks its words. None leaves the provider's default."""

    max_tokens: int | None = None
    """Bound on what the model may write, reasoning included where the provider counts so."""
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


NOTHING_SAID = Sampling()
"""Shared by all requests that say nothing of sampling."""


class Thinking(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How much the model may reason before it answers; one of the two."""

    effort: Effort | None = None
    budget_tokens: int | None = None
    extra: Extra | None = None
    """Members without a name here of the provider's own object for thinking; of the body at Ollama, which has no such
    object, and UNSUPPORTED by chat completions without one."""


class CacheControl(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the reply cache may do for this call."""

    use: CacheUse = "auto"
    """auto: read and write when the request is deterministic (temperature 0, a seed, or texts to embed); use: also when
    it is not; refresh: write only; only: read only, and a miss is a fault; off: neither."""
    max_age: float | None = None
    """Seconds; an older entry is a miss."""
    partition: str = ""
    """The caller's tenant: entries never cross partitions."""


class Work(Veiled, frozen=True, kw_only=True):
    """What everything that is asked of a model has in common. Each kind of work adds what is asked.

    `extra` holds members of the provider's own request that have no name here; they are sent untouched.
    """

    model: str
    """`provider/model`, or an alias from the configuration."""
    user: str | None = None
    """The end user on whose behalf this is asked; sent to providers that take one, and counted by."""
    tag: str | None = None
    """The caller's feature that asks; counted by, never sent."""
    metadata: dict[str, str] | None = None
    """Returned with the reply; never sent."""
    priority: Priority = "normal"
    cache: CacheControl = CacheControl(use="off")
    wait: bool = False
    """When every circuit is open: wait for the next trial, if it comes before the deadline, instead of failing."""
    keep_raw: bool = False
    """Keep the provider's own reply in `raw`, where the kind of work can."""
    extra: Extra | None = None

    @property
    def deterministic(self) -> bool:
        """Whether asking twice is meant to give the same answer."""
        return False


class Request(Work, frozen=True, kw_only=True):
    """A conversation for the model to go on with."""

    messages: tuple[ChatMessage, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    output: Output | None = None
    sampling: Sampling = NOTHING_SAID
    thinking: Thinking | None = None
    cache: CacheControl = CacheControl()

    @property
    def deterministic(self) -> bool:
        """Whether asking twice is meant to give the same answer."""
        return self.sampling.temperature == 0 or self.sampling.seed is not None

    def __repr__(self) -> str:
        return f"Request({self.model!r}, {len(self.messages)} messages, {len(self.tools)} tools)"
