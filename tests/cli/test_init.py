import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from callboard import config
from callboard.actors.transport.config import Bounds as TransportBounds
from callboard.actors.transport.config import Tls, TransportConfig
from callboard.cli.template import configuration, environment, providers_with_keys
from callboard.config import FAMILIAR, Config
from callboard.sections import CircuitConfig, LimitConfig, ModelLimitConfig, ProviderConfig

Run = Callable[..., Any]
KEYS = {preset.key_env: "sk-x" for preset in FAMILIAR.values()} | {"LOCAL_API_KEY": "sk-x"}


def decoded(text: str, folder: Path) -> Config:
    path = folder / "callboard.toml"
    path.write_text(text)
    return config.read(path, KEYS).config


def uncommented(text: str) -> str:
    """With every setting and table in force that stands there as a comment."""
    return re.sub(r"^# (?=\[|[a-z0-9_]+ = )", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize("names", [("openai",), ("anthropic",), ("openai", "anthropic")])
def test_what_is_written_is_a_configuration(names: tuple[str, ...], tmp_path: Path) -> None:
    found = decoded(configuration(names), tmp_path)
    assert tuple(found.providers) == names
    assert found.models["fast"] == [f"{name}/{FAMILIAR[name].example}" for name in names]
    assert found == Config(
        providers={name: ProviderConfig(key_env=FAMILIAR[name].key_env) for name in names}, models=found.models
    )


def test_every_comment_that_looks_like_a_setting_is_one_and_tells_the_default(tmp_path: Path) -> None:
    found = decoded(uncommented(configuration(("openai",))), tmp_path)
    usual = Config()
    for name in ("call", "retry", "hedge", "cache", "store"):
        assert getattr(found, name) == getattr(usual, name)
    assert found.features
    openai = found.providers["openai"]
    assert (openai.timeouts, openai.circuit) == (ProviderConfig().timeouts, CircuitConfig())
    transport = msgspec.structs.replace(openai.transport, proxy=None, allowed_hosts=None)
    assert msgspec.structs.replace(transport, tls=Tls()) == TransportConfig()
    assert openai.limits == LimitConfig(
        requests_per_second=20,
        tokens_per_second=20_000,
        requests_per_minute=500,
        tokens_per_minute=200_000,
        requests_per_day=10_000,
        tokens_per_day=5_000_000,
        models={"gpt-4o": ModelLimitConfig(requests_per_minute=100, tokens_per_minute=50_000, concurrency=20)},
    )
    assert set(found.providers) == {*FAMILIAR, "local"}
    assert found.providers["local"].free
    assert found.prices


def test_every_setting_there_is_stands_in_it() -> None:
    text = uncommented(configuration(("openai",)))
    for kind in (
        CircuitConfig,
        LimitConfig,
        TransportConfig,
        Tls,
        TransportBounds,
        type(Config().call),
        type(Config().hedge),
        type(Config().store),
        type(Config().cache),
    ):
        for name in kind.__struct_fields__:
            table = rf"\[store\.{name}\]|\[providers\.openai\.(limits\.|transport\.)?{name}[].]"
            setting = rf"^({name} = |{table})"
            assert re.search(setting, text, flags=re.MULTILINE), f"{kind.__name__}.{name}"


def test_providers_whose_keys_are_set_are_in_use() -> None:
    assert providers_with_keys({"ANTHROPIC_API_KEY": "x"}) == ("anthropic",)
    assert providers_with_keys(KEYS) == tuple(FAMILIAR)
    assert providers_with_keys({"OPENAI_API_KEY": ""}) == ("openai",)


def test_both_files_are_written_and_hold_no_key(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-never-to-be-seen")
    finished = run("init")
    assert (finished.code, finished.err) == (0, "")
    assert sorted(path.name for path in here.iterdir()) == [".env.example", "callboard.toml"]
    assert tuple(config.read(here / "callboard.toml").config.providers) == ("anthropic",)
    assert (here / ".env.example").read_text() == environment()
    assert not any("sk-never" in path.read_text() for path in here.iterdir())


def test_a_file_that_is_there_is_left_as_it_is(run: Run, here: Path) -> None:
    (here / "callboard.toml").write_text("mine")
    first, second = run("init"), run("init")
    assert (here / "callboard.toml").read_text() == "mine"
    assert first.code == 0
    assert "callboard.toml is there already" in first.out
    assert "wrote .env.example" in first.out
    assert second.code == 1
    assert second.err == "callboard: nothing was written\n"
