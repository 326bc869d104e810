import msgspec
import pytest

from callboard.testing import Behaviour, InjectedFault


@pytest.mark.parametrize(
    "nonsense",
    [
        {"latency": (0.2, 0.1)},
        {"between_tokens": (-1.0, 1.0)},
        {"tokens": (0, 5)},
        {"error_rate": -0.1},
        {"cached_share": 1.5},
        {"slow_first_token_rate": 2.0},
        {"error_rate": 0.6, "hang_rate": 0.6},
        {"error_statuses": (200,)},
        {"error_rate": 0.5, "error_statuses": ()},
        {"drip_interval": 0.0},
        {"requests_per_minute": 0},
        {"burst": 0},
        {"concurrency": -1},
        {"write_bytes": 0},
    ],
    ids=str,
)
def test_nonsense_is_refused_with_a_sentence(nonsense: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="Behaviour: "):
        msgspec.structs.replace(Behaviour(), **nonsense)


def test_every_fault_has_a_rate_of_its_own() -> None:
    fields = {fault: f"{fault}_rate" for fault in InjectedFault}
    for fault, field in fields.items():
        behaviour = msgspec.structs.replace(Behaviour(), **{field: 1.0})
        assert dict(behaviour.rates) == {each: float(each is fault) for each in InjectedFault}


def test_rates_may_fill_the_whole_and_no_more() -> None:
    Behaviour(error_rate=0.1, overload_rate=0.2, hang_rate=0.7)
