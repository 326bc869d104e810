from typing import Any

import pytest

from callboard.actors.wires.anthropic_usage import usage_of
from callboard.messages.usage import Apart, Usage


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


def test_no_counts_are_no_usage() -> None:
    assert usage_of({}) is None
