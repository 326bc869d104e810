from hypothesis import given
from hypothesis import strategies as st

from callboard.runtime.circuit.rolling import RollingCounts

BUCKETS = 10
PERIOD = 1_000
STEP = PERIOD // BUCKETS


@given(st.lists(st.tuples(st.integers(0, 300), st.booleans()), max_size=60), st.integers(0, 1_500))
def test_the_counts_are_those_of_the_latest_buckets(calls: list[tuple[int, bool]], rest: int) -> None:
    counts = RollingCounts(PERIOD, BUCKETS)
    now, log = 0, list[tuple[int, bool]]()
    for gap, fault in calls:
        now += gap
        log.append((now, fault))
        counts.add(now, fault=fault)
    now += rest
    recent = [fault for at, fault in log if at // STEP > now // STEP - BUCKETS]
    assert counts.totals(now) == (len(recent), sum(recent))


@given(st.lists(st.tuples(st.integers(0, 300), st.booleans()), min_size=1, max_size=60))
def test_nothing_younger_than_the_period_less_a_bucket_is_missed_and_nothing_older_than_it_counts(
    calls: list[tuple[int, bool]],
) -> None:
    counts = RollingCounts(PERIOD, BUCKETS)
    now, log = 0, list[int]()
    for gap, fault in calls:
        now += gap
        log.append(now)
        counts.add(now, fault=fault)
    total, _ = counts.totals(now)
    assert sum(now - at <= PERIOD - STEP for at in log) <= total <= sum(now - at < PERIOD for at in log)


def test_memory_does_not_grow_with_the_calls() -> None:
    counts = RollingCounts(PERIOD, BUCKETS)
    for now in range(20 * PERIOD):
        counts.add(now, fault=False)
    assert len(counts._counts) == BUCKETS


def test_clearing_forgets_all() -> None:
    counts = RollingCounts(PERIOD)
    counts.add(0, fault=True)
    counts.clear()
    assert counts.totals(0) == (0, 0)


def test_a_period_shorter_than_its_buckets_still_counts() -> None:
    counts = RollingCounts(3, 10)
    counts.add(5, fault=True)
    assert counts.totals(6) == (1, 1)
