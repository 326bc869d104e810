"""What is asked, when, and how: bursts of calls with a day and a night, drawn from the seed. Pure."""

import math
import random
from collections.abc import Iterator

import msgspec

from callboard.asking import Options
from callboard.messages.request import Output, Tool
from callboard.simulation.cast import ALIASES, CAST, LARGE, SMALL
from callboard.simulation.spec import Spec

BURST = 20
"""Calls of a burst, on average."""
HOUR = 3600.0
QUESTIONS = 60
"""Those that are asked again and again."""
TAGS = ("search", "mail", "agent", "batch", "")
USERS = ("ada", "boole", "cantor", "dirac", "")

_SUBJECTS = ("the sea", "a clock", "an orchestra", "winter", "a lighthouse", "bread", "the moon", "a long bridge")
_WEATHER = Tool(
    name="weather",
    description="The weather at a place.",
    parameters={
        "type": "object",
        "properties": {"place": {"type": "string"}, "days": {"type": "integer", "minimum": 1, "maximum": 9}},
        "required": ["place", "days"],
    },
)
_CARD = Output(
    kind="schema",
    name="card",
    schema={
        "type": "object",
        "properties": {"title": {"type": "string"}, "stars": {"type": "integer"}},
        "required": ["title", "stars"],
        "additionalProperties": False,
    },
)


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """One call to make."""

    number: int
    at: float
    """Seconds since the simulation began."""
    prompt: str
    model: str
    stream: bool = False
    options: Options
    timeout: float | None = None
    """Seconds; None: the configuration's."""
    attempts: int | None = None
    money: str | None = None
    """US dollars."""
    cancel_after: float | None = None
    """Seconds until the caller changes its mind."""
    leave_after: int | None = None
    """Pieces of a stream after which its reader leaves."""
    hedge: bool = False
    """Whether another candidate may be asked as well when the first is late; plain calls only."""
    pause: float = 0.0
    """Seconds that the reader of a stream takes for each piece."""


class Burst(msgspec.Struct, frozen=True):
    """Calls that come close together."""

    number: int
    at: float
    calls: int
    first: int
    """The number of its first call."""


def bursts(spec: Spec) -> list[Burst]:
    """All bursts in order; their calls are exactly as many as the spec wants."""
    draw = random.Random(f"{spec.seed}/bursts")
    sizes = list(_sizes(spec.calls, draw))
    found, first = [], 0
    for number, (at, size) in enumerate(zip(sorted(_times(spec, len(sizes), draw)), sizes, strict=True)):
        found.append(Burst(number, at, size, first))
        first += size
    return found


def calls(spec: Spec, burst: Burst) -> Iterator[Planned]:
    """The calls of one burst, in the order of their times."""
    draw = random.Random(f"{spec.seed}/burst/{burst.number}")
    length = draw.choice((0.0, 5.0, 30.0, 120.0))
    offsets = sorted(draw.uniform(0, length) for _ in range(burst.calls))
    favourite = draw.randrange(QUESTIONS)
    for index, offset in enumerate(offsets):
        yield _call(burst.first + index, burst.at + offset, favourite, draw)


def _sizes(total: int, draw: random.Random) -> Iterator[int]:
    while total > 0:
        size = min(total, 1 + int(draw.expovariate(1 / BURST)))
        yield size
        total -= size


def _times(spec: Spec, count: int, draw: random.Random) -> list[float]:
    hours = range(max(1, math.ceil(spec.seconds / HOUR)))
    chosen = draw.choices(hours, [_busyness(hour) for hour in hours], k=count)
    return [min(hour * HOUR + draw.uniform(0, HOUR), spec.seconds) for hour in chosen]


def _busyness(hour: int) -> float:
    """How much is asked in this hour: least at four in the night, most at four in the afternoon, less at weekends."""
    day = 1.0 if hour // 24 % 7 < 5 else 0.4
    return day * (1.1 - math.cos((hour % 24 - 4) / 24 * 2 * math.pi))


def _call(number: int, at: float, favourite: int, draw: random.Random) -> Planned:
    kind = draw.choices(("plain", "stream", "cached", "tool", "schema"), (42, 30, 18, 5, 5))[0]
    stream = kind == "stream" or (kind in ("tool", "schema", "cached") and draw.random() < 0.2)
    prompt = f"Question {number}: what of {draw.choice(_SUBJECTS)}?"
    if kind == "cached":
        prompt = f"Frequent question {favourite if draw.random() < 0.7 else draw.randrange(QUESTIONS)}"
    return Planned(
        number=number,
        at=at,
        prompt=prompt,
        model="fast" if kind == "cached" and draw.random() < 0.7 else _model(draw),
        stream=stream,
        options=_options(kind, draw),
        timeout=draw.uniform(0.02, 2.0) if draw.random() < 0.04 else draw.choice((None, None, 60.0)),
        attempts=draw.choice((1, 2, 8)) if draw.random() < 0.1 else None,
        money="0.0001" if draw.random() < 0.02 else None,
        cancel_after=draw.uniform(0, 3) if draw.random() < 0.04 else None,
        hedge=not stream and kind != "cached" and draw.random() < 0.15,
        leave_after=draw.randrange(1, 6) if stream and draw.random() < 0.08 else None,
        pause=draw.choice((0.3, 2.0, 12.0)) if stream and draw.random() < 0.06 else 0.0,
    )


def _model(draw: random.Random) -> str:
    if draw.random() < 0.8:
        return draw.choice(list(ALIASES))
    return f"{draw.choice(list(CAST))}/{draw.choice((SMALL, LARGE))}"


def _options(kind: str, draw: random.Random) -> Options:
    options: Options = {
        "max_tokens": draw.randint(4, 40),
        "priority": draw.choice(("critical", "normal", "normal", "background")),
        "wait": draw.random() < 0.4,
    }
    if tag := draw.choice(TAGS):
        options["tag"] = tag
    if (user := draw.choice(USERS)) and kind != "cached":
        options["user"] = user
    match kind:
        case "cached":
            options |= {"temperature": 0.0, "max_tokens": 16}
            if draw.random() < 0.1:
                options["cache"] = draw.choice(("refresh", "off", "only"))
        case "tool":
            options |= {"tools": [_WEATHER], "tool_choice": "required"}
        case "schema":
            options["output"] = _CARD
        case _:
            options["temperature"] = 0.7
    return options
