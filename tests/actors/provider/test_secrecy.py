import pytest

from callboard.actors.provider.account import Account
from callboard.actors.provider.secrecy import SHORTEST, keyless, without_secrets
from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.redact import BOUND, redact
from callboard.messages.faults import Fault, FaultKind

KEY = "Zebra.42-crossing"


def told(message: str, *, key: str | None = KEY, code: str | None = None, **headers: str) -> Fault:
    fault = Fault(kind=FaultKind.UNAUTHORIZED, message=message, code=code, request_id=code)
    return without_secrets(fault, account(key, **headers))


def account(key: str | None, **headers: str) -> Account:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Account(name="p", base_url="http://h/v1", wire=OpenAIChat(), key=key, headers=named, price=lambda *_: None)


def test_a_refusal_says_that_there_was_no_credential_neither_a_key_nor_a_header_of_ones_own() -> None:
    refused = Fault(kind=FaultKind.UNAUTHORIZED, message="who are you?")
    assert keyless(refused, account(KEY)) is refused
    assert keyless(refused, account(None, Authorization="Basic x")) is refused
    said = keyless(refused, account(None, x_team="search")).message
    assert said == "who are you? (no key was sent: name its variable in `key_env`)"


def test_what_is_no_refusal_says_nothing_of_a_key() -> None:
    other = Fault(kind=FaultKind.NOT_FOUND, message="no such model")
    assert keyless(other, account(None)) is other


def test_the_key_is_hidden_wherever_a_provider_quotes_it() -> None:
    fault = told(f"{KEY} is not valid, '{KEY}'!", code=f"bad:{KEY}")
    assert fault.message == "[redacted] is not valid, '[redacted]'!"
    assert (fault.code, fault.request_id) == ("bad:[redacted]", "bad:[redacted]")


def test_what_holds_no_secret_stays_as_it_is() -> None:
    fault = told("no such model", code="model_not_found")
    assert (fault.message, fault.code, fault.request_id) == ("no such model", "model_not_found", "model_not_found")


@pytest.mark.parametrize("name", ["x_auth", "X_Api_Key", "cf_access_client_secret", "proxy_authorization", "cookie"])
def test_a_secret_header_is_hidden_whole_and_in_its_words(name: str) -> None:
    headers = {name: "Token open.sesame"}
    assert told("got Token open.sesame", **headers).message == "got [redacted]"
    assert told("got open.sesame", **headers).message == "got [redacted]"


def test_a_header_that_is_no_secret_may_be_told() -> None:
    assert told("no organization org-search", openai_organization="org-search").message == "no organization org-search"


def test_a_stand_in_for_a_key_is_no_secret() -> None:
    assert told("the model of ollama", key="ollama").message == "the model of ollama"


@pytest.mark.parametrize("seen", range(SHORTEST, len(KEY) + 1))
def test_a_key_that_the_bound_has_cut_is_hidden_too(seen: int) -> None:
    message = redact("." * (BOUND - 1 - seen) + KEY + " is not valid, and so on")
    assert message.endswith(KEY[:seen] + "…")
    assert told(message).message == "." * (BOUND - 1 - seen) + "[redacted]…"
