from typing import Any

import pytest

from callboard.actors.wires.openai_usage import usage_of
from callboard.messages.usage import Apart, Usage


def counts(prompt: int, completion: int, total: int | None = None, **more: Any) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion if total is None else total,
        **more,
    }


def cached(amount: int, **more: Any) -> dict[str, Any]:
    return {"prompt_tokens_details": {"cached_tokens": amount, **more}}


def sound(amount: int) -> dict[str, Any]:
    return {"audio_tokens": amount}


def shown(pictures: int, sound: int) -> dict[str, Any]:
    return {"image_tokens": pictures, "audio_tokens": sound}


def drawn(amount: int) -> dict[str, Any]:
    return {"completion_tokens_details": {"image_tokens": amount}}


def for_an_hour(amount: int) -> dict[str, Any]:
    return {"cache_creation_token_details": {"ephemeral_1h_input_tokens": amount}}


def reasoning(amount: int) -> dict[str, Any]:
    return {"completion_tokens_details": {"reasoning_tokens": amount}}


@pytest.mark.parametrize(
    ("raw", "usage"),
    [
        (counts(10, 5), Usage(input=10, output=5)),
        (counts(53, 5, prompt_tokens_details=sound(37)), Usage(input=16, output=5, apart=Apart(audio_input=37))),
        (counts(5, 50, completion_tokens_details=sound(40)), Usage(input=5, output=10, apart=Apart(audio_output=40))),
        (counts(5, 5, prompt_tokens_details=sound(40)), Usage(output=5, apart=Apart(audio_input=5))),
        (counts(5, 5, completion_tokens_details=sound(40)), Usage(input=5, apart=Apart(audio_output=5))),
        (
            counts(10, 5, prompt_tokens_details={"cached_tokens": 8, "audio_tokens": 9}),
            Usage(cached_read=1, output=5, apart=Apart(audio_input=2, audio_cached=7)),
        ),
        (
            counts(10, 5, **cached(8, audio_tokens=5, cached_tokens_details=sound(4))),
            Usage(input=1, cached_read=4, output=5, apart=Apart(audio_input=1, audio_cached=4)),
        ),
        (
            counts(10, 5, **cached(2, audio_tokens=3, cached_tokens_details=sound(9))),
            Usage(input=8, cached_read=0, output=5, apart=Apart(audio_cached=2)),
        ),
        (
            counts(30, 9, **cached(12, **shown(15, 5), cached_tokens_details=shown(6, 2)), **drawn(7)),
            Usage(
                input=6,
                cached_read=4,
                output=2,
                apart=Apart(audio_input=3, audio_cached=2, image_input=9, image_cached=6, image_output=7),
            ),
        ),
        (counts(5, 5, prompt_tokens_details=shown(40, 3)), Usage(output=5, apart=Apart(audio_input=3, image_input=2))),
        (
            counts(5, 5, server_tool_use_details={"web_search_requests": 2}),
            Usage(input=5, output=5, apart=Apart(web_searches=2)),
        ),
        (
            counts(5, 5, server_tool_use={"web_search_requests": 1}, **drawn(2)),
            Usage(input=5, output=3, apart=Apart(image_output=2, web_searches=1)),
        ),
        (counts(5, 5, server_tool_use="many"), Usage(input=5, output=5)),
        (counts(5, 5, **drawn(40)), Usage(input=5, apart=Apart(image_output=5))),
        (
            counts(5, 5, completion_tokens_details=shown(9, 3)),
            Usage(input=5, apart=Apart(audio_output=3, image_output=2)),
        ),
        (
            counts(10, 5, cache_creation_input_tokens=6, prompt_tokens_details=for_an_hour(4)),
            Usage(input=4, cache_write=2, output=5, apart=Apart(cache_write_1h=4)),
        ),
        (
            counts(10, 5, cache_creation_input_tokens=6, prompt_tokens_details=for_an_hour(9)),
            Usage(input=4, output=5, apart=Apart(cache_write_1h=6)),
        ),
        (counts(10, 5, **cached(8)), Usage(input=2, cached_read=8, output=5)),
        (counts(10, 5, **cached(4, cache_write_tokens=5)), Usage(input=1, cached_read=4, cache_write=5, output=5)),
        (counts(10, 5, prompt_cache_hit_tokens=8), Usage(input=2, cached_read=8, output=5)),
        (counts(10, 5, num_cached_tokens=8), Usage(input=2, cached_read=8, output=5)),
        (counts(10, 5, **reasoning(3)), Usage(input=10, output=2, reasoning=3)),
        (counts(10, 5, total=22, **reasoning(7)), Usage(input=10, output=5, reasoning=7)),
        (counts(10, 5, **reasoning(7)), Usage(input=10, output=5, reasoning=7)),
        (counts(10, 5, total=22), Usage(input=10, output=5, reasoning=7)),
        (counts(10, 5, **cached(40)), Usage(input=10, cached_read=40, output=5)),
        ({"prompt_tokens": 3}, Usage(input=3)),
        ({"prompt_tokens": -3, "completion_tokens": "5", "total_tokens": True}, Usage()),
        ({"prompt_tokens": 3.0, "completion_tokens": None, "prompt_tokens_details": None}, Usage(input=3)),
    ],
    ids=[
        "plain",
        "sound heard",
        "sound spoken",
        "more sound than input",
        "more sound than output",
        "sound and cache",
        "cached sound that is told",
        "more cached sound than cached",
        "pictures and sound, in and out, cached and not",
        "more of both than input",
        "searches",
        "searches and pictures",
        "searches that cannot be read",
        "more pictures than output",
        "more of both than output",
        "LiteLLM, kept for an hour",
        "more kept for an hour than written",
        "cached inside",
        "cache written",
        "DeepSeek",
        "Mistral",
        "reasoning inside",
        "xAI: reasoning beside",
        "Vercel: reasoning larger",
        "Gemini: only in the total",
        "Grok on Azure: cached beside",
        "half",
        "nonsense",
        "odd",
    ],
)
def test_every_way_of_counting_lands_in_partitions_that_do_not_overlap(raw: dict[str, Any], usage: Usage) -> None:
    assert usage_of(raw) == usage


@pytest.mark.parametrize("raw", [None, {}, [], "many", 7])
def test_a_provider_that_did_not_count_has_no_usage(raw: Any) -> None:
    assert usage_of(raw) is None
