"""Every recorded request, read into a Request and written again."""

import copy
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from tests.conformance.corpus import PROVIDERS, Record, chats
from tests.conformance.report import Tally

from callboard.actors.wires import (
    anthropic_inbound,
    cohere_inbound,
    cohere_v1_inbound,
    gemini_inbound,
    ollama_inbound,
    openai_inbound,
    openai_responses_inbound,
)
from callboard.actors.wires.anthropic import AnthropicMessages
from callboard.actors.wires.cohere import Cohere
from callboard.actors.wires.cohere_v1 import CohereV1
from callboard.actors.wires.gemini import Gemini
from callboard.actors.wires.ollama import Ollama
from callboard.actors.wires.ollama_generate import OllamaGenerate
from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.openai_request import Quirks
from callboard.actors.wires.openai_responses import OpenAIResponses
from callboard.actors.wires.presets import PRESETS
from callboard.actors.wires.wire import Encoded
from callboard.messages.request import Request
from callboard.messages.validate import InvalidRequest, check

_BETA = "`output_format` was the beta's name of what is now `output_config.format`"
_NOTATION = "a JSON Schema that Google's own notation can hold is written as `parameters`, not `parametersJsonSchema`"
OTHERWISE = {
    **dict.fromkeys(
        ("c3d4b0712a7c", "c5965deae5ee", "f203bb3decb2", "06371964342b", "08f167585bf1", "28f624d68a94",
         "49fdfbb247c1", "4a433eed51d9", "6ad8a9736b3c", "b197da460171", "e0c777501fb1"), _BETA
    ),
    "8dafc1a0cf68": _NOTATION,
    "efcad3758e50": _NOTATION,
    "36e880dddfa7": "its system prompt, a string in the first message, is sent as `instructions`, which is the same",
    "6b068f124dc6": "an empty system prompt is not sent",
    "7e210155b417": "no request: its tool result names another call than the one before it",
    "a121bb3b7a8a": "no request: its one message is a string; Anthropic answered 400",
    "322888af54be": "no request: it names no model, which version 1 lets one leave out",
    "56a1f2d26ecb": "DeepSeek demands reasoning, if an empty one, in the turns of a request with tools",
    "9673e5262104": "no request: its temperature is 1000; Vertex answered 400",
}  # fmt: skip
"""Requests that are written otherwise than they came, and why: under 2 % of the records."""

STRANGERS = "litellm"
"""The preset for services without one of their own: a proxy stands before anybody."""

OF_A_SORT = 3
"""Places of one sort that are looked at."""

OF_THE_CALLER = {"args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema"}
"""Members of Gemini's whose content has names of the caller's own."""


def written(record: Record) -> Encoded:
    """The request through a Request. Raises InvalidRequest and WireFault."""
    body: Record = record["request"]["body"]
    data, stream = json.dumps(body).encode(), body.get("stream") is True
    vendor, quirks = record["vendor"], quirks_of(record)
    match record["api"]:
        case "chat_completions":
            request = openai_inbound.decode_request(data, vendor)
            return OpenAIChat(vendor, quirks=quirks).encode(checked(request), request.model, stream=stream)
        case "responses":
            request = openai_responses_inbound.decode_request(data, f"{vendor}-responses")
            wire = OpenAIResponses(vendor, quirks=quirks, stateless=False)
            return wire.encode(checked(request), request.model, stream=stream)
        case "messages":
            request = anthropic_inbound.decode_request(data)
            return AnthropicMessages().encode(checked(request), request.model, stream=stream)
        case "v2/chat":
            request = cohere_inbound.decode_request(data)
            return Cohere().encode(checked(request), request.model, stream=stream)
        case "v1/chat":
            request = cohere_v1_inbound.decode_request(data)
            return CohereV1().encode(checked(request), request.model, stream=stream)
        case "api/chat" | "api/generate" as api:
            request = ollama_inbound.decode_request(data)
            ollama = Ollama() if api == "api/chat" else OllamaGenerate()
            return ollama.encode(checked(request), request.model, stream=stream)
        case api:
            model = record["request"]["url"].rpartition("/models/")[2].partition(":")[0]
            request = gemini_inbound.decode_request(data, model)
            return Gemini().encode(checked(request), model, stream=api == "streamGenerateContent")


