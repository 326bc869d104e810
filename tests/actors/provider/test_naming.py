import pytest

from callboard.actors.provider.naming import rightly_named
from callboard.messages.reply import Answer


@pytest.mark.parametrize(
    "name",
    [
        "m-2026-01-01",
        "models/gemini-2.5-pro-preview-05-06",
        "accounts/fireworks/models/llama-v3p1-8b-instruct",
        "us.anthropic.claude-3-5-sonnet-20241022-v2:0",
        "ft:gpt-4o-mini-2024-07-18:org::abc",
        "claude-sonnet-4-5@20250929",
        "qwen2.5:7b-instruct-q4_K_M",
        "m" * 256,
    ],
)
def test_an_answer_keeps_the_name_of_the_model_that_the_provider_says_answered(name: str) -> None:
    assert rightly_named(Answer(parts=(), finish_reason=None, model=name)).model == name


@pytest.mark.parametrize("words", [None, "", "Why? said the user", "m\n", "m\x1b[31m", "m" * 257])
def test_what_is_no_name_of_a_model_is_none(words: str | None) -> None:
    assert rightly_named(Answer(parts=(), finish_reason=None, model=words, id="1")) == Answer(
        parts=(), finish_reason=None, id="1"
    )
