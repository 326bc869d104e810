import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

import callboard
from callboard.cli.ask import in_memory, summary, usual_model
from callboard.config import Config, resolve
from callboard.messages.reply import Reply
from callboard.messages.usage import Usage
from callboard.sections import ProviderConfig
from callboard.testing import Behaviour, SimulatedProvider

Run = Callable[..., Any]
Configure = Callable[[SimulatedProvider], None]


async def ask(run: Run, *arguments: str) -> Any:
    return await trio.to_thread.run_sync(partial(run, "ask", *arguments))


async def test_the_answer_is_all_that_is_written(run: Run, configure: Configure) -> None:
    async with SimulatedProvider("alpha", key="sk-never-to-be-seen") as provider:
        configure(provider)
        finished = await ask(run, "Is it raining?")
    assert (finished.code, finished.err) == (0, "")
    assert finished.out.endswith(".\n")
    assert len(finished.out.splitlines()) == 1


async def test_a_stream_gives_the_same_words(run: Run, configure: Configure) -> None:
    async with SimulatedProvider("alpha") as provider:
        configure(provider)
        plain, streamed = await ask(run, "Why?"), await ask(run, "Why?", "--stream")
        assert [request.stream for request in provider.log] == [False, True]
    assert streamed == plain


async def test_the_whole_reply_comes_as_json(run: Run, configure: Configure) -> None:
    async with SimulatedProvider("alpha") as provider:
        configure(provider)
        finished = await ask(run, "Why?", "--json", "--model", "alpha/sim-large")
    reply = msgspec.json.decode(finished.out, type=Reply)
    assert (reply.provider, reply.model, reply.recorded) == ("alpha", "sim-large", "queued")


async def test_a_stream_as_json_is_its_pieces_and_then_the_reply(run: Run, configure: Configure) -> None:
    async with SimulatedProvider("alpha") as provider:
        configure(provider)
        finished = await ask(run, "Why?", "--json", "--stream")
    *pieces, last = finished.out.splitlines()
    reply = msgspec.json.decode(last, type=Reply)
    assert "".join(json.loads(piece)["text"] for piece in pieces) == reply.text


async def test_the_question_may_come_from_the_input_and_the_system_s_words_go_along(
    run: Run, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("Why? " * 40))
    async with SimulatedProvider("alpha") as provider:
        configure(provider)
        await ask(run, "-")
        await ask(run, "Why?", "--system", "Be brief. " * 40)
        await ask(run, "Why?")
        long, with_system, short = (request.usage.input_total for request in provider.log)
    assert long > short + 30
    assert with_system > short + 60


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (io.StringIO(" \n"), "the question is empty"),
        (io.TextIOWrapper(io.BytesIO(b"\xff"), encoding="utf-8"), "what the standard input has is not text in utf-8"),
        (
            io.TextIOWrapper(io.BytesIO(b"\xff"), encoding="utf-8", errors="surrogateescape"),
            "what the standard input has is not text in utf-8",
        ),
        (None, "the question is to come from the standard input, which is closed"),
    ],
)
def test_an_input_without_a_question_costs_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch, given: io.TextIOBase | None, told: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    monkeypatch.setattr("sys.stdin", given)
    assert run("ask", "-") == (2, "", f"callboard: {told}\n")


async def test_an_interrupted_stream_ends_in_one_line_after_what_had_come(run: Run, configure: Configure) -> None:
    behaviour = Behaviour(cut_rate=1, fault_after=(3, 3), tokens=(9, 9))
    async with SimulatedProvider("alpha", behaviour=behaviour) as provider:
        configure(provider)
        finished = await ask(run, "Why?", "--stream")
    assert finished.code == 1
    assert len(finished.out.split()) == 3
    assert finished.out.endswith("\n")
    assert finished.err.startswith("callboard: alpha/sim-small: interrupted")
    assert len(finished.err.splitlines()) == 1


async def test_a_failed_call_ends_in_one_line_without_the_key(run: Run, configure: Configure) -> None:
    async with SimulatedProvider("alpha", key="another") as provider:
        configure(provider)
        finished = await ask(run, "Why?")
    assert (finished.code, finished.out) == (1, "")
    assert "unauthorized" in finished.err
    assert "sk-never" not in finished.err
    assert len(finished.err.splitlines()) == 1


