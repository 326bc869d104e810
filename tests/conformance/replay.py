"""Every record through the whole runtime: an account of each kind, one call a record, its body from a real server.

The model's name in the call is the record's id, by which the server finds what to answer.
"""

import functools
import json
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
import trio
from tests.conformance.corpus import Record, chats, streamed
from tests.conformance.server import serving

import callboard
from callboard.actors.wires.presets import WireName
from callboard.config import Config
from callboard.messages.reply import Delta
from callboard.sections import ProviderConfig, StoreConfig

KEY = "CALLBOARD_REPLAY_KEY"
NATIVE: dict[str, WireName] = {
    "messages": "anthropic",
    "generateContent": "gemini",
    "streamGenerateContent": "gemini",
    "v2/chat": "cohere",
    "v1/chat": "cohere-v1",
    "api/chat": "ollama",
    "api/generate": "ollama-generate",
    "chat_completions": "openai",
    "responses": "openai-responses",
}
"""The wire of each API."""
PRESETS = frozenset(
    {"openai", "azure", "deepseek", "groq", "mistral", "openrouter", "cerebras", "together", "xai", "anthropic",
     "gemini", "vertex", "cohere", "ollama"}
)  # fmt: skip


class Heard(msgspec.Struct, frozen=True):
    """What one call gave: a reply or an error, and the pieces that a stream handed on before."""

    reply: callboard.Reply | None = None
    error: callboard.CallError | None = None
    deltas: tuple[Delta, ...] = ()


def account(record: Record) -> str:
    """The account that the record's call goes to."""
    return f"{record['vendor']} {record['api'].replace('/', '-')}"


def wire_of(record: Record) -> WireName:
    """Its API's wire, or Vertex's own."""
    return "vertex" if record["vendor"] == "vertex" else NATIVE[record["api"]]


def config_of(record: Record, url: str) -> ProviderConfig:
    """Its configuration: the vendor's preset where there is one, its API's wire in any case."""
    preset = record["vendor"] if record["vendor"] in PRESETS else None
    return ProviderConfig(preset=preset, wire=wire_of(record), base_url=f"{url}/{record['api']}", key_env=KEY)


def waits(record: Record) -> bool:
    """Whether its API has no wire yet."""
    return record["api"] not in NATIVE


@functools.cache
def replayed(provider: str, coding: str | None = None) -> dict[str, Heard]:
    """What the calls of all its chat records gave, by id; replayed once for all tests. `coding` compresses them all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY, "secret")
        found: dict[str, Heard] = trio.run(_replay, [one for one in chats(provider) if not waits(one)], coding)
    return found


async def _replay(records: list[Record], coding: str | None) -> dict[str, Heard]:
    by_id = {record["id"]: record for record in records}

    def find(target: str, body: bytes) -> Record:
        named = json.loads(body).get("model") or target.rpartition("/models/")[2].partition(":")[0]
        return by_id[named]

    heard = {}
    async with serving(find, coding) as server:
        config = Config(providers=dict(_accounts(records, server.url)), store=StoreConfig(mode="memory"))
        async with callboard.open(config, virtual_time=True, seed=1) as board:
            for record in records:
                heard[record["id"]] = await _call(board, record)
    return heard


def _accounts(records: list[Record], url: str) -> Iterable[tuple[str, ProviderConfig]]:
    return ((account(record), config_of(record, url)) for record in records)


async def _call(board: callboard.Board, record: Record) -> Heard:
    model = f"{account(record)}/{record['id']}"
    options: Any = {"model": model, "attempts": 1, "timeout": 20, "keep_raw": True}
    deltas: list[Delta] = []
    try:
        if not streamed(record):
            return Heard(await board.generate("Go on.", **options))
        async with board.stream("Go on.", **options) as stream:
            async for delta in stream:
                deltas.append(delta)
        return Heard(stream.reply, deltas=tuple(deltas))
    except callboard.CallError as error:
        return Heard(error=error, deltas=tuple(deltas))
