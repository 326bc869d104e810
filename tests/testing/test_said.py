import json
from typing import Any

import msgspec
import pytest

from callboard.messages.reply import FinishReason
from callboard.messages.usage import Usage
from callboard.testing.asked import Asked, ForcedTool, count_tokens, digest
from callboard.testing.behaviour import Behaviour
from callboard.testing.said import say

ASKED = Asked(kind="chat", digest="d", model="m", input_tokens=40)
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def replace(**changes: Any) -> Asked:
    return msgspec.structs.replace(ASKED, **changes)


def test_the_same_seed_and_request_give_the_same_words_plain_or_streamed() -> None:
    said = say(ASKED, Behaviour(), "seed")
    assert say(replace(stream=True), Behaviour(), "seed") == said
    assert say(ASKED, Behaviour(), "other").text != said.text
    assert say(replace(digest="e"), Behaviour(), "seed").text != said.text


@pytest.mark.parametrize("tokens", [(1, 1), (5, 9), (300, 300)])
def test_a_text_has_as_many_tokens_as_the_behaviour_says(tokens: tuple[int, int]) -> None:
    said = say(ASKED, Behaviour(tokens=tokens), "seed")
    assert tokens[0] <= len(said.pieces) <= tokens[1]
    assert said.finish is FinishReason.STOP
    assert said.text.endswith(".")
    assert said.text[0].isupper()


def test_the_maximum_cuts_the_reply_short() -> None:
    whole = say(ASKED, Behaviour(tokens=(20, 20)), "seed")
    said = say(replace(max_tokens=5), Behaviour(tokens=(20, 20)), "seed")
    assert said.pieces == whole.pieces[:5]
    assert said.finish is FinishReason.LENGTH


def test_a_maximum_that_is_just_enough_cuts_nothing() -> None:
    assert say(replace(max_tokens=20), Behaviour(tokens=(20, 20)), "seed").finish is FinishReason.STOP


def test_a_forced_tool_is_called_with_arguments_that_follow_its_schema() -> None:
    said = say(replace(tool=ForcedTool("weather", SCHEMA)), Behaviour(), "seed")
    assert said.tool == "weather"
    assert said.finish is FinishReason.TOOL_CALLS
    assert isinstance(json.loads(said.text)["city"], str)


def test_a_tool_without_a_schema_gets_an_empty_object() -> None:
    assert say(replace(tool=ForcedTool("now", {})), Behaviour(), "seed").text == "{}"


def test_a_reply_under_a_schema_follows_it() -> None:
    said = say(replace(schema=SCHEMA), Behaviour(), "seed")
    assert list(json.loads(said.text)) == ["city"]
    assert said.finish is FinishReason.STOP


def test_cached_tokens_are_billed_apart() -> None:
    said = say(ASKED, Behaviour(cached_share=0.25, tokens=(6, 6)), "seed")
    assert said.usage == Usage(input=30, cached_read=10, output=6)
    assert said.input_usage == Usage(input=30, cached_read=10)


def test_the_digest_ignores_how_the_reply_is_delivered() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
    streamed = {"stream": True, "stream_options": {"include_usage": True}, **body}
    assert digest(streamed) == digest(body) != digest({**body, "model": "n"})


def test_tokens_are_counted_by_the_length_of_the_text_wherever_it_stands() -> None:
    short: dict[str, Any] = {"messages": [{"role": "user", "content": "x" * 40}]}
    assert count_tokens(short) == 14
    assert count_tokens({"system": "y" * 40, **short}) == 24
    parts = {"messages": [{"role": "user", "content": [{"type": "text", "text": "x" * 40}, {"type": "image"}]}]}
    assert count_tokens(parts) == 14
    assert count_tokens({**short, "tools": [{"name": "z" * 400}]}) > 114
