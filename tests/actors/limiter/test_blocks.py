import pytest

from callboard.actors.limiter.blocks import MODELS, Block, Blocks


@pytest.mark.parametrize("quota", [False, True])
def test_what_is_over_makes_room_for_what_is_new(quota: bool) -> None:
    blocks = Blocks()
    blocks.add(None, Block(1_000, quota, "long"), now=0)
    for number in range(100):
        blocks.add(f"m{number}", Block(number + 10, quota, "short"), now=number)
    assert set(blocks.facts(0)) == {"account", *(f"m{number}" for number in range(90, 100))}


@pytest.mark.parametrize("quota", [False, True])
def test_of_too_many_models_the_one_whose_block_ends_first_is_forgotten_and_never_the_accounts(quota: bool) -> None:
    blocks = Blocks()
    blocks.add(None, Block(5, quota, "the account's ends first"), now=0)
    blocks.add("long", Block(10**9, quota, "long"), now=0)
    for number in range(2 * MODELS):
        blocks.add(f"m{number}", Block(number + 10, quota, "in force"), now=0)
    latest = (f"m{number}" for number in range(MODELS + 1, 2 * MODELS))
    assert set(blocks.facts(0)) == {"account", "long", *latest}


def test_quotas_that_last_until_an_operator_lifts_them_are_bounded_too_the_oldest_goes() -> None:
    blocks = Blocks()
    blocks.add(None, Block(None, True, "used up"), now=0)
    for number in range(MODELS + 1):
        blocks.add(f"m{number}", Block(None, True, "used up"), now=0)
    assert set(blocks.facts(0)) == {"account", *(f"m{number}" for number in range(1, MODELS + 1))}


@pytest.mark.parametrize(
    ("scope", "refused"), [(None, "the account takes no calls: used up"), ("m", "the model m takes no calls: used up")]
)
def test_who_takes_no_calls_is_told_with_the_command_that_lifts_it(scope: str | None, refused: str) -> None:
    blocks = Blocks("alpha")
    blocks.add(scope, Block(None, True, "used up"), now=0)
    fault = blocks.refusal("m", now=0)
    assert fault is not None
    lifted = "until an operator lifts it: `callboard provider alpha reset`"
    assert fault.message == f"{refused}, {lifted}"
    assert (fault.kind, fault.model, fault.retry_after) == ("quota_exhausted", "m", None)
    assert (blocks.refusal("n", now=0) is None) == (scope == "m")
    assert blocks.facts(0) == {
        scope or "account": "used up, until an operator lifts it: `callboard provider alpha reset`"
    }
