"""The real providers whose keys are in the environment: `pytest -m live`. It costs a few thousandths of a dollar.

CALLBOARD_LIVE_<PRESET>_MODEL names another model than the preset's example, such as CALLBOARD_LIVE_OPENAI_MODEL.
"""

import json
import os
from typing import Any

import pytest

import callboard
from callboard.actors.wires.presets import PRESETS, Preset
from callboard.config import Config
from callboard.sections import ProviderConfig, StoreConfig

REAL = {
    name: preset for name, preset in PRESETS.items() if preset.key_env and (preset.base_url or "").startswith("https:")
}
"""The services that are somewhere and want a key."""
WEATHER = callboard.Tool(
    name="get_weather",
    description="The weather in a city",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
ROOM = 2_000
"""Tokens: enough for a model that thinks first."""

pytestmark = [pytest.mark.live, pytest.mark.parametrize("name", REAL)]


@pytest.fixture
def preset(name: str) -> Preset:
    """The service. Skips when its key is not set."""
    found = REAL[name]
    assert found.key_env is not None
    if not os.environ.get(found.key_env):
        pytest.skip(f"{found.key_env} is not set")
    return found


def model(preset: Preset) -> str:
    """The model to ask."""
    named = os.environ.get(f"CALLBOARD_LIVE_{preset.name.upper().replace('-', '_')}_MODEL")
    return f"{preset.name}/{named or preset.example}"


def board(preset: Preset) -> Any:
    """A board with this account alone, and nothing kept."""
    return callboard.open(Config(providers={preset.name: ProviderConfig()}, store=StoreConfig(mode="memory")))


async def test_a_call_has_text_usage_and_an_end(preset: Preset) -> None:
    async with board(preset) as running:
        reply = await running.generate("Say the word yes.", model=model(preset), max_tokens=ROOM)
    assert "yes" in reply.text.lower()
    assert reply.finish_reason == "stop"
    assert not reply.estimated
    assert reply.usage.input > 0
    assert reply.usage.output_total > 0


async def test_a_stream_comes_in_pieces_that_are_its_reply(preset: Preset) -> None:
    async with board(preset) as running:
        async with running.stream("Count from one to twenty.", model=model(preset), max_tokens=ROOM) as stream:
            pieces = [delta.text async for delta in stream]
    assert "".join(pieces) == stream.reply.text != ""
    assert stream.reply.finish_reason == "stop"
    assert not stream.reply.estimated


async def test_a_tool_is_called_and_its_result_is_used(preset: Preset) -> None:
    question = callboard.user("What is the weather in Bern? Use the tool.")
    options: Any = {"model": model(preset), "tools": [WEATHER], "max_tokens": ROOM}
    async with board(preset) as running:
        asked = await running.generate([question], **options)
        (call,) = asked.tool_calls
        assert json.loads(call.arguments)["city"].startswith("Bern")
        result = callboard.tool_result(call, "It snows, at -7 degrees Celsius.")
        reply = await running.generate([question, asked.message, result], **options)
    assert "7" in reply.text


async def test_the_accounts_models_are_listed(preset: Preset) -> None:
    async with board(preset) as running:
        models = await running.models()
    assert models
    assert {one.provider for one in models} == {preset.name}


async def test_a_wrong_key_is_told(preset: Preset, monkeypatch: pytest.MonkeyPatch) -> None:
    assert preset.key_env is not None
    monkeypatch.setenv(preset.key_env, "sk-wrong")
    async with board(preset) as running:
        with pytest.raises(callboard.CallError) as caught:
            await running.generate("hi", model=model(preset), max_tokens=16)
    assert caught.value.fault.kind in ("unauthorized", "forbidden", "invalid_request")
    assert "sk-wrong" not in str(caught.value)
