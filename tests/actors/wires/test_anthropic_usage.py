from typing import Any

import pytest

from callboard.actors.wires.anthropic_usage import usage_of
from callboard.actors.wires.jsons import MOST_TOKENS
from callboard.messages.usage import Apart, Usage, apart


def written(tokens: int, for_minutes: int, for_an_hour: int) -> dict[str, Any]:
    apart = {"ephemeral_5m_input_tokens": for_minutes, "ephemeral_1h_input_tokens": for_an_hour}
    return {"cache_creation_input_tokens": tokens, "cache_creation": apart}


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        ({"input_tokens": 10, "output_tokens": 5}, Usage(input=10, output=5)),
        (
            {"input_tokens": 1, "cache_read_input_tokens": 8, "cache_creation_input_tokens": 4, "output_tokens": 5},
            Usage(input=1, cached_read=8, cache_write=4, output=5),
        ),
        ({"output_tokens": 9, "output_tokens_details": {"thinking_tokens": 4}}, Usage(output=5, reasoning=4)),
        ({"output_tokens": 3, "output_tokens_details": {"thinking_tokens": 4}}, Usage(output=0, reasoning=3)),
        ({"output_tokens": 3, "output_tokens_details": None, "service_tier": "batch"}, Usage(output=3)),
        ({"input_tokens": "many", "output_tokens": -5}, Usage()),
        (written(5, 3, 2), Usage(cache_write=3, apart=Apart(cache_write_1h=2))),
        (written(5, 0, 9), Usage(apart=Apart(cache_write_1h=5))),
        (written(5, 5, 0), Usage(cache_write=5)),
        ({"cache_creation_input_tokens": 5, "cache_creation": None}, Usage(cache_write=5)),
    ],
)
def test_input_leaves_out_what_was_cached_and_output_includes_thinking(counts: dict[str, Any], usage: Usage) -> None:
    assert usage_of(counts) == usage


def step(kind: str, read: int, wrote: int, cached: int = 0) -> dict[str, Any]:
    return {"type": kind, "input_tokens": read, "output_tokens": wrote, "cache_read_input_tokens": cached}


def test_what_summing_up_took_stands_beside_the_sums_and_is_billed() -> None:
    """The first figures are those of Anthropic's own example."""
    counts = {"input_tokens": 23_000, "output_tokens": 1_000}
    summed_up = [step("compaction", 180_000, 3_500), step("message", 23_000, 1_000)]
    assert usage_of({**counts, "iterations": summed_up}) == Usage(input=203_000, output=4_500)
    twice = [*summed_up, step("compaction", 500, 40, 7)]
    assert usage_of({**counts, "iterations": twice}) == Usage(input=203_500, cached_read=7, output=4_540)


@pytest.mark.parametrize(
    "iterations",
    [
        None,
        "many",
        [None, 7],
        [step("message", 5, 1)],
        [step("fallback_message", 5, 1)],
        [step("message", 5, 1), step("advisor_message", 900, 80)],
    ],
)
def test_steps_that_the_sums_hold_are_counted_once_and_an_adviser_is_not(
    iterations: object,
) -> None:
    assert usage_of({"input_tokens": 5, "output_tokens": 1, "iterations": iterations}) == Usage(input=5, output=1)


@pytest.mark.parametrize(
    ("told", "searches"),
    [({"web_search_requests": 3, "web_fetch_requests": 9}, 3), ({"web_search_requests": 0}, 0), (None, 0), ("many", 0)],
)
def test_searches_of_the_web_are_counted_and_are_no_tokens(told: object, searches: int) -> None:
    usage = usage_of({"input_tokens": 5, "output_tokens": 1, "server_tool_use": told})
    assert usage == Usage(input=5, output=1, apart=apart(web_searches=searches))
    assert usage is not None
    assert usage.total == 6


def test_no_counts_are_no_usage() -> None:
    assert usage_of({}) is None


def test_no_server_counts_more_than_a_few_attempts_can_have_used() -> None:
    steps = [{"type": "compaction", "input_tokens": 10**30, "output_tokens": 10**30}] * 1_000
    counted = usage_of({"input_tokens": 5, "output_tokens": 1, "iterations": steps})
    assert counted is not None
    assert counted.total < 5 * MOST_TOKENS
