"""Tokens and money."""

from decimal import Decimal
from typing import Final

import msgspec


class Apart(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What few calls have, and what has prices of its own: tokens, and at the end searches."""

    audio_input: int = 0
    """Input tokens of sound that were neither read from nor written to the provider's prompt cache."""
    audio_cached: int = 0
    """Input tokens of sound that were read from it."""
    audio_output: int = 0
    cache_write_1h: int = 0
    """Input tokens written to a prompt cache that keeps them for an hour."""
    image_input: int = 0
    """Input tokens of pictures that were neither read from nor written to the provider's prompt cache, where the
    provider tells them.
    """
    image_cached: int = 0
    """Input tokens of pictures that were read from it."""
    image_output: int = 0
    web_searches: int = 0
    """That the provider made itself and bills one by one, where it tells them. No tokens: no sum counts them."""

    @property
    def input_total(self) -> int:
        """All input."""
        return self.audio_input + self.audio_cached + self.cache_write_1h + self.image_input + self.image_cached

    @property
    def output_total(self) -> int:
        """All output."""
        return self.audio_output + self.image_output

    def plus(self, other: "Apart", sign: int = 1) -> "Apart | None":
        """The sum, or with -1 the difference; None when nothing is left."""
        names = self.__struct_fields__
        total = Apart(**{name: getattr(self, name) + sign * getattr(other, name) for name in names})
        return None if total == NONE_APART else total


NONE_APART: Final = Apart()


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
    apart: Apart | None = None
    """What none of the others counts; None when there is nothing."""

    @property
    def input_total(self) -> int:
        """All input, cached or not."""
        rest = 0 if self.apart is None else self.apart.input_total
        return self.input + self.cached_read + self.cache_write + rest

    @property
    def cached_total(self) -> int:
        """All input that was read from the provider's prompt cache."""
        return self.cached_read + (0 if self.apart is None else self.apart.audio_cached + self.apart.image_cached)

    @property
    def output_total(self) -> int:
        """All output, reasoning included."""
        return self.output + self.reasoning + (0 if self.apart is None else self.apart.output_total)

    @property
    def total(self) -> int:
        """Everything."""
        if self.apart is None:
            return self.input + self.cached_read + self.cache_write + self.output + self.reasoning
        return self.input_total + self.output_total

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input=self.input + other.input,
            cached_read=self.cached_read + other.cached_read,
            cache_write=self.cache_write + other.cache_write,
            output=self.output + other.output,
            reasoning=self.reasoning + other.reasoning,
            apart=None if self.apart is other.apart is None else self._apart(other, 1),
        )

    def __sub__(self, other: "Usage") -> "Usage":
        return Usage(
            input=self.input - other.input,
            cached_read=self.cached_read - other.cached_read,
            cache_write=self.cache_write - other.cache_write,
            output=self.output - other.output,
            reasoning=self.reasoning - other.reasoning,
            apart=None if self.apart is other.apart is None else self._apart(other, -1),
        )

    def with_apart(self, **counts: int) -> "Usage":
        """The same with these numbers among what is counted apart, by Apart's members."""
        return msgspec.structs.replace(self, apart=msgspec.structs.replace(self.apart or NONE_APART, **counts))

    def _apart(self, other: "Usage", sign: int) -> Apart | None:
        return (self.apart or NONE_APART).plus(other.apart or NONE_APART, sign)


def apart(**counts: int) -> Apart | None:
    """What is counted apart, by Apart's members; None when there is nothing."""
    return Apart(**counts) if any(counts.values()) else None


Cost = Decimal
"""US dollars. Where a cost is optional, None is an unknown price and 0 a known free one."""


class Bill(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a provider tells of what it charges, beside the count of tokens."""

    cost: Cost | None = None
    """US dollars, where it tells them."""
    usage: Usage | None = None
    """What it charges for, where that is less than what the model read and wrote."""
    tier: str | None = None
    """The service tier that it was served in, where that is not the usual one: `priority`, `flex`."""
    speed: str | None = None
    """`fast`, where that has prices of its own."""
    geo: str | None = None
    """Where alone the model was allowed to run, where that has prices of its own: `us`."""


def add_costs(left: Cost | None, right: Cost | None) -> Cost | None:
    """The sum of two costs; unknown as soon as one of them is."""
    return None if left is None or right is None else left + right
