"""What README and docs show is true: examples run, and tables name everything that there is."""

import asyncio
import inspect
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any, get_args

import pytest
import trio

import callboard
from callboard.actors.orchestrator.policy import RULES, Rule
from callboard.actors.provider.policy import OUTCOMES
from callboard.actors.wires.presets import PRESETS
from callboard.messages.faults import FaultKind
from callboard.testing import SimulatedProvider

ROOT = Path(__file__).parents[1]
ALIASES = {"fast": ["alpha/sim-small"]}


def example(page: str, word: str) -> dict[str, Any]:
    """What the page's one block of Python with this word defines."""
    blocks = [block.partition("```")[0] for block in (ROOT / page).read_text("utf-8").split("```python\n")[1:]]
    (found,) = [block for block in blocks if word in block]
    names: dict[str, Any] = {"__name__": "example"}
    exec(found, names)  # noqa: S102 - our own page
    return names


def table(page: str, head: str) -> dict[str, tuple[str, ...]]:
    """The rows of the page's table whose first column is called so: the other cells by the first, less its quotes."""
    lines = (ROOT / page).read_text("utf-8").split(f"| {head} |")[1].split("\n\n")[0].splitlines()[2:]
    rows = [tuple(cell.strip() for cell in line.strip("|").replace("\\|", "¦").split("|")) for line in lines]
    assert len({name for name, *_ in rows}) == len(rows)
    return {name.strip("`"): tuple(cells) for name, *cells in rows}


def config(provider: SimulatedProvider) -> callboard.Config:
    return callboard.Config(
        providers={"alpha": callboard.ProviderConfig(wire="openai", base_url=provider.url, free=True)},
        models=ALIASES,
        store=callboard.StoreConfig(mode="memory"),
    )


async def test_the_bridge_from_asyncio_brings_replies_and_faults_and_ends_with_its_block() -> None:
    bridge = example("README.md", "to_thread")["bridge"]

    async def main(source: callboard.Config) -> None:
        async with bridge(source) as crossing:
            ask = crossing.board.generate
            asked = [crossing.call(partial(ask, f"Why {n}?", model="fast")) for n in range(3)]
            assert all(reply.text for reply in await asyncio.gather(*asked))
            with pytest.raises(callboard.InvalidRequest):
                await crossing.call(lambda: ask("Why?", model="nobody"))
        with pytest.raises(trio.RunFinishedError):
            await crossing.call(lambda: ask("Why?", model="fast"))

    async with SimulatedProvider("alpha") as provider:
        await trio.to_thread.run_sync(asyncio.run, main(config(provider)))


def test_type_checkers_find_nothing_wrong_with_the_examples(tmp_path: Path) -> None:
    pages = [(ROOT / page).read_text("utf-8") for page in ("README.md", "docs/calls.md", "docs/running.md")]
    blocks = [block.partition("```")[0] for page in pages for block in page.split("```python\n")[1:]]
    for number, block in enumerate(blocks):
        (tmp_path / f"example_{number}.py").write_text(block, "utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", str(tmp_path)]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


async def test_the_bridge_raises_what_opening_raised() -> None:
    bridge = example("README.md", "to_thread")["bridge"]

    async def main() -> None:
        with pytest.raises(callboard.ConfigError):
            async with bridge(callboard.Config()):
                pass

    await trio.to_thread.run_sync(asyncio.run, main())


async def test_the_loop_of_tools_answers_each_call_and_ends_with_the_models_text() -> None:
    names = example("docs/calls.md", "tool_result")
    asked: list[Any] = []

    class Forcing:
        """A board that makes the model ask for a tool first: a simulated one asks for none of itself."""

        def __init__(self, board: callboard.Board) -> None:
            self._board = board

        async def generate(self, messages: Any, **options: Any) -> callboard.Reply:
            asked.append(list(messages))
            choice = "required" if len(asked) == 1 else "auto"
            return await self._board.generate(messages, tool_choice=choice, **options)

    async with SimulatedProvider("alpha") as provider, callboard.open(config(provider), virtual_time=True) as board:
        assert await names["ask"](Forcing(board), "Will it rain?") not in ("", "no answer")
    assert [message.role for message in asked[-1]] == ["user", "assistant", "tool"]
    assert "It is sunny in" in asked[-1][-1].content[0].content


@pytest.mark.parametrize("sent", [True, False])
async def test_a_program_that_heeds_sigterm_stops_as_it_does_at_its_own_end(sent: bool) -> None:
    main = example("docs/running.md", "open_signal_receiver")["main"]

    async def program(board: callboard.Board) -> None:
        assert board.health()
        if sent:
            signal.raise_signal(signal.SIGTERM)
            await trio.sleep_forever()

    async with SimulatedProvider("alpha") as provider:
        await main(program, config(provider))


def test_the_example_of_a_test_passes() -> None:
    assert example("docs/running.md", "MockClock")["outage"]


def test_every_option_of_a_call_has_its_row() -> None:
    methods = (callboard.Board.generate, callboard.Board.stream)
    named = {name for method in methods for name in inspect.signature(method).parameters}
    options = (named | callboard.Options.__annotations__.keys()) - {"self", "prompt", "options"}
    assert table("docs/calls.md", "option").keys() == options


def test_every_service_has_its_row_with_its_address_and_its_keys_variable() -> None:
    rows = table("docs/running.md", "preset")
    assert rows.keys() == PRESETS.keys()
    for name, (address, variable) in rows.items():
        preset = PRESETS[name]
        assert variable == (f"`{preset.key_env}`" if preset.key_env else "–")
        assert address == f"`{preset.base_url}`" if preset.base_url else address.startswith("yours: `https://")


def test_every_event_has_its_row() -> None:
    assert table("docs/running.md", "event").keys() == {event.__name__ for event in get_args(callboard.Event)}


FOLLOWS = {
    Rule(same=True, elsewhere=True): "next, and again",
    Rule(same=True, elsewhere=True, first=True): "here once more, then next",
    Rule(same=False, elsewhere=True): "next",
    Rule(same=False, elsewhere=False): "the call ends",
}


@pytest.mark.parametrize("kind", FaultKind)
def test_what_follows_a_fault_and_what_it_does_to_circuits_is_as_its_row_says(kind: FaultKind) -> None:
    _, follows, circuits = table("docs/semantics.md", "kind of fault")[kind.value]
    assert follows.split(";")[0].split(", but")[0] == FOLLOWS[RULES[kind]]
    told = ", ".join(f"{name}: {outcome.value}" for name, outcome in OUTCOMES[kind].items())
    assert circuits.split(";")[0] == (told or "–")


def test_the_table_of_faults_has_no_other_rows() -> None:
    assert table("docs/semantics.md", "kind of fault").keys() == set(FaultKind)
