"""What is asked in the demo: a pure function of the number of calls and the seed."""

import random
from collections.abc import Iterator

import msgspec

BURST = 4
"""Callers that ask the same thing at the same time."""
PERIOD = 25
"""One burst among so many calls."""
SHARED_QUESTIONS = 5
"""The bursts ask these in turn, so that a later one finds the reply in the cache."""
STREAMED = 0.5
"""The share of the other calls that are streamed."""

ALIASES = ("smart", "smart", "fast", "careful")
"""Taken in turn; `smart` leads to the provider that will fail."""

_SUBJECTS = ("the sea", "a clock", "an orchestra", "winter", "a lighthouse", "bread", "the moon", "a long bridge")
_ASPECTS = ("its oldest story", "what it sounds like", "why people miss it", "how it is made", "what it teaches")


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """One call to make."""

    number: int
    prompt: str
    model: str
    stream: bool
    deterministic: bool
    """Whether the reply may come from the cache or from another caller's identical call."""


def planned(calls: int, seed: int) -> tuple[Planned, ...]:
    """All calls of one demo, in order."""
    draw = random.Random(f"{seed}/script")
    return tuple(_call(number, draw) for number in range(calls))


def more(start: int, seed: int) -> Iterator[Planned]:
    """Calls numbered from `start` that all lead to the provider that failed, until nobody takes any more."""
    draw = random.Random(f"{seed}/more")
    while True:
        yield Planned(number=start, prompt=_prompt(start, draw), model=ALIASES[0], stream=False, deterministic=False)
        start += 1


def _call(number: int, draw: random.Random) -> Planned:
    prompt, streamed = _prompt(number, draw), draw.random() < STREAMED
    burst, place = divmod(number, PERIOD)
    if place < BURST:
        question = f"Shared question {burst % SHARED_QUESTIONS}: tell me about {_SUBJECTS[burst % SHARED_QUESTIONS]}."
        return Planned(number=number, prompt=question, model="fast", stream=False, deterministic=True)
    model = ALIASES[number % len(ALIASES)]
    return Planned(number=number, prompt=prompt, model=model, stream=streamed, deterministic=False)


def _prompt(number: int, draw: random.Random) -> str:
    return f"Question {number}: tell me about {draw.choice(_SUBJECTS)}, {draw.choice(_ASPECTS)}."
