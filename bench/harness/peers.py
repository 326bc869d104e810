"""What users would take instead, each in an environment of its own, made once and kept in the user's cache folder."""

import json
import os
import subprocess
import sys
import venv
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from callboard.bench.harness.failing import last_line, sentence
from callboard.bench.harness.options import Options
from callboard.bench.harness.question import Missing, Subject

SCRIPTS = Path(__file__).resolve().parents[1] / "peers"
INSTALLING = 900
"""Seconds that one environment may take."""
MEASURING = 600
"""Seconds that one sample may take."""


class Peer(NamedTuple):
    """How it is called in its script, and what has to be installed for it."""

    caller: str
    requirement: str
    script: str = "caller.py"


PEERS = {
    "openai": Peer("openai", "openai==3.52.0"),
    "litellm": Peer("litellm", "litellm==1.106.0"),
    "litellm router": Peer("router", "litellm==1.106.0"),
    "any-llm": Peer("anyllm", "any-llm-sdk[openai]==1.40.2"),
    "tensorzero": Peer("tensorzero", "tensorzero==2026.6.0"),
}


PYKKA = Peer("", "pykka==4.2.0", "pykka_echo.py")


def peers(options: Options, url: str, *, calls: int, at_once: int, stream: bool = False) -> tuple[Subject, ...]:
    """All of them that call models, as subjects; none unless asked for."""
    if not options.peers:
        return ()
    told = (url, max(calls, at_once), at_once, *(("stream",) if stream else ()))
    return tuple(Subject(name, partial(measured, peer, peer.caller, *told)) for name, peer in PEERS.items())


def measured(peer: Peer, *told: str | int) -> float:
    """CPU microseconds a unit, by its script. Raises Missing when it cannot be installed or does not run."""
    command = [str(python(peer.requirement)), str(SCRIPTS / peer.script), *map(str, told)]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=MEASURING)
    except subprocess.TimeoutExpired:
        raise Missing(f"{peer.requirement} did not end within {MEASURING} s") from None
    except subprocess.CalledProcessError as ended:
        raise Missing(f"{peer.requirement} does not run: {sentence(ended)}") from None
    try:
        return float(json.loads(last_line(done.stdout))["cpu_us"])
    except ValueError:
        raise Missing(f"{peer.requirement} gave no figure: {last_line(done.stdout)}") from None


@cache
def python(requirement: str) -> Path:
    """The interpreter of the environment that has it. Raises Missing."""
    found = environment(requirement.replace("==", "-"))
    if not (found.parent / "ready").exists():
        install(found, requirement)
        (found.parent / "ready").touch()
    return found


def environment(name: str) -> Path:
    """The interpreter of an environment in the cache folder; an empty one the first time."""
    home = _folder() / f"{name}-py{sys.version_info.major}.{sys.version_info.minor}"
    found = home / "bin" / "python"
    if not found.exists():
        venv.create(home, clear=True, with_pip=True)
    return found


def install(python: Path, what: str) -> None:
    """Have this environment's pip install it. Raises Missing."""
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", what]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALLING)
    except subprocess.TimeoutExpired:
        raise Missing(f"{what} could not be installed within {INSTALLING} s") from None
    except subprocess.CalledProcessError as ended:
        raise Missing(f"{what} could not be installed: {sentence(ended)}") from None


def _folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "callboard" / "peers"
