import random
import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.proportion import in_proportion

from callboard.actors.wires.redact import BOUND, HIDDEN, redact

KEYS = st.text(string.ascii_letters + string.digits, min_size=24, max_size=80).filter(
    lambda key: any(map(str.isdigit, key)) and any(map(str.isalpha, key))
)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Incorrect API key provided: sk-abc123.", f"Incorrect API key provided: {HIDDEN}"),
        (
            "Incorrect API key provided: sk-proj-ab***************xyz. Find",
            f"Incorrect API key provided: {HIDDEN} Find",
        ),
        ("key sk-ant-api03-abc is bad", f"key {HIDDEN} is bad"),
        ("key (sk-a…z) is bad", f"key ({HIDDEN}) is bad"),
        ("Your api key: ****-key is invalid", f"Your api key: {HIDDEN} is invalid"),
        ("got 'Authorization: Bearer abc.def-ghi'", f"got 'Authorization: Bearer {HIDDEN}'"),
        ("Authorization: Basic dXNlcjpwYXNzd29yZA==", f"Authorization: Basic {HIDDEN}"),
        ('{"x-api-key": "hunter2", "a": 1}', f'{{"x-api-key": "{HIDDEN}", "a": 1}}'),
        ("?api_key=hunter2&x=1", f"?api_key={HIDDEN}"),
        ("password = hunter2", f"password = {HIDDEN}"),
        ("gsk_abc hf_abc AIzaSyAbc AKIAABC xai-abc", " ".join([HIDDEN] * 5)),
        ("hex 0123456789abcdef0123456789abcdef end", f"hex {HIDDEN} end"),
        ("Bearer", "Bearer"),
    ],
)
def test_credentials_are_hidden_in_every_form_providers_quote_them(said: str, kept: str) -> None:
    assert redact(said) == kept


@pytest.mark.parametrize(
    "said",
    [
        "The model `gpt-5.2-proo` does not exist or you do not have access to it.",
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "prompt is too long: 208310 tokens > 200000 maximum",
        "Please retry in 6m0s. See https://platform.openai.com/docs/guides/error-codes/api-errors for more.",
        "accounts/fireworks/models/llama-v3p1-405b-instruct is busy; task skipped, basic plan",
        "maximum context length is 8192 tokens: reduce it",
    ],
)
def test_ordinary_sentences_stay_as_they_are(said: str) -> None:
    assert redact(said) == said


@given(KEYS, st.sampled_from(["sk-{}", "Bearer {}", "x-api-key: {}", "token={}", "AIza{}"]), st.text(max_size=40))
def test_a_credential_never_survives_its_surroundings(key: str, form: str, around: str) -> None:
    assume(key not in around)
    said = f"{around} {form.format(key)} {around}"
    assert key not in redact(said)


def test_a_secret_cut_by_the_reading_bound_leaves_no_half() -> None:
    secret = "sk-" + "a1" * 30
    for padding in range(8100, 8200):
        assert "sk-a" not in redact("x\n" * (padding // 2) + secret)
    assert redact(secret * 200) == ""


def test_what_is_kept_is_bounded_and_on_one_line() -> None:
    kept = redact("line\n\tand more " * 200)
    assert len(kept) == BOUND
    assert kept.endswith("…")
    assert "\n" not in kept
    assert redact("") == ""


HOSTILE = [
    "a",
    "-",
    "1a",
    "*",
    "a*",
    "a**",
    "=",
    "+",
    "sk-",
    "sk-.",
    "eyJ",
    "Bearer ",
    "basic ",
    "api_key:",
    "api ",
    "",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_text_takes_no_longer_than_its_length(piece: str) -> None:
    """All lengths are of what is read: a longer text of one word is dropped, and takes no time."""
    chance = random.Random(3)
    text = piece * 8_000 or "".join(chance.choice("sk-._*=:ab1") for _ in range(8_000))
    in_proportion(lambda size: redact(text[:size]), 8_000)


def test_what_stands_behind_what_is_read_is_not_looked_at() -> None:
    assert redact(" " * 8_000 + "early") == "early"
    assert redact(" " * 9_000 + "too late") == ""
