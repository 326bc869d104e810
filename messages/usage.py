"""Tokens and money."""

from decimal import Decimal

import msgspec


class Usage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Tokens of one or more calls, in partitions that never overlap.

    Providers count differently: OpenAI's and Gemini's input includes cached tokens, Anthropic's does not; Gemini's
    output leaves reasoning out, OpenAI's includes it. A wire sorts its provider's counts into these.
    """

    input: int = 0
    """Input tokens that were neither read from nor written to the provider's prompt cache."""
    cached_read: int = 0
    cache_write: int = 0
    output: int = 0
    """Output tokens other than reasoning."""
    reasoning: int = 0

    @property
    def input_total(self) -> int:
        """All input, cached or not."""
        return self.input + self.cached_read + self.cache_write

    @property
    def output_total(self) -> int:
        """All output, reasoning included."""
        return self.output + self.reasoning

    @property
    def total(self) -> int:
        """Everything."""
        return self.input + self.cached_read + self.cache_write + self.output + self.reasoning

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input=self.input + other.input,
            cached_read=self.cached_read + other.cached_read,
            cache_write=self.cache_write + other.cache_write,
            output=self.output + other.output,
            reasoning=self.reasoning + other.reasoning,
        )


Cost = Decimal
"""US dollars. Where a cost is optional, None is an unknown price and 0 a known free one."""


def add_costs(left: Cost | None, right: Cost | None) -> Cost | None:
    """The sum of two costs; unknown as soon as one of them is."""
    return None if left is None or right is None else left + right
