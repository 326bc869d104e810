import pytest

from callboard.actors.limiter.blocks import Block, Blocks


@pytest.mark.parametrize("quota", [False, True])
def test_what_is_over_makes_room_for_what_is_new(quota: bool) -> None:
    blocks = Blocks()
    blocks.add(None, Block(1_000, quota, "long"), now=0)
    for number in range(100):
        blocks.add(f"m{number}", Block(number + 10, quota, "short"), now=number)
    assert set(blocks.facts(0)) == {"account", *(f"m{number}" for number in range(90, 100))}
