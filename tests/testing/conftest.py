"""Clients for simulated providers, and the recorded traffic that they are held against."""

import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

FOREVER = 1_000_000.0
ChatBody = Callable[..., dict[str, Any]]


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A client for every shape; hours may pass for it."""
    async with httpx.AsyncClient(timeout=FOREVER, headers={"anthropic-version": "2023-06-01"}) as client:
        yield client


@pytest.fixture
def body() -> ChatBody:
    """A chat body that every shape takes."""

    def chat(text: str = "Is it raining?", **more: Any) -> dict[str, Any]:
        return {"model": "sim-small", "messages": [{"role": "user", "content": text}], "max_tokens": 100, **more}

    return chat


@pytest.fixture(scope="session")
def recorded() -> Callable[[str, str], list[dict[str, Any]]]:
    """The recordings of one provider and API; skips where they are missing, fails where they should not be."""
    named = os.environ.get("CALLBOARD_WIRE_DATA")
    folder = Path(named) if named else Path(__file__).parents[3] / "shared" / "data" / "wire"
    if not (folder / "exceptions.json").is_file():
        missing = f"no recorded traffic in {folder}; set CALLBOARD_WIRE_DATA to its folder"
        pytest.fail(missing) if named else pytest.skip(missing)

    def records(provider: str, api: str) -> list[dict[str, Any]]:
        lines = (folder / f"{provider}.jsonl").read_text().splitlines()
        return [record for record in map(json.loads, lines) if record["api"] == api]

    return records