def checked(request: Request) -> Request:
    """The request, which callers could have made as well."""
    check(request)
    return request


def quirks_of(record: Record) -> Quirks:
    """The service's own, or a stranger's; less what differs between servers of one service: how the bound on output
    is called, whether usage is asked for, whether the assistant's words may be a list."""
    body, preset = record["request"]["body"], PRESETS.get(record["vendor"])
    known = preset is not None and preset.wire == "openai"
    return msgspec.structs.replace(
        preset.quirks if preset is not None and known else PRESETS[STRANGERS].quirks,
        assistant_lists=True,
        max_tokens="max_tokens" if "max_tokens" in body else "max_completion_tokens",
        stream_usage="stream_options" in body,
        default_max_tokens=None,
    )


def plain(value: Any) -> Any:
    """JSON in the one of several ways that its protocol calls equal: nothing for nulls, `stream: false` and empty
    lists; a call's type; Responses' text as the user's one message, Mistral's bare URL of a picture as an object."""
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"function": dict()}:
            value = {"type": "function"} | value
        case {"input": str(words), "model": _}:
            value = value | {"input": [{"role": "user", "content": words}]}
        case {"type": "image_url", "image_url": str(url)}:
            value = value | {"image_url": {"url": url}}
    kept = {name: plain(inner) for name, inner in value.items() if inner is not None and inner != []}
    return {name: inner for name, inner in kept.items() if (name, inner) != ("stream", False)}


def camel(value: Any) -> Any:
    """Protocol Buffers' JSON has two spellings for each member; the wire writes this one."""
    if isinstance(value, list):
        return [camel(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    named = {re.sub("_([a-z])", lambda found: found[1].upper(), name): inner for name, inner in value.items()}
    return {name: inner if name in OF_THE_CALLER else camel(inner) for name, inner in named.items()}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_request_is_written_as_it_came(provider: str, tally: Tally) -> None:
    wrong = []
    for record in chats(provider):
        body = (record["request"] or {}).get("body")
        if not body:
            continue
        came = camel(body) if record["api"].endswith("enerateContent") else body
        try:
            same = plain(json.loads(written(record).body)) == plain(came)
        except InvalidRequest:
            same = False
        if record["id"] in OTHERWISE:
            tally.excepted("requests", provider)
            wrong += [f"{record['id']} is no exception any more"] * same
        else:
            tally.judged("requests", provider, [] if same else [record["id"]])
            wrong += [record["id"]] * (not same)
    assert wrong == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_member_of_a_later_day_is_kept_wherever_it_stands(provider: str) -> None:
    """In every sort of place that the recorded requests have, beside what is there."""
    seen: Counter[tuple[object, ...]] = Counter()
    wrong = []
    for record in chats(provider):
        body = (record["request"] or {}).get("body")
        for place in objects_in(body) if body and record["id"] not in OTHERWISE else ():
            names = frozenset(at(body, place))
            sort = (record["api"], names, *("*" if isinstance(step, int) else step for step in place))
            seen[sort] += 1
            if seen[sort] <= OF_A_SORT and not kept(record, place):
                wrong.append((record["id"], *place))
    assert wrong == []


def kept(record: Record, place: tuple[str | int, ...]) -> bool:
    """Whether a member that nobody knows survives in this place."""
    later = copy.deepcopy(record["request"]["body"])
    at(later, place)["of_a_later_day"] = {"a": 1}
    sent = json.loads(written(record | {"request": record["request"] | {"body": later}}).body)
    return bool(plain(sent) == plain(camel(later) if record["api"].endswith("enerateContent") else later))


def at(body: Any, place: tuple[str | int, ...]) -> Record:
    """The object in this place."""
    for step in place:
        body = body[step]
    return body  # type: ignore[no-any-return]


def objects_in(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where the objects are, this one first."""
    if isinstance(value, dict):
        yield place
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, one in inner:
        yield from objects_in(one, (*place, step))


def test_the_exceptions_are_few() -> None:
    requests = [record for provider in PROVIDERS for record in chats(provider) if (record["request"] or {}).get("body")]
    assert len(OTHERWISE) < 0.02 * len(requests)
