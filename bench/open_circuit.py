"""What does a call cost while the first candidate's circuit is open, beside a call when all is well?

usage: python bench/open_circuit.py [--rounds N] [--quick] [--json FILE] [--markdown FILE] [--svg FILE]

Two simulated providers in this process, without sockets, so that what is compared is callboard's own path. In the
second subject the first provider is dead and its circuit has opened; its backoff is longer than a sample, so that no
call is a trial.
"""

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import trio

import callboard
from callboard.bench.harness.options import Options
from callboard.bench.harness.question import Goal, Question, Subject
from callboard.bench.harness.running import main
from callboard.config import Config
from callboard.sections import CircuitConfig, ProviderConfig, StoreConfig
from callboard.testing import Behaviour
from callboard.testing.direct import DirectProvider

MODEL = "sim-small"
WARM = 50
"""Calls before each sample."""


class Figures:
    """One round's, by subject: milliseconds of the wall's clock, median and 99th percentile."""

    def __init__(self, calls: int) -> None:
        self._calls = calls
        self._latest: dict[bool, tuple[float, float]] = {}

    def p99(self, *, dead: bool) -> float:
        """Take a sample. One that fails leaves none behind for the others to go by."""
        self._latest.pop(dead, None)
        self._latest[dead] = trio.run(_sample, self._calls, dead)
        return self._latest[dead][1]

    def median(self, *, dead: bool) -> float:
        """Of the sample taken last."""
        return self._latest[dead][0]

    def more(self) -> float:
        """How much higher the 99th percentile was while the circuit was open."""
        return self._latest[True][1] - self._latest[False][1]


@contextmanager
def questions(options: Options) -> Iterator[Sequence[Question]]:
    """One."""
    calls = options.amount(1_000)
    figures = Figures(calls)
    yield [
        Question(
            name="a call past an open circuit",
            asks="How much later is the reply when the first candidate's circuit is open?",
            unit="ms on the wall's clock",
            settings={"calls a sample": calls},
            turned_off="sockets: the providers are simulated in this process; the store is in memory; an open circuit "
            "is tried again after 300 s, not 5",
            subjects=(
                Subject("all is well, p99", lambda: figures.p99(dead=False)),
                Subject("circuit open, p99", lambda: figures.p99(dead=True)),
                Subject("difference at p99", figures.more),
                Subject("all is well, median", lambda: figures.median(dead=False)),
                Subject("circuit open, median", lambda: figures.median(dead=True)),
            ),
            goals=(Goal(subject="difference at p99", at_most=2.0),),
            compared=False,
        )
    ]


async def _sample(calls: int, dead: bool) -> tuple[float, float]:
    providers = {name: DirectProvider(name, behaviour=Behaviour(tokens=(8, 8))) for name in ("alpha", "beta")}
    circuit = CircuitConfig(backoff=300.0)
    config = Config(
        providers={
            name: ProviderConfig(wire="openai", base_url=one.url, circuit=circuit) for name, one in providers.items()
        },
        models={"any": [f"{name}/{MODEL}" for name in providers]},
        store=StoreConfig(mode="memory"),
    )
    async with callboard.open(config, transport=lambda one: providers[one.name].transport()) as board:
        if dead:
            providers["alpha"].die()
        for number in range(WARM):
            await board.generate(f"Warm {number}?", model="any")
        return await _percentiles(board, calls, "beta" if dead else "alpha")


async def _percentiles(board: callboard.Board, calls: int, expected: str) -> tuple[float, float]:
    """Median and 99th percentile of so many calls one after the other, in milliseconds."""
    took = []
    for number in range(calls):
        began = time.perf_counter()
        reply = await board.generate(f"Why {number}?", model="any")
        took.append(1000 * (time.perf_counter() - began))
        assert reply.provider == expected
    cuts = statistics.quantiles(took, n=100)
    return cuts[49], cuts[98]


if __name__ == "__main__":
    main(questions)
