from callboard.actors.provider.credential import MODELS, UNKNOWN, Credential
from callboard.messages.faults import FaultKind

UNAUTHORIZED, FORBIDDEN = FaultKind.UNAUTHORIZED, FaultKind.FORBIDDEN
SERVING = UNKNOWN.succeeded("n")


def test_a_401_is_about_the_account_until_a_call_gets_through() -> None:
    refused = SERVING.refused(UNAUTHORIZED, "m")
    assert refused.misconfigured == "the credential is refused (unauthorized)"
    assert not refused.serves("n")
    assert refused.succeeded("n") == SERVING


def test_a_403_is_about_its_model_once_any_call_has_got_through() -> None:
    refused = UNKNOWN.refused(FORBIDDEN, "m")
    assert refused.misconfigured == "the credential is refused (forbidden)"
    refused = refused.succeeded("n")
    assert refused.misconfigured is None
    assert refused.forbidden == ("m",)
    assert (refused.serves("m"), refused.serves("n")) == (False, True)
    assert refused.succeeded("m") == SERVING


def test_what_is_no_news_changes_nothing() -> None:
    assert SERVING.succeeded("m") is SERVING
    for kind in (UNAUTHORIZED, FORBIDDEN):
        refused = SERVING.refused(kind, "m")
        assert refused.refused(kind, "m") is refused
    refused = SERVING.refused(FORBIDDEN, "m")
    assert refused.succeeded("n") is refused


def test_of_too_many_models_the_latest_are_kept() -> None:
    refused = Credential()
    for number in range(MODELS + 1):
        refused = refused.refused(FORBIDDEN, f"m{number}")
    assert len(refused.forbidden) == MODELS
    assert refused.forbidden[-1] == f"m{MODELS}"
