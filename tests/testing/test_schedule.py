import random

import trio
from trio._core import _run

from callboard.testing.schedule import seeded


async def turns() -> list[int]:
    """The order in which ten tasks get their turns."""
    order: list[int] = []

    async def walk(n: int) -> None:
        for _ in range(5):
            order.append(n)
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        for n in range(10):
            nursery.start_soon(walk, n)
    return order


def run(seed: int) -> list[int]:
    with seeded(seed):
        return trio.run(turns)


def test_the_same_seed_gives_the_same_schedule_and_another_another() -> None:
    """Fails when a new version of Trio has lost the private hook that this rests on."""
    assert [run(seed) for seed in range(5)] == [run(seed) for seed in range(5)]
    assert len({tuple(run(seed)) for seed in range(5)}) == 5


def test_every_run_within_goes_on_from_the_one_before() -> None:
    with seeded(1):
        both = trio.run(turns), trio.run(turns)
    assert both[0] != both[1]
    with seeded(1):
        assert (trio.run(turns), trio.run(turns)) == both


def test_what_was_set_before_is_set_again() -> None:
    before, state = vars(_run)["_ALLOW_DETERMINISTIC_SCHEDULING"], _run._r.getstate()
    run(random.Random(0).randrange(1_000))
    assert vars(_run)["_ALLOW_DETERMINISTIC_SCHEDULING"] is before
    assert _run._r.getstate() == state
