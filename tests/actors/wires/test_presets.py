"""What the presets promise, and every recorded request of their services sent again under their quirks."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import genai_prices
import pytest
from genai_prices.data import providers

from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.openai_inbound import decode_request
from callboard.actors.wires.presets import PRESETS, Preset
from callboard.actors.wires.rate_limits import FAMILIES
from callboard.actors.wires.wire import WireFault
from callboard.messages.chat import ChatMessage, TextPart, ThinkingPart, assistant, user
from callboard.messages.request import Request, Sampling
from callboard.messages.validate import check

Record = dict[str, Any]
Recorded = Callable[[str, str], list[Record]]

FAMILY = ("openai", "azure", "groq", "deepseek", "openrouter", "mistral", "cerebras", "together", "compat_other")
STRANGERS = "litellm"
"""The preset for services without one of their own: a proxy stands before anybody."""

each = pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)


def wire(preset: Preset) -> OpenAIChat:
    return OpenAIChat(preset.name, quirks=preset.quirks, rate_limits=FAMILIES[preset.rate_limits or "openai"])


def sent(name: str, *messages: ChatMessage, stream: bool = False, **members: Any) -> Record:
    request = Request(model="m", messages=messages or (user("hi"),), **members)
    body: Record = json.loads(wire(PRESETS[name]).encode(request, "m", stream=stream).body)
    return body


def test_every_service_that_was_promised_has_a_preset_under_its_own_name() -> None:
    assert {
        "openai", "anthropic", "gemini", "cohere", "ollama", "cerebras", "deepseek", "mistral", "groq", "together",
        "openrouter", "xai", "azure", "litellm", "vllm", "llamacpp",
    } <= PRESETS.keys()  # fmt: skip
    assert all(name == preset.name for name, preset in PRESETS.items())


@each
def test_an_address_is_a_base_without_a_slash_and_plain_only_on_this_machine(preset: Preset) -> None:
    if preset.base_url is None:
        assert preset.name.startswith("azure")
        return
    url = urlsplit(preset.base_url)
    assert url.scheme == ("http" if url.hostname == "localhost" else "https")
    assert not preset.base_url.endswith("/")
    assert not url.query


@each
def test_who_costs_nothing_takes_no_key_and_has_no_price(preset: Preset) -> None:
    if preset.free:
        assert (preset.key_env, preset.catalogue) == (None, None)
    else:
        assert preset.key_env is not None
        assert preset.key_env.endswith("_API_KEY")


@each
def test_the_catalogue_knows_the_service_and_a_price_of_its_example(preset: Preset) -> None:
    if preset.catalogue is not None:
        assert preset.catalogue in {provider.id for provider in providers}
        usage = genai_prices.Usage(input_tokens=1000, output_tokens=1000)
        assert genai_prices.calc_price(usage, model_ref=preset.example, provider_id=preset.catalogue).total_price > 0


def test_azure_takes_a_bare_key_and_a_dated_version_behind_every_path() -> None:
    azure = wire(PRESETS["azure"])
    assert azure.headers("k") == {"api-key": "k"}
    encoded = azure.encode(Request(model="m", messages=(user("hi"),)), "m", stream=False)
    assert encoded.path == "/chat/completions?api-version=2024-10-21"
    assert azure.encode_models().path == "/models?api-version=2024-10-21"
    assert wire(PRESETS["azure-v1"]).encode_models().path == "/models"
    assert wire(PRESETS["azure-v1"]).headers("k") == {"api-key": "k"}


def test_cerebras_is_always_told_a_bound_on_output() -> None:
    assert sent("cerebras")["max_completion_tokens"] == 4096
    assert sent("cerebras", sampling=Sampling(max_tokens=7))["max_completion_tokens"] == 7
    assert "max_completion_tokens" not in sent("openai")


def test_mistral_has_a_seed_of_its_own_name_and_is_not_asked_for_usage() -> None:
    body = sent("mistral", stream=True, sampling=Sampling(seed=7))
    assert body["random_seed"] == 7
    assert not {"seed", "stream_options"} & body.keys()


@pytest.mark.parametrize("name", ["mistral", "groq"])
def test_log_probabilities_are_refused_where_the_service_has_none(name: str) -> None:
    with pytest.raises(WireFault):
        sent(name, sampling=Sampling(logprobs=True))


def test_openrouter_takes_cache_control_and_openai_does_not() -> None:
    marked = ChatMessage("user", (TextPart("hi", extra={"cache_control": {"type": "ephemeral"}}),))
    assert "cache_control" in sent("openrouter", marked)["messages"][0]["content"][0]
    assert "cache_control" not in sent("openai", marked)["messages"][0]["content"][0]


@pytest.mark.parametrize(
    ("name", "member"), [("deepseek", "reasoning_content"), ("groq", "reasoning"), ("cerebras", "reasoning")]
)
def test_reasoning_goes_back_under_the_services_own_name(name: str, member: str) -> None:
    turn = assistant(ThinkingPart(text="hm", origin=name), "a")
    assert sent(name, user("q"), turn, user("on"))["messages"][1][member] == "hm"
    assert member not in sent("openai", user("q"), turn, user("on"))["messages"][1]


@pytest.mark.parametrize("name", ["cerebras", "groq", "mistral", "deepseek"])
def test_the_role_developer_is_sent_as_system_where_it_is_unknown(name: str) -> None:
    assert sent(name, ChatMessage("developer", "be brief"), user("hi"))["messages"][0]["role"] == "system"


def test_limits_are_read_under_the_services_own_names() -> None:
    limits = wire(PRESETS["together"]).limits({"x-ratelimit-limit": "10"})
    assert limits is not None
    assert limits.requests is not None
    assert limits.requests.limit == 10


def test_what_responses_write_beside_a_text_is_no_part_of_a_chat() -> None:
    noted = ChatMessage("user", (TextPart("hi", extra={"annotations": [], "logprobs": []}),))
    assert sent("openai", noted)["messages"][0]["content"] == [{"type": "text", "text": "hi"}]


def preset_of(record: Record) -> Preset:
    return PRESETS.get(record["vendor"], PRESETS[STRANGERS])


def canonical(value: Any) -> Any:
    """Without what says nothing: nulls, and empty lists of tools and tool calls."""
    if isinstance(value, list):
        return [canonical(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    kept = {name: canonical(inner) for name, inner in value.items() if inner is not None}
    return {name: inner for name, inner in kept.items() if name not in ("tools", "tool_calls") or inner}


def spelled_out(body: Record, preset: Preset) -> Record:
    """The one way to say what clients say in several, and with it what the preset always says."""
    body, quirks = canonical(body), preset.quirks
    if body.get("stream") is False:
        del body["stream"]
    if body.get("stream") and quirks.stream_usage:
        body.setdefault("stream_options", {"include_usage": True})
    bounds = [body.pop(name) for name in ("max_tokens", "max_completion_tokens") if name in body]
    bound = bounds[0] if bounds else quirks.default_max_tokens
    if bound is not None:
        body[quirks.max_tokens] = bound
    for tool in body.get("tools", []):
        tool.setdefault("type", "function")
    for message in body["messages"]:
        plain_message(message)
        if message["role"] == "developer" and not quirks.developer:
            message["role"] = "system"
    return body


def plain_message(message: Record) -> None:
    content = message.get("content")
    if isinstance(content, list):
        for part in content:
            if isinstance(part.get("image_url"), str):
                part["image_url"] = {"url": part["image_url"]}
        if message["role"] == "assistant" and all(part["type"] == "text" for part in content):
            message["content"] = "".join(part["text"] for part in content)
    if message.get("tool_calls") and not message.get("content"):
        message.pop("content", None)


def test_every_recorded_request_is_sent_again_as_it_came_under_its_presets_quirks(recorded: Recorded) -> None:
    wrong, seen = [], 0
    for family in FAMILY:
        for record in recorded(family, "chat_completions"):
            body = record["request"]["body"]
            if not body:
                continue
            seen += 1
            preset = preset_of(record)
            request = decode_request(json.dumps(body).encode(), preset.name)
            check(request)
            try:
                encoded = wire(preset).encode(request, request.model, stream=body.get("stream") is True)
            except WireFault as error:
                wrong.append((record["id"], str(error)))
                continue
            if canonical(json.loads(encoded.body)) != spelled_out(body, preset):
                wrong.append((record["id"], record["vendor"]))
    assert wrong == []
    assert seen > 300


@pytest.mark.parametrize("family", ["openai", "deepseek", "openrouter", "mistral", "cerebras", "compat_other"])
def test_every_recorded_list_of_models_reads_the_same_as_by_hand(family: str, recorded: Recorded) -> None:
    for record in recorded(family, "models"):
        body = record["response"]["body"]
        if record["response"]["status"] != 200 or "models" in record["unsure"]:
            continue
        models = wire(preset_of(record)).decode_models(body.encode())
        assert [model.id for model in models] == [model["id"] for model in json.loads(body)["data"]]
