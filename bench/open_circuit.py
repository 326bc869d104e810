"""What a call costs while the first candidate's circuit is open, beside a call when all is well: wall time, A B A B.

Two simulated providers in this process, without sockets, so that what is compared is callboard's own path. B: the first
provider is dead and its circuit has opened; its backoff is longer than a round, so that no call is a trial.

usage: python bench/open_circuit.py [ROUNDS] [CALLS]
"""

import json
import platform
import statistics
import sys
import time

import trio

import callboard
from callboard.config import Config
from callboard.messages.calls import Operate
from callboard.sections import CircuitConfig, ProviderConfig, StoreConfig
from callboard.testing import Behaviour
from callboard.testing.direct import DirectProvider

GOAL = 2.0
"""Milliseconds that the 99th percentile may be higher."""
MODEL = "sim-small"


async def percentiles(board: callboard.Board, calls: int, expected: str) -> tuple[float, float]:
    """Median and 99th percentile of so many calls one after the other, in milliseconds."""
    took = []
    for number in range(calls):
        began = time.perf_counter()
        reply = await board.generate(f"Why {number}?", model="any")
        took.append(1000 * (time.perf_counter() - began))
        assert reply.provider == expected
    cuts = statistics.quantiles(took, n=100)
    return cuts[49], cuts[98]


async def opened(board: callboard.Board, provider: DirectProvider) -> None:
    """Kill it, and let its circuit open."""
    provider.die()
    for number in range(6):
        await board.generate(f"Open {number}?", model="any")


async def closed(board: callboard.Board, provider: DirectProvider) -> None:
    """Bring it back."""
    provider.revive()
    await board.operate(provider.name, Operate(command="reset"))
    await trio.sleep(0.01)


async def measure(rounds: int, calls: int) -> list[tuple[float, float, float, float]]:
    """For each round: median and 99th percentile while all is well, then while the circuit is open."""
    providers = {name: DirectProvider(name, behaviour=Behaviour(tokens=(8, 8))) for name in ("alpha", "beta")}
    circuit = CircuitConfig(backoff=300.0)
    config = Config(
        providers={
            name: ProviderConfig(wire="openai", base_url=one.url, circuit=circuit) for name, one in providers.items()
        },
        models={"any": [f"{name}/{MODEL}" for name in providers]},
        store=StoreConfig(mode="memory"),
    )
    samples = []
    async with callboard.open(config, transport=lambda one: providers[one.name].transport()) as board:
        await percentiles(board, calls, "alpha")
        for _ in range(rounds):
            well = await percentiles(board, calls, "alpha")
            await opened(board, providers["alpha"])
            shut = await percentiles(board, calls, "beta")
            await closed(board, providers["alpha"])
            samples.append((*well, *shut))
            for provider in providers.values():
                provider.forget_log()
    return samples


def main(rounds: int, calls: int) -> int:
    """Print every sample, medians, spread and ratio; 1 when the difference misses the goal."""
    samples = trio.run(measure, rounds, calls)
    columns = [list(column) for column in zip(*samples, strict=True)]
    well, well99, shut, shut99 = (statistics.median(column) for column in columns)
    print(f"Python {platform.python_version()}, {rounds} rounds of {calls} calls, milliseconds of wall time")
    print("median, p99 while all is well; median, p99 while the first circuit is open:")
    print(json.dumps([[round(one, 3) for one in sample] for sample in samples]))
    spread = [round(max(column) - min(column), 3) for column in columns]
    print(f"medians {well:.3f}, {well99:.3f}; {shut:.3f}, {shut99:.3f}; spread {spread}")
    print(f"ratio of medians {shut / well:.2f}, of p99 {shut99 / well99:.2f}")
    print(f"p99 is {shut99 - well99:+.3f} ms (goal: at most +{GOAL})")
    return 0 if shut99 - well99 <= GOAL else 1


if __name__ == "__main__":
    told = [int(one) for one in sys.argv[1:]]
    sys.exit(main(*(told + [7, 1000][len(told) :])))
