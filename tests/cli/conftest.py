"""The command line run in this process, in a folder of its own, and a provider to call."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from callboard.cli import main
from callboard.testing import SimulatedProvider


class Finished(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Finished]


@pytest.fixture
def here(tmp_path: Path, runtime_directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty current folder, without keys in the environment and with a runtime directory of its own."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    yield folder
    assert list(runtime_directory.iterdir()) == []


@pytest.fixture
def run(here: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run one command to its end. Call it in a thread where an event loop has to turn meanwhile."""

    def run(*arguments: str) -> Finished:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Finished(ended.value.code, captured.out, captured.err)

    return run


@pytest.fixture
def configure(here: Path) -> Callable[[SimulatedProvider], None]:
    """Write a `callboard.toml` for one provider, named alpha, with the alias `any`."""

    def write(provider: SimulatedProvider) -> None:
        (here / "callboard.toml").write_text(
            f'[providers.alpha]\nwire = "openai"\nbase_url = "{provider.url}"\nkey_env = "ALPHA_KEY"\n'
            '[models]\nany = ["alpha/sim-small"]\n'
            '[prices."alpha/sim-small"]\ninput = 1.0\noutput = 2.0\n'
        )
        (here / ".env").write_text("ALPHA_KEY=sk-never-to-be-seen\n")

    return write
