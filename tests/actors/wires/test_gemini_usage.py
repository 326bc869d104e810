from typing import Any

import pytest

from callboard.actors.wires.gemini_usage import usage_of
from callboard.messages.usage import Apart, Usage


def modality(name: str, tokens: int) -> dict[str, Any]:
    return {"modality": name, "tokenCount": tokens}


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        ({"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}, Usage(input=10, output=5)),
        ({"promptTokenCount": 10, "cachedContentTokenCount": 8}, Usage(input=2, cached_read=8)),
        ({"promptTokenCount": 10, "cachedContentTokenCount": 80}, Usage(input=0, cached_read=10)),
        ({"promptTokenCount": 10, "toolUsePromptTokenCount": 7}, Usage(input=17)),
        (
            {"promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 3, "totalTokenCount": 18},
            Usage(input=10, output=5, reasoning=3),
        ),
        ({"totalTokenCount": 7}, Usage()),
        (
            {"promptTokenCount": 10, "promptTokensDetails": [modality("TEXT", 4), modality("AUDIO", 6)]},
            Usage(input=4, apart=Apart(audio_input=6)),
        ),
        (
            {
                "promptTokenCount": 10,
                "cachedContentTokenCount": 5,
                "promptTokensDetails": [modality("AUDIO", 6)],
                "cacheTokensDetails": [modality("AUDIO", 4), modality("TEXT", 1)],
            },
            Usage(input=3, cached_read=1, apart=Apart(audio_input=2, audio_cached=4)),
        ),
        (
            {"promptTokenCount": 10, "cachedContentTokenCount": 8, "promptTokensDetails": [modality("AUDIO", 9)]},
            Usage(cached_read=1, apart=Apart(audio_input=2, audio_cached=7)),
        ),
        (
            {"promptTokenCount": 9, "cachedContentTokenCount": 8, "cacheTokensDetails": [modality("AUDIO", 3)]},
            Usage(input=1, cached_read=5, apart=Apart(audio_cached=3)),
        ),
        (
            {"candidatesTokenCount": 5, "candidatesTokensDetails": [modality("AUDIO", 9)]},
            Usage(apart=Apart(audio_output=5)),
        ),
        (
            {
                "promptTokenCount": 10,
                "cachedContentTokenCount": 4,
                "promptTokensDetails": [modality("TEXT", 2), modality("IMAGE", 5), modality("AUDIO", 3)],
                "cacheTokensDetails": [modality("IMAGE", 3), modality("AUDIO", 1)],
                "candidatesTokenCount": 9,
                "candidatesTokensDetails": [modality("IMAGE", 7)],
            },
            Usage(
                input=2,
                output=2,
                apart=Apart(audio_input=2, audio_cached=1, image_input=2, image_cached=3, image_output=7),
            ),
        ),
        (
            {"candidatesTokenCount": 5, "candidatesTokensDetails": [modality("AUDIO", 3), modality("IMAGE", 9)]},
            Usage(apart=Apart(audio_output=3, image_output=2)),
        ),
        ({"promptTokenCount": 10, "promptTokensDetails": [None, "AUDIO", {}]}, Usage(input=10)),
        ({"promptTokenCount": "many", "candidatesTokenCount": None}, Usage()),
    ],
)
def test_the_prompt_includes_what_was_cached_and_candidates_leave_thoughts_out(
    counts: dict[str, Any], usage: Usage
) -> None:
    assert usage_of(counts) == usage


@pytest.mark.parametrize("counts", [{}, {"trafficType": "ON_DEMAND"}])
def test_no_counts_are_no_usage(counts: dict[str, Any]) -> None:
    assert usage_of(counts) is None
