"""Every recorded reply of Ollama's own API, read by the wire and by the small reader below."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from callboard.actors.wires.ollama import Ollama
from callboard.actors.wires.wire import EmbeddingWire
from callboard.messages.chat import TextPart, ThinkingPart, ToolCallPart
from callboard.messages.reply import Answer

Record = dict[str, Any]
Recorded = Callable[[str, str], list[Record]]
Pieces = Callable[[bytes, object], list[bytes]]

WIRE: EmbeddingWire = Ollama()


def expected(lines: list[Record]) -> Record:
    said, last = [line["message"] for line in lines], lines[-1]
    return {
        "model": lines[0]["model"],
        "text": "".join(message.get("content", "") for message in said),
        "thinking": "".join(message.get("thinking", "") for message in said),
        "tool_calls": [
            (call["function"]["name"], call["function"]["arguments"])
            for message in said
            for call in message.get("tool_calls", [])
        ],
        "finish": last["done_reason"],
        "usage": (last["prompt_eval_count"], last["eval_count"]) if "eval_count" in last else None,
    }


def actual(answer: Answer) -> Record:
    usage = answer.usage
    return {
        "model": answer.model,
        "text": "".join(part.text for part in answer.parts if isinstance(part, TextPart)),
        "thinking": "".join(part.text for part in answer.parts if isinstance(part, ThinkingPart)),
        "tool_calls": [
            (part.name, json.loads(part.arguments)) for part in answer.parts if isinstance(part, ToolCallPart)
        ],
        "finish": answer.finish_reason,
        "usage": None if usage is None else (usage.input_total, usage.output_total),
    }


@pytest.mark.parametrize("again", [1, 2])
def test_every_recorded_reply_reads_the_same_as_by_hand(recorded: Recorded, pieces: Pieces, again: int) -> None:
    records = recorded("ollama", "api/chat")
    for record in records:
        body = record["response"]["body"].encode()
        decoder = WIRE.decoder()
        for piece in pieces(body, (record["id"], again)):
            decoder.feed(piece)
        answer = decoder.close()
        want, got = expected([json.loads(line) for line in body.splitlines()]), actual(answer)
        assert {name for name in want if want[name] != got[name]} <= record["unsure"], record["id"]
        if body.count(b"\n") <= 1:
            assert WIRE.decode(body) == answer
        ids = [part.id for part in answer.parts if isinstance(part, ToolCallPart)]
        assert len(set(ids)) == len(ids)
    assert len(records) >= 15


def test_every_recorded_embedding_keeps_its_numbers_and_count(recorded: Recorded) -> None:
    for record in recorded("ollama", "embed"):
        reply = json.loads(record["response"]["body"])
        read = WIRE.decode_embeddings(record["response"]["body"].encode())
        assert [list(vector) for vector in read.vectors] == reply["embeddings"]
        assert read.usage is not None
        assert read.usage.input_total == reply["prompt_eval_count"]
