"""What the presets promise."""

import json
from typing import Any
from urllib.parse import urlsplit

import genai_prices
import pytest
from genai_prices.data import providers

from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.openai_completions import OpenAICompletions
from callboard.actors.wires.presets import PRESETS, Preset
from callboard.actors.wires.rate_limits import FAMILIES
from callboard.actors.wires.wire import WireFault
from callboard.addresses import normal
from callboard.messages.chat import (
    ChatMessage,
    DocumentPart,
    RefusalPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    assistant,
    tool_result,
    user,
)
from callboard.messages.embedding import EmbeddingRequest
from callboard.messages.limits import RateLimits, Window
from callboard.messages.request import Output, Request, Sampling, Thinking

Record = dict[str, Any]


each = pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)


def wire(preset: Preset) -> OpenAIChat:
    return OpenAIChat(preset.name, quirks=preset.quirks, rate_limits=FAMILIES[preset.rate_limits or "openai"])


def sent(name: str, *messages: ChatMessage, stream: bool = False, model: str = "m", **members: Any) -> Record:
    request = Request(model="m", messages=messages or (user("hi"),), **members)
    body: Record = json.loads(wire(PRESETS[name]).encode(request, model, stream=stream).body)
    return body


def test_every_service_that_was_promised_has_a_preset_under_its_own_name() -> None:
    assert {
        "openai", "anthropic", "gemini", "cohere", "ollama", "cerebras", "deepseek", "mistral", "groq", "together",
        "openrouter", "xai", "azure", "vertex", "litellm", "vllm", "llamacpp",
    } <= PRESETS.keys()  # fmt: skip
    assert all(name == preset.name for name, preset in PRESETS.items())


@each
def test_an_address_is_a_base_without_a_slash_and_plain_only_on_this_machine(preset: Preset) -> None:
    if preset.base_url is None:
        assert preset.name.startswith(("azure", "vertex"))
        return
    for address in (preset.base_url, *preset.also_at):
        url = urlsplit(address)
        assert url.scheme == ("http" if url.hostname == "localhost" else "https")
        assert address == normal(address)
        assert not url.query


@each
def test_who_costs_nothing_takes_no_key_and_has_no_price(preset: Preset) -> None:
    if preset.free:
        assert (preset.key_env, preset.catalogue) == (None, None)
    else:
        assert preset.key_env is not None
        assert preset.key_env.endswith(("_API_KEY", "_ACCESS_TOKEN"))


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
    assert sent(name, user("q"), turn, user("on"), model="openai/gpt-oss-20b")["messages"][1][member] == "hm"
    assert member not in sent("openai", user("q"), turn, user("on"))["messages"][1]


@pytest.mark.parametrize("model", ["openai/gpt-oss-120b", "qwen/qwen3-32b", "llama-3.3-70b-versatile"])
def test_groq_is_given_reasoning_for_models_that_reason(model: str) -> None:
    turn = assistant(ThinkingPart(text="hm", origin="groq"), "a")
    message = sent("groq", user("q"), turn, user("on"), model=model)["messages"][1]
    assert ("reasoning" in message) == (not model.startswith("llama"))


def test_deepseek_is_kept_from_thinking_in_its_own_words() -> None:
    """api-docs.deepseek.com/guides/thinking_mode: it thinks unasked, and its efforts are low, high and max."""
    told = sent("deepseek", user("q"), thinking=Thinking(effort="none"))
    assert told["thinking"] == {"type": "disabled"}
    assert "reasoning_effort" not in told
    assert sent("deepseek", user("q"), thinking=Thinking(effort="high"))["reasoning_effort"] == "high"
    assert sent("mistral", user("q"), thinking=Thinking(effort="none"))["reasoning_effort"] == "none"


def test_each_turn_has_reasoning_at_deepseek_where_tools_are_and_nothing_is_made_up_elsewhere() -> None:
    call = ToolCallPart(id="c", name="f", origin="openai")
    known = assistant(ThinkingPart(text="hm", origin="deepseek"), "b")
    loop = (user("q"), assistant(call), tool_result(call, "42"), assistant("a"), user("on"), known)
    assert [turn.get("reasoning_content") for turn in sent("deepseek", *loop)["messages"]] == [
        None, "", None, "", None, "hm",
    ]  # fmt: skip
    assert "reasoning_content" not in sent("deepseek", user("q"), assistant("a"), user("on"))["messages"][1]
    assert all("reasoning_content" not in turn for turn in sent("cerebras", *loop)["messages"])


@pytest.mark.parametrize("name", ["groq", "deepseek", "cerebras", "together", "vllm", "mistral", "openrouter", "xai"])
def test_a_refusal_is_a_text_where_the_assistants_words_are_one_string(name: str) -> None:
    turn = ChatMessage("assistant", (RefusalPart("I cannot."),))
    assert sent(name, user("q"), turn, user("on"))["messages"][1]["content"] == "I cannot."
    assert sent("openai", user("q"), turn, user("on"))["messages"][1]["content"] == [
        {"type": "refusal", "refusal": "I cannot."}
    ]


