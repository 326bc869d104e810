"""To which part of a call a profiler's sample belongs."""

import pytest

from callboard.bench.harness import client
from callboard.bench.harness.shares import UNATTRIBUTED, made, part_of, shares

CALL = "main (callboard/bench/harness/client.py:1);_try (callboard/actors/orchestrator/pursuit.py:2)"
LOOK = f"{CALL};get (callboard/actors/cache/actor.py:3)"
WORKER = "WorkerThread._work (trio/_core/_thread_cache.py:2)"
STORAGE = "storage: commits, the wait for the disk included"
READ = f"{LOOK};_read (callboard/runtime/storage/reading.py:4)"


@pytest.mark.parametrize(
    ("stack", "part"),
    [
        (CALL, "orchestrator: plan, story, outcome"),
        (f"{CALL};loads (json/__init__.py:9)", "orchestrator: plan, story, outcome"),
        (LOOK, "cache: looking, sharing, keeping"),
        (READ, STORAGE),
        (f"{CALL};__exit__ (contextlib.py:9)", "orchestrator: plan, story, outcome"),
        ("elsewhere (somewhere.py:1)", UNATTRIBUTED),
        (f"_load (importlib/__init__.py:1);{CALL}", None),
        (f"_bootstrap (threading.py:1);{WORKER}", None),
        (
            "WorkerThread._work (trio/_core/_thread_cache.py:2);commit (callboard/runtime/storage/environment.py:3)",
            STORAGE,
        ),
    ],
)
def test_a_sample_belongs_to_the_innermost_frame_of_a_part(stack: str, part: str | None) -> None:
    assert part_of(stack) == part


def test_samples_are_added_up_by_part_and_what_is_no_part_of_a_call_is_left_out() -> None:
    raw = f"{CALL} 3\n{LOOK} 2\n{CALL};more (json/__init__.py:1) 4\n_load (importlib/__init__.py:1) 9\n"
    assert dict(shares(raw)) == {"orchestrator: plan, story, outcome": 7, "cache: looking, sharing, keeping": 2}


def test_plain_calls_and_those_that_miss_the_cache_can_be_shared_out() -> None:
    assert made("plain") is client.plain
    assert made("missed") is not made("missed")
