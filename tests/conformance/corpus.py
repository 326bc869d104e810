"""The recorded traffic: outside the checkout, found by CALLBOARD_WIRE_DATA or beside it."""

import functools
import json
import os
from pathlib import Path
from typing import Any

import pytest

Record = dict[str, Any]

PROVIDERS = (
    "openai", "azure", "anthropic", "gemini", "vertex", "cohere", "ollama", "deepseek", "groq", "mistral",
    "openrouter", "cerebras", "together", "compat_other",
)  # fmt: skip

LISTS = ("embed", "models", "rerank", "images")
"""APIs that answer with something else than a message."""


def folder() -> Path:
    """Where the recordings are. Skips when they are not there, fails when the environment says they should be."""
    named = os.environ.get("CALLBOARD_WIRE_DATA")
    data = Path(named) if named else Path(__file__).parents[3] / "shared" / "data" / "wire"
    if not (data / "exceptions.json").is_file():
        missing = f"no recorded traffic in {data}; set CALLBOARD_WIRE_DATA to its folder"
        pytest.fail(missing) if named or "CI" in os.environ else pytest.skip(missing)
    return data


@functools.cache
def records(provider: str) -> list[Record]:
    """All records of one provider, each with `unsure`: the fields on which honest readers differ, `*` for all."""
    data = folder()
    exceptions = json.loads((data / "exceptions.json").read_text())
    found = [json.loads(line) for line in (data / f"{provider}.jsonl").read_text().splitlines()]
    for record in found:
        unsure = set(exceptions["ambiguous"].get(record["id"], {"fields": ()})["fields"])
        untold = record["id"] in exceptions["broken"] or record["recorded"] == "doubtful"
        record["unsure"] = unsure | {"*"} if untold else unsure
    return found


def chats(provider: str) -> list[Record]:
    """Its records that answer with a message, or refuse to."""
    return [record for record in records(provider) if record["api"] not in LISTS]


def streamed(record: Record) -> bool:
    """Whether the client asked for a stream, whatever framing it got."""
    return bool(record["stream"]) or record["api"] == "streamGenerateContent"


def payloads(record: Record) -> list[Record]:
    """The JSON objects of a body: events, lines, or the one object; a JSON array's elements. Shares no code with
    the wires."""
    body: str = record["response"]["body"].strip()
    try:
        whole = json.loads(body)
    except ValueError:
        lines = (line.strip() for line in body.replace("\r\n", "\n").split("\n"))
        data = (line[5:].strip() if line.startswith("data:") else line for line in lines)
        return [json.loads(line) for line in data if line.startswith("{")]
    return whole if isinstance(whole, list) else [whole]
