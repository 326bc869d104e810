"""Recorded lists of models and embeddings: what is no message, and is asked for otherwise."""

import base64
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from tests.conformance.corpus import PROVIDERS, Record, payloads, records
from tests.conformance.readings import faults
from tests.conformance.replay import KEY, PRESETS
from tests.conformance.report import Tally
from tests.conformance.server import serving

import callboard
from callboard.actors.wires.cohere import Cohere
from callboard.actors.wires.gemini import Gemini
from callboard.actors.wires.ollama import Ollama
from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.wire import EmbeddingWire, Encoded
from callboard.config import Config
from callboard.messages.embedding import EmbeddingRequest
from callboard.messages.faults import Fault
from callboard.messages.models import Model
from callboard.sections import ProviderConfig, StoreConfig

SPEAKS = {name: name for name in ("anthropic", "gemini", "vertex", "cohere", "ollama")}
"""The wires of those that do not speak as OpenAI does."""
NAMED = {
    "model": "model",
    "input": "inputs",
    "texts": "inputs",
    "dimensions": "dimensions",
    "output_dimension": "dimensions",
    "input_type": "task",
    "user": "user",
}
"""What the protocols call the members of an EmbeddingRequest."""
WIRES: dict[str, EmbeddingWire] = {
    "gemini": Gemini(),
    "vertex": Gemini("vertex", vertex=True),
    "cohere": Cohere(),
    "ollama": Ollama(),
}


def of(api: str, provider: str) -> list[Record]:
    """Its records of one API."""
    return [record for record in records(provider) if record["api"] == api]


@asynccontextmanager
async def answering(lists: list[Record]) -> AsyncIterator[callboard.Board]:
    """A board of accounts that are called by the record's id, and that each answer with it."""
    by_id = {record["id"]: record for record in lists}
    async with serving(lambda target, body: by_id[target.split("/")[1]]) as server:
        accounts = {record["id"]: _account(record, server.url) for record in lists}
        config = Config(providers=accounts, store=StoreConfig(mode="memory"))
        async with callboard.open(config, virtual_time=True, seed=1) as board:
            yield board


async def listed(lists: list[Record]) -> tuple[dict[str, list[Model]], dict[str, Fault | None]]:
    """What the accounts offer, by the record's id, and what is wrong with them."""
    async with answering(lists) as board:
        models, found = await board.models(), await board.check()
    return {one["id"]: [model for model in models if model.provider == one["id"]] for one in lists}, found


async def embedded(lists: list[Record]) -> dict[str, callboard.Embeddings | Fault]:
    """What a call for as many vectors as were recorded gives, by the record's id."""
    found: dict[str, callboard.Embeddings | Fault] = {}
    async with answering(lists) as board:
        for record in lists:
            good = record["response"]["status"] == 200
            texts = [f"text {number}" for number in range(len(vectors(payloads(record)[0])) if good else 1)]
            try:
                found[record["id"]] = await board.embed(texts, model=f"{record['id']}/m", attempts=1)
            except callboard.CallError as error:
                found[record["id"]] = error.fault
    return found


def _account(record: Record, url: str) -> ProviderConfig:
    wire: Any = SPEAKS.get(record["vendor"], "openai")
    preset = record["vendor"] if record["vendor"] in PRESETS else None
    return ProviderConfig(preset=preset, wire=wire, base_url=f"{url}/{record['id']}/v2", key_env=KEY)


def offered(record: Record) -> list[tuple[str, int | None]]:
    """Ids and context windows by their JSON paths; Gemini's names begin with what they are."""
    whole = payloads(record)
    entries = whole if len(whole) > 1 else whole[0].get("data") or whole[0].get("models") or whole
    names = ("context_length", "context_window", "max_context_length", "inputTokenLimit", "max_input_tokens")
    return [
        (
            (entry.get("id") or entry["name"]).removeprefix("models/"),
            next((entry[name] for name in names if entry.get(name)), None),
        )
        for entry in entries
    ]


def test_every_list_of_models_names_the_models_that_it_holds(tally: Tally, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, "secret")
    lists = [record for provider in PROVIDERS for record in of("models", provider)]
    models, found = trio.run(listed, lists)
    wrong = []
    for record in lists:
        fault = found[record["id"]]
        got = [(model.id, model.context) for model in models[record["id"]]]
        right = "models" in record["unsure"] or got == refused_or_offered(record)
        differing = [] if right else [f"{record['id']}: {got}"]
        if record["response"]["status"] != 200:
            want = faults.reading(record)
            differing = [] if fault and (fault.kind, fault.status) == (want["kind"], want["status"]) else [str(fault)]
        tally.judged("models", record["provider"], differing)
        wrong += differing
    assert wrong == []