async def test_a_store_that_another_has_is_replaced_by_one_in_memory(run: Run, configure: Configure) -> None:
    async with SimulatedProvider("alpha") as provider:
        configure(provider)
        async with callboard.open("callboard.toml") as board:
            finished = await ask(run, "Why?")
            assert board.usage().models == ()
    assert finished.code == 0
    assert finished.out
    assert "the store is owned by process" in finished.err
    assert finished.err.endswith("; this call is outside that process's budgets and limits and recorded nowhere\n")
    assert len(finished.err.splitlines()) == 1


@pytest.mark.parametrize("arguments", [("ask", "Why?"), ("ask", "Why?", "--stream")])
def test_without_configuration_and_keys_it_says_what_to_do(run: Run, here: Path, arguments: tuple[str, ...]) -> None:
    finished = run(*arguments)
    assert finished.code == 2
    for word in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "callboard init", "callboard demo"):
        assert word in finished.err
    assert len(finished.err.splitlines()) == 1
    assert list(here.iterdir()) == []


def test_nonsense_is_the_asker_s_mistake(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    finished = run("ask", "Why?", "--model", "nobody/knows")
    assert finished.code == 2
    assert "no provider is named 'nobody'" in finished.err


@pytest.mark.filterwarnings("default")
def test_a_key_in_clear_is_warned_of_in_one_line(run: Run, here: Path) -> None:
    (here / "callboard.toml").write_text('[providers.openai]\nkey = "sk-clear"\n')
    finished = run("ask", "Why?", "--model", "nobody/knows")
    warning, _ = finished.err.splitlines()
    assert warning.startswith("callboard: warning: callboard.toml: providers.openai.key: the key stands in the file")
    assert "sk-clear" not in finished.err


def test_the_usual_model_is_the_first_alias_else_a_known_provider_s_example(tmp_path: Path) -> None:
    def usual(config: Config) -> str:
        return usual_model(resolve(config, "c", tmp_path, {"OPENAI_API_KEY": "x", "ANTHROPIC_API_KEY": "y"}))

    own = ProviderConfig(wire="openai", base_url="http://127.0.0.1:1/v1")
    known = ProviderConfig()
    aliases = {"fast": ["own/m"], "slow": ["own/n"]}
    assert usual(Config(providers={"openai": known, "own": own}, models=aliases)) == "fast"
    assert usual(Config(providers={"own": own, "anthropic": known})).startswith("anthropic/claude")
    with pytest.raises(callboard.ConfigError, match="--model provider/model, with one of own"):
        usual(Config(providers={"own": own}))


def test_in_memory_changes_the_store_and_nothing_else(tmp_path: Path) -> None:
    before = resolve(Config(providers={"openai": ProviderConfig()}), "c", tmp_path, {"OPENAI_API_KEY": "x"})
    after = in_memory(before)
    assert after.config.store.mode == "memory"
    store = before.config.store
    assert msgspec.structs.replace(after, config=msgspec.structs.replace(after.config, store=store)) == before


@pytest.mark.parametrize(
    ("cost", "cached", "told"),
    [
        (Decimal("0.0000125"), False, "p/m · 5 tokens in, 3 out · $0.000012 · 1.5 s"),
        (Decimal(0), True, "p/m, from the cache · 5 tokens in, 3 out · $0.000000 · 1.5 s"),
        (None, False, "p/m · 5 tokens in, 3 out · price unknown · 1.5 s"),
    ],
)
def test_the_summary_tells_who_what_and_how_much(cost: Decimal | None, cached: bool, told: str) -> None:
    reply = Reply(
        id="1",
        parts=(),
        usage=Usage(input=2, cached_read=3, output=1, reasoning=2),
        cost=cost,
        provider="p",
        model="m",
        finish_reason=None,
        cached=cached,
        attempts=(),
        started=datetime.now(UTC),
        duration=1.5,
    )
    assert summary(reply) == told
