from itertools import pairwise

import pytest

from callboard.simulation.cast import CAST, PACE
from callboard.simulation.faults import Episode, Trouble, episodes, troubled
from callboard.simulation.mishaps import Restart, mishaps
from callboard.simulation.spec import Spec

YEAR = Spec(seed=4, days=365)
BUSY = [600.0 * number for number in range(50_000)]


@pytest.mark.parametrize("provider", CAST)
def test_a_providers_episodes_follow_each_other_and_end_in_time(provider: str) -> None:
    lived = list(episodes(YEAR, provider))
    assert all(one.start < one.end <= YEAR.seconds * 0.95 + 1e-6 for one in lived)
    assert all(before.end <= after.start for before, after in pairwise(lived))


def test_a_year_has_every_trouble_and_every_mishap() -> None:
    seen = {one.trouble for provider in CAST for one in episodes(YEAR, provider)}
    assert seen == set(Trouble)
    kinds = [type(mishap).__name__ for _, mishap in mishaps(YEAR, BUSY)]
    assert all(kinds.count(kind) > 100 for kind in ("Crash", "Jump", "Command", "Restart"))
    assert {mishap.killed for _, mishap in mishaps(YEAR, BUSY) if isinstance(mishap, Restart)} == {False, True}


def test_mishaps_come_in_order() -> None:
    times = [at for at, _ in mishaps(YEAR, BUSY)]
    assert times == sorted(times)


@pytest.mark.parametrize("trouble", Trouble)
def test_a_trouble_changes_the_behaviour_or_the_way_to_the_provider(trouble: Trouble) -> None:
    episode = Episode(provider="alpha", trouble=trouble, start=0, end=1, rate=0.9)
    elsewhere = trouble in (Trouble.REFUSES, Trouble.UNREACHABLE, Trouble.UNAUTHORIZED)
    assert (troubled(PACE, episode) == PACE) == elsewhere


def test_most_mishaps_come_in_the_midst_of_calls() -> None:
    after = [at % 600 for at, _ in mishaps(YEAR, BUSY)]
    assert 0.7 < sum(second <= 6 for second in after) / len(after) < 0.9
    assert max(at for at, _ in mishaps(YEAR, [])) <= YEAR.seconds * 0.95
