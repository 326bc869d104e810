from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.messages.usage import NONE_APART, Apart, Cost, Usage, add_costs, apart

PLAIN = ("input", "cached_read", "cache_write", "output", "reasoning")
counts = st.integers(0, 10**9)
aparts = st.builds(apart, **dict.fromkeys(Apart.__struct_fields__, counts))
usages = st.builds(Usage, apart=st.none() | aparts, **dict.fromkeys(PLAIN, counts))


def partitions(usage: Usage) -> list[int]:
    rare = usage.apart or NONE_APART
    return [*(getattr(usage, name) for name in PLAIN), *(getattr(rare, name) for name in Apart.__struct_fields__)]


def tokens(usage: Usage) -> list[int]:
    return partitions(usage)[:-1]


@given(usages)
def test_the_partitions_never_overlap(usage: Usage) -> None:
    assert usage.total == sum(tokens(usage)) == usage.input_total + usage.output_total


def test_what_was_cached_is_text_sound_and_pictures() -> None:
    kinds = Apart(audio_input=1, audio_cached=20, cache_write_1h=3, image_input=4, image_cached=500, image_output=6)
    assert Usage(input=7, cached_read=8_000, cache_write=9, apart=kinds).cached_total == 8_520
    assert Usage(input=7, cached_read=8_000, cache_write=9).cached_total == 8_000


@given(usages)
def test_what_was_cached_is_a_part_of_what_went_in(usage: Usage) -> None:
    assert usage.cached_read <= usage.cached_total <= usage.input_total


@given(usages, usages)
def test_sums_and_differences_are_by_partition(one: Usage, other: Usage) -> None:
    added = one + other
    assert partitions(added) == [sum(pair) for pair in zip(partitions(one), partitions(other), strict=True)]
    assert sum([one, other], Usage()) == added
    assert added - other == one
    assert one - one == Usage()


@given(usages, counts)
def test_a_number_set_apart_changes_nothing_else(usage: Usage, searches: int) -> None:
    found = usage.with_apart(web_searches=searches)
    assert partitions(found) == [*tokens(usage), searches]


def test_what_is_counted_apart_takes_no_room_where_there_is_none() -> None:
    assert apart() is None
    assert msgspec.json.encode(apart(audio_output=5)) == b'{"audio_output":5}'


def test_a_usage_that_was_written_before_anything_was_counted_apart_is_read() -> None:
    before = b'{"input":1,"cached_read":2,"cache_write":3,"output":4,"reasoning":5}'
    assert msgspec.json.decode(before, type=Usage) == Usage(
        input=1, cached_read=2, cache_write=3, output=4, reasoning=5
    )


@pytest.mark.parametrize(
    ("left", "right", "cost"),
    [
        (Decimal(1), Decimal(2), Decimal(3)),
        (None, Decimal(2), None),
        (Decimal(1), None, None),
        (None, None, None),
        (Decimal(0), None, None),
        (Decimal(0), Decimal(2), Decimal(2)),
    ],
)
def test_an_unknown_cost_makes_the_sum_unknown_and_a_free_one_does_not(
    left: Cost | None, right: Cost | None, cost: Cost | None
) -> None:
    assert add_costs(left, right) == cost