def test_a_document_at_mistral_is_a_url_that_may_hold_its_bytes() -> None:
    def shown(**of: Any) -> Record:
        part: Record = sent("mistral", ChatMessage("user", (DocumentPart(**of),)))["messages"][0]["content"][0]
        return part

    url = {"type": "document_url", "document_url": "https://example.org/a.pdf"}
    assert shown(url="https://example.org/a.pdf") == url
    assert shown(data=b"%PDF", media_type="application/pdf", name="a.pdf") == {
        "type": "document_url", "document_url": "data:application/pdf;base64,JVBERg==", "document_name": "a.pdf",
    }  # fmt: skip
    assert shown(file_id="f") == {"type": "file", "file": {"file_id": "f"}}


def test_documents_are_unsupported_at_deepseek_whose_files_are_pictures() -> None:
    with pytest.raises(WireFault, match="documents"):
        sent("deepseek", ChatMessage("user", (DocumentPart(data=b"%PDF", media_type="application/pdf"),)))


@pytest.mark.parametrize("name", ["cerebras", "groq", "mistral", "deepseek"])
def test_the_role_developer_is_sent_as_system_where_it_is_unknown(name: str) -> None:
    assert sent(name, ChatMessage("developer", "be brief"), user("hi"))["messages"][0]["role"] == "system"


def test_limits_are_read_under_the_services_own_names() -> None:
    together = wire(PRESETS["together"]).limits({"x-ratelimit-limit": "10"})
    assert together == RateLimits(requests_second=Window(limit=10))
    groq = wire(PRESETS["groq"]).limits({"x-ratelimit-limit-requests": "14400"})
    assert groq == RateLimits(requests_day=Window(limit=14_400))


def test_what_responses_write_beside_a_text_is_no_part_of_a_chat() -> None:
    noted = ChatMessage("user", (TextPart("hi", extra={"annotations": [], "logprobs": []}),))
    assert sent("openai", noted)["messages"][0]["content"] == [{"type": "text", "text": "hi"}]


CALL_IDS = ("call_abc123def456", "toolu_01A09q90qw90lq917835lq9", "aB3dE6gH9", "call_custom")


def called_and_answered(name: str) -> tuple[list[str], list[str]]:
    """The ids of four calls, one of which takes free text, and those that their results name."""
    calls = [ToolCallPart(id=call_id, name="f", arguments="{}") for call_id in CALL_IDS[:-1]]
    calls.append(ToolCallPart(id=CALL_IDS[-1], name="f", arguments="free", extra={"type": "custom"}))
    body = sent(name, user("hi"), assistant(*calls), *(tool_result(call, "r") for call in calls))
    _, said, *results = body["messages"]
    return [call["id"] for call in said["tool_calls"]], [result["tool_call_id"] for result in results]


def test_mistral_gets_ids_of_nine_letters_and_digits_the_same_in_a_call_and_in_its_result() -> None:
    called, answered = called_and_answered("mistral")
    assert called == answered
    assert len(set(called)) == len(CALL_IDS)
    assert all(len(call_id) == 9 and call_id.isascii() and call_id.isalnum() for call_id in called)
    assert "aB3dE6gH9" in called


def test_ids_of_calls_are_left_alone_where_any_is_taken() -> None:
    assert called_and_answered("openai") == (list(CALL_IDS), list(CALL_IDS))


@pytest.mark.parametrize(
    ("name", "roles"),
    [("xai", {"user"}), ("mistral", {"tool"}), ("openai", {"system", "user", "assistant", "tool"})],
)
def test_a_name_goes_only_with_the_roles_that_may_have_one_there(name: str, roles: set[str]) -> None:
    call = ToolCallPart(id="c", name="f", arguments="{}")
    body = sent(
        name,
        ChatMessage("system", "s", name="n"),
        ChatMessage("user", "u", name="n"),
        ChatMessage("assistant", (call,), name="n"),
        tool_result(call, "r"),
    )
    assert {message["role"] for message in body["messages"] if "name" in message} == roles


def test_the_end_user_is_not_named_to_mistral_which_refuses_it() -> None:
    assert "user" not in sent("mistral", user="u")
    assert sent("openai", user="u")["user"] == "u"
    request = Request(model="m", messages=(user("hi"),), user="u")
    completions = OpenAICompletions(quirks=PRESETS["mistral"].quirks)
    assert "user" not in json.loads(completions.encode(request, "m", stream=False).body)


def test_mistrals_embeddings_have_no_user_and_their_own_name_for_the_dimensions() -> None:
    request = EmbeddingRequest(model="m", inputs=("a",), dimensions=256, user="u")
    asked = {
        name: json.loads(wire(PRESETS[name]).encode_embeddings(request, "m").body) for name in ("mistral", "openai")
    }
    assert asked == {
        "mistral": {"model": "m", "input": ["a"], "output_dimension": 256},
        "openai": {"model": "m", "input": ["a"], "dimensions": 256, "user": "u"},
    }


def test_an_output_by_a_schema_is_refused_before_anything_is_sent_where_only_json_is_known() -> None:
    with pytest.raises(WireFault) as caught:
        sent("deepseek", output=Output(schema={"type": "object"}))
    assert caught.value.fault.kind == "unsupported"
    assert "schema" in caught.value.fault.message
    assert sent("deepseek", output=Output(kind="json"))["response_format"] == {"type": "json_object"}


def test_openrouter_has_an_object_for_further_members_of_thinking() -> None:
    assert sent("openrouter", thinking=Thinking(extra={"exclude": True}))["reasoning"] == {"exclude": True}
