from callboard.actors.provider.credential import MODELS, UNKNOWN, Credential
from callboard.messages.faults import FaultKind

UNAUTHORIZED, FORBIDDEN = FaultKind.UNAUTHORIZED, FaultKind.FORBIDDEN
SERVING = UNKNOWN.succeeded("n", 0)


def test_a_401_is_about_the_account_until_a_call_gets_through() -> None:
    refused = SERVING.refused(UNAUTHORIZED, "m", 1)
    assert refused.misconfigured == "the credential is refused (unauthorized)"
    assert not refused.serves("n")
    assert refused.succeeded("n", 2) == SERVING


def test_a_403_is_about_its_model_once_any_call_has_got_through() -> None:
    refused = UNKNOWN.refused(FORBIDDEN, "m", 1)
    assert refused.misconfigured == "the credential is refused (forbidden)"
    refused = refused.succeeded("n", 2)
    assert refused.misconfigured is None
    assert list(refused.forbidden) == ["m"]
    assert (refused.serves("m"), refused.serves("n")) == (False, True)
    assert refused.succeeded("m", 3) == SERVING


def test_what_was_underway_when_the_credential_was_refused_ends_nothing_by_its_success() -> None:
    for kind in (UNAUTHORIZED, FORBIDDEN):
        refused = SERVING.refused(kind, "m", 5)
        assert refused.succeeded("m", 4) == refused
        again = refused.refused(kind, "m", 9)
        assert again.succeeded("m", 6) == again
        assert again.succeeded("m", 10) == SERVING


def test_each_refusal_ends_by_a_call_that_began_after_it_whatever_else_was_refused() -> None:
    refused = UNKNOWN.refused(FORBIDDEN, "m", 1).refused(FORBIDDEN, "n", 2).refused(UNAUTHORIZED, "m", 5)
    assert refused.succeeded("m", 3) == Credential(unauthorized=5, forbidden={"n": 2}, served=True)
    refused = UNKNOWN.refused(UNAUTHORIZED, "m", 1).refused(FORBIDDEN, "n", 2).refused(FORBIDDEN, "m", 5)
    assert refused.succeeded("m", 3) == Credential(forbidden={"n": 2, "m": 5}, served=True)


def test_what_is_no_news_changes_nothing() -> None:
    assert SERVING.succeeded("m", 1) is SERVING
    for kind in (UNAUTHORIZED, FORBIDDEN):
        assert not SERVING.known(kind, "m")
        assert SERVING.refused(kind, "m", 1).known(kind, "m")
    refused = SERVING.refused(FORBIDDEN, "m", 1)
    assert refused.succeeded("n", 2) is refused


def test_of_too_many_models_the_latest_are_kept() -> None:
    refused = Credential()
    for number in (*range(MODELS), 0, MODELS):
        refused = refused.refused(FORBIDDEN, f"m{number}", number)
    assert len(refused.forbidden) == MODELS
    assert list(refused.forbidden)[-2:] == ["m0", f"m{MODELS}"]
    again = SERVING
    for model in ("m", "n", "m"):
        again = again.refused(FORBIDDEN, model, 1)
    assert list(again.forbidden) == ["n", "m"]
