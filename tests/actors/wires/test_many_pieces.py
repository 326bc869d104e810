"""What comes in very many small pieces takes the time that its length takes: it is put together once.

Each of these had been copied whole with every piece, and a stream of some megabytes had taken minutes.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.proportion import in_proportion

from callboard.actors.wires.anthropic import AnthropicMessages
from callboard.actors.wires.gemini import Gemini
from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.openai_responses import OpenAIResponses
from callboard.actors.wires.wire import Wire
from callboard.messages.chat import TextPart, ThinkingPart, ToolCallPart
from callboard.messages.reply import Answer

Json = dict[str, Any]


def streamed(wire: Wire, first: list[Json], piece: Json, count: int) -> Answer:
    """What these events come to."""
    decoder = wire.decoder()
    for event in first:
        decoder.feed(b"data: " + json.dumps(event).encode() + b"\n\n")
    for _ in range(count // 100):
        decoder.feed((b"data: " + json.dumps(piece).encode() + b"\n\n") * 100)
    return decoder.partial()


def test_a_recording() -> None:
    piece = {"choices": [{"delta": {"audio": {"data": "a" * 400}}}]}

    def read(count: int) -> None:
        answer = streamed(OpenAIChat(), [], piece, count)
        assert answer.extra == {"audio": {"data": "a" * 400 * count}}

    in_proportion(read, 20_000)


@pytest.mark.parametrize(
    ("delta", "most", "kind", "grown"),
    [
        ({"type": "signature_delta", "signature": "a" * 400}, 20_000, "thinking", lambda count: "a" * 400 * count),
        ({"type": "citations_delta", "citation": 1}, 100_000, "text", lambda count: {"citations": [1] * count}),
        ({"type": "later", "list": [1] * 10}, 40_000, "text", lambda count: {"list": [1] * 10 * count}),
        ({"type": "later", "word": "a" * 400}, 20_000, "text", lambda count: {"word": "a" * 400 * count}),
    ],
    ids=["signature", "citations", "lists", "strings"],
)
def test_a_block_of_anthropics(delta: Json, most: int, kind: str, grown: Callable[[int], Any]) -> None:
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": kind}}
    piece = {"type": "content_block_delta", "index": 0, "delta": delta}

    def read(count: int) -> None:
        (part,) = streamed(AnthropicMessages(), [start], piece, count).parts
        assert isinstance(part, TextPart | ThinkingPart)
        assert (part.extra if isinstance(part, TextPart) else part.signature) == grown(count)

    in_proportion(read, most)


def test_what_gemini_cites() -> None:
    piece = {"candidates": [{"citationMetadata": {"citationSources": [1, 2, 3]}}]}

    def read(count: int) -> None:
        answer = streamed(Gemini(), [], piece, count)
        assert answer.extra == {"citationMetadata": {"citationSources": [1, 2, 3] * count}}

    in_proportion(read, 60_000)


def test_arguments_by_their_paths() -> None:
    """One of them holds a list, into which all others lead."""

    def read(count: int) -> None:
        whole = {"name": "f", "args": {"a": [{}] * 3 * count}, "willContinue": True}
        paths = [{"jsonPath": f"$.a[0].m{number}", "numberValue": number} for number in range(count)]
        first = [{"candidates": [{"content": {"parts": [{"functionCall": call}]}}]}
                 for call in (whole, {"partialArgs": paths, "willContinue": True})]  # fmt: skip
        (part,) = streamed(Gemini(), first, {}, 0).parts
        assert isinstance(part, ToolCallPart)
        assert len(json.loads(part.arguments)["a"][0]) == count

    in_proportion(read, 30_000)


def test_an_item_that_ends_again_and_again() -> None:
    added = {"type": "response.output_item.added", "output_index": 0, "item": {"type": "message", "id": "a"}}
    words = {"type": "response.output_text.delta", "output_index": 0, "item_id": "a", "delta": "x"}
    ended = {"type": "response.output_item.done", "output_index": 0, "item": {}}

    def read(count: int) -> None:
        answer = streamed(OpenAIResponses(), [added, *[words] * 3 * count], ended, count)
        assert answer.parts == (TextPart("x" * 3 * count),)

    in_proportion(read, 20_000)
