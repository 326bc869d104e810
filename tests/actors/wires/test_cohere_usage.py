from typing import Any

import pytest

from callboard.actors.wires.cohere_usage import usage_of
from callboard.messages.usage import Apart, Usage


def counts(read: float, wrote: float, **more: Any) -> dict[str, Any]:
    return {
        "billed_units": {"input_tokens": 1, "output_tokens": 1},
        "tokens": {"input_tokens": read, "output_tokens": wrote},
    } | more


@pytest.mark.parametrize(
    ("raw", "usage"),
    [
        (counts(50, 5), Usage(input=50, output=5)),
        (counts(50.0, 5.0, cached_tokens=20.0), Usage(input=30, cached_read=20, output=5)),
        (counts(50, 5, cached_tokens=90), Usage(input=0, cached_read=50, output=5)),
        (
            {"tokens": {"input_tokens": 5, "image_tokens": 7, "output_tokens": 3}},
            Usage(input=5, output=3, apart=Apart(image_input=7)),
        ),
        ({"tokens": {"output_tokens": 9, "reasoning_tokens": 4}}, Usage(output=5, reasoning=4)),
        ({"tokens": {"output_tokens": 3, "reasoning_tokens": 4}}, Usage(output=0, reasoning=3)),
        ({"billed_units": {"input_tokens": 5, "output_tokens": 2}}, Usage(input=5, output=2)),
        ({"tokens": {"input_tokens": "many", "output_tokens": -1}}, Usage()),
    ],
)
def test_counts_fall_into_partitions_that_add_up(raw: dict[str, Any], usage: Usage) -> None:
    assert usage_of(raw) == usage


@pytest.mark.parametrize("raw", [None, {}, [], "7", {"tokens": {}}, {"billed_units": None}, {"cached_tokens": 5}])
def test_no_counts_are_no_usage(raw: Any) -> None:
    assert usage_of(raw) is None