def refused_or_offered(record: Record) -> list[tuple[str, int | None]]:
    """A refusal offers nothing."""
    return offered(record) if record["response"]["status"] == 200 else []


def numbers(vector: Any) -> list[float]:
    """Base64 holds 32-bit floats, little-endian."""
    if isinstance(vector, str):
        data = base64.b64decode(vector)
        return list(struct.unpack(f"<{len(data) // 4}f", data))
    return list(vector)


def vectors(whole: Record) -> list[list[float]]:
    """The vectors by their JSON paths."""
    if "data" in whole:
        return [numbers(one["embedding"]) for one in sorted(whole["data"], key=lambda one: int(one["index"]))]
    found = whole.get("embeddings") or [whole["embedding"]]
    if isinstance(found, dict):  # Cohere: by the type of number that was asked for
        (found,) = found.values()
    return [list(one["values"] if isinstance(one, dict) else one) for one in found]


def counted(whole: Record) -> int | None:
    """The tokens of the texts by their JSON paths."""
    billed = (whole.get("meta") or {}).get("billed_units") or {}
    counts = whole.get("usage") or whole.get("usageMetadata") or billed
    names = ("prompt_tokens", "promptTokenCount", "input_tokens")
    return next((int(counts[name]) for name in names if name in counts), whole.get("prompt_eval_count"))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_embedding_keeps_its_numbers_and_its_count(
    provider: str, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, "secret")
    lists = [record for record in of("embed", provider) if "*" not in record["unsure"]]
    found = trio.run(embedded, lists) if lists else {}
    wrong = []
    for record in of("embed", provider):
        if "*" in record["unsure"]:
            tally.excepted("embeddings", provider)
            continue
        differing = compared(record, found[record["id"]])
        tally.judged("embeddings", provider, differing)
        wrong += differing
    assert wrong == []


def compared(record: Record, got: callboard.Embeddings | Fault) -> list[str]:
    """How the reply or the refusal differs from what was recorded."""
    if isinstance(got, Fault) or record["response"]["status"] != 200:
        want = faults.reading(record)
        same = isinstance(got, Fault) and (got.kind, got.status) == (want["kind"], want["status"])
        return [] if same else [f"{record['id']}: {got}"]
    whole = payloads(record)[0]
    told = None if got.estimated else got.usage.input_total
    wrong = [f"{record['id']} count: {told} for {counted(whole)}"] * (told != counted(whole))
    if "embeddings" in record["unsure"]:
        return wrong
    return wrong + [f"{record['id']} vectors"] * ([list(vector) for vector in got.vectors] != vectors(whole))


def asked(record: Record, wire: EmbeddingWire) -> Encoded:
    """The recorded request for embeddings, made by hand into ours, and written."""
    body = record["request"]["body"]
    if record["api"] == "embed" and isinstance(wire, Gemini):
        one = body["requests"][0] if "requests" in body else body
        model, text = record["request"]["url"].rpartition("/models/")[2].partition(":")[0], one["content"]["parts"][0]
        more: Any = {"task": one.get("taskType"), "dimensions": one.get("outputDimensionality")}
        return wire.encode_embeddings(EmbeddingRequest(model="m", inputs=(text["text"],), **more), model)
    fields = {ours: body[name] for name, ours in NAMED.items() if body.get(name) is not None}
    extra = {name: value for name, value in body.items() if name not in NAMED and value is not None}
    texts = fields["inputs"]
    fields |= {"inputs": (texts,) if isinstance(texts, str) else tuple(texts), "extra": extra}
    return wire.encode_embeddings(EmbeddingRequest(**fields), body["model"])


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_request_for_embeddings_is_written_as_it_came(provider: str, tally: Tally) -> None:
    wrong = []
    for record in of("embed", provider):
        body = (record["request"] or {}).get("body")
        if not body or "inline_data" in json.dumps(body):  # EmbeddingRequest holds texts, no pictures
            continue
        sent = json.loads(asked(record, WIRES.get(provider, OpenAIChat(provider))).body)
        body = {name: value for name, value in body.items() if value is not None}
        if isinstance(body.get("input"), str):
            body["input"] = [body["input"]]
        tally.judged("requests", provider, [record["id"]] * (sent != body))
        wrong += [record["id"]] * (sent != body)
    assert wrong == []
