from callboard.actors.provider.credential import Credential
from callboard.actors.provider.view import ProviderView
from callboard.messages.limits import RateLimits, Window
from callboard.runtime.circuit.subtree import View
from callboard.runtime.circuit.table import CircuitState


def view(**more: object) -> ProviderView:
    members = {"circuits": {}, "limits": {}} | more
    return ProviderView(name="p", wire="openai", **members)  # type: ignore[arg-type]


def test_an_account_without_trouble_is_ok() -> None:
    assert view().facts() == {"wire": "openai", "account": "ok", "circuits": {}, "limits": {}}


def test_a_blocked_account_says_why() -> None:
    told = "misconfigured: the credential is refused (unauthorized)"
    assert view(credential=Credential(unauthorized=0)).facts()["account"] == told


def test_an_account_that_serves_says_which_models_it_does_not() -> None:
    refused = view(credential=Credential(forbidden={"m": 0}, served=True))
    assert (refused.facts()["account"], refused.facts()["refused"]) == ("ok", ["m"])
    assert refused.steady("n")
    assert not refused.steady("m")


def test_each_circuit_tells_its_state_an_open_one_how_often_it_opened_and_a_forced_one_what_ends_it() -> None:
    circuits = {
        "endpoint": View(CircuitState.CLOSED, 0, 0),
        "endpoint m": View(CircuitState.OPEN, 5, 3),
        "endpoint n": View(CircuitState.FORCED_OPEN, 5, 0),
        "endpoint o": View(CircuitState.FORCED_CLOSED, 5, 0),
    }
    assert view(circuits=circuits).facts()["circuits"] == {
        "endpoint": "closed",
        "endpoint m": "open, 3 in a row",
        "endpoint n": "forced open, until `callboard provider p reset`",
        "endpoint o": "forced closed, until `callboard provider p reset`",
    }


def test_the_limits_that_the_provider_told_are_shown_by_model() -> None:
    limits = {"m": RateLimits(requests=Window(limit=10, remaining=3), tokens_day=Window(remaining=5), retry_after=1.0)}
    assert view(limits=limits).facts()["limits"] == {
        "m": {"requests": {"limit": 10, "remaining": 3}, "tokens_day": {"limit": None, "remaining": 5}}
    }
