import json
from pathlib import Path
from typing import get_args

import pytest

from callboard.actors.wires.presets import PRESETS, WireName
from callboard.config import read
from callboard.messages.chat import ThinkingPart, user
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


@pytest.mark.parametrize("name", get_args(WireName))
def test_every_wire_is_made_and_speaks_to_its_own_place_with_its_own_credential(tmp_path: Path, name: WireName) -> None:
    file = tmp_path / "callboard.toml"
    file.write_text(f'[providers.box]\nwire = "{name}"\nbase_url = "https://example.com/v1"\nkey_env = "KEY"\n')
    made = wire(read(file, {"KEY": "secret"}).providers[0], lambda: 0)
    assert made.name in PRESETS
    assert made.encode(Request(model="m", messages=(user("hi"),)), "m", stream=False).path == PATHS[name]
    header = KEYS.get(name, "authorization")
    assert made.headers("secret")[header] in ("secret", "Bearer secret")


def test_what_an_account_has_encrypted_is_its_own(tmp_path: Path) -> None:
    file = tmp_path / "callboard.toml"
    account = 'preset = "azure-v1"\nwire = "openai-responses"\nbase_url = "https://example.com/v1"\nkey_env = "KEY"\n'
    file.write_text(f"[providers.east]\n{account}[providers.west]\n{account}")
    output = [{"type": "reasoning", "encrypted_content": "E", "summary": []}]
    body = json.dumps({"id": "r", "status": "completed", "output": output}).encode()
    parts = [wire(one, lambda: 0).decode(body).parts[0] for one in read(file, {"KEY": "secret"}).providers]
    assert [part.origin for part in parts if isinstance(part, ThinkingPart)] == ["east-responses", "west-responses"]
