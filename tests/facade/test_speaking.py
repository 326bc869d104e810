import json
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from callboard.actors.wires.presets import PRESETS, WireName
from callboard.config import read
from callboard.messages.chat import ThinkingPart, assistant, user
from callboard.messages.request import Request
from callboard.speaking import wire

PATHS = {
    "openai": "/chat/completions",
    "openai-responses": "/responses",
    "openai-completions": "/completions",
    "anthropic": "/messages",
    "gemini": "/models/m:generateContent",
    "vertex": "/models/m:generateContent",
    "cohere": "/chat",
    "cohere-v1": "/../v1/chat",
    "ollama": "/chat",
    "ollama-generate": "/generate",
}
KEYS = {"gemini": "x-goog-api-key", "anthropic": "x-api-key"}

SIGNED = {"type": "thinking", "thinking": "hm", "signature": "s"}


@pytest.mark.parametrize("name", get_args(WireName))
def test_every_wire_is_made_and_speaks_to_its_own_place_with_its_own_credential(tmp_path: Path, name: WireName) -> None:
    file = tmp_path / "callboard.toml"
    file.write_text(f'[providers.box]\nwire = "{name}"\nbase_url = "https://example.com/v1"\nkey_env = "KEY"\n')
    made = wire(read(file, {"KEY": "secret"}).providers[0], lambda: 0)
    assert made.name in PRESETS
    assert made.encode(Request(model="m", messages=(user("hi"),)), "m", stream=False).path == PATHS[name]
    header = KEYS.get(name, "authorization")
    assert made.headers("secret")[header] in ("secret", "Bearer secret")


def test_an_account_at_azure_may_be_asked_by_a_date_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "callboard.toml"
    account = 'preset = "azure"\nbase_url = "https://example.com"\nkey_env = "KEY"\n'
    file.write_text(f'[providers.old]\n{account}[providers.new]\n{account}api_version = "2025-04-01-preview"')
    paths = [wire(one, lambda: 0).encode_models().path for one in read(file, {"KEY": "secret"}).providers]
    assert paths == ["/models?api-version=2024-10-21", "/models?api-version=2025-04-01-preview"]


def test_what_another_server_of_openais_protocol_has_signed_goes_back_to_its_account_alone(tmp_path: Path) -> None:
    file = tmp_path / "callboard.toml"
    file.write_text(
        """
        [providers.openai]
        [providers.gems]
        wire = "openai"
        base_url = "https://generativelanguage.googleapis.com/v1beta/openai"
        key_env = "OPENAI_API_KEY"
        """
    )
    wires = {one.name: wire(one, lambda: 0) for one in read(file, {"OPENAI_API_KEY": "k"}).providers}
    signed = {"id": "c", "function": {"name": "f"}, "extra_content": {"google": {"thought_signature": "S"}}}
    message = {"tool_calls": [signed], "reasoning_details": [{"type": "reasoning.encrypted", "data": "E"}]}
    body = json.dumps({"choices": [{"message": message, "finish_reason": "tool_calls"}]}).encode()
    said = wires["gems"].decode(body).message
    for name, taken in (("gems", True), ("openai", False)):
        request = Request(model="m", messages=(user("hi"), said))
        sent = json.loads(wires[name].encode(request, "m", stream=False).body)["messages"][1]
        assert ("extra_content" in sent["tool_calls"][0], "reasoning_details" in sent) == (taken, taken)


def test_what_an_account_has_encrypted_is_its_own(tmp_path: Path) -> None:
    file = tmp_path / "callboard.toml"
    account = 'preset = "azure-v1"\nwire = "openai-responses"\nbase_url = "https://example.com/v1"\nkey_env = "KEY"\n'
    file.write_text(f"[providers.east]\n{account}[providers.west]\n{account}")
    output = [{"type": "reasoning", "encrypted_content": "E", "summary": []}]
    body = json.dumps({"id": "r", "status": "completed", "output": output}).encode()
    parts = [wire(one, lambda: 0).decode(body).parts[0] for one in read(file, {"KEY": "secret"}).providers]
    assert [part.origin for part in parts if isinstance(part, ThinkingPart)] == ["east-responses", "west-responses"]


def test_what_another_server_has_signed_goes_back_to_its_account_alone(tmp_path: Path) -> None:
    file = tmp_path / "callboard.toml"
    file.write_text(
        """
        [providers.anthropic]
        wire = "anthropic"
        base_url = "https://stranger.example/v1"
        [providers.claude]
        preset = "anthropic"
        [providers.spelt]
        wire = "anthropic"
        base_url = "https://API.anthropic.com/v1/"
        [providers.proxy]
        preset = "anthropic"
        base_url = "https://proxy.example/v1"
        """
    )
    wires = {one.name: wire(one, lambda: 0) for one in read(file, {"ANTHROPIC_API_KEY": "k"}).providers}

    def takes(reader: str, signer: str) -> bool:
        reply = wires[signer].decode(msgspec.json.encode({"content": [SIGNED, {"type": "text", "text": "a"}]}))
        turns = (user("q"), assistant(*reply.parts), user("r"))
        return b'"signature"' in wires[reader].encode(Request(model="m", messages=turns), "m", stream=False).body

    own = ["claude", "spelt", "proxy"]
    assert [reader for reader in wires if takes(reader, "anthropic")] == ["anthropic"]
    for signer in own:
        assert [reader for reader in wires if takes(reader, signer)] == own
