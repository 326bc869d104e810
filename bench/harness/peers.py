"""What users would take instead, each in an environment of its own, made once and kept in the user's cache folder."""

import json
import os
import subprocess
import sys
import venv
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from callboard.bench.harness.options import Options
from callboard.bench.harness.question import Missing, Subject

SCRIPT = Path(__file__).resolve().parents[1] / "peers" / "caller.py"
INSTALLING = 900
"""Seconds that one environment may take."""


class Peer(NamedTuple):
    """How it is called in `peers/caller.py`, and what has to be installed for it."""

    caller: str
    requirement: str
    streams: bool = True


PEERS = {
    "openai": Peer("openai", "openai==3.52.0"),
    "litellm": Peer("litellm", "litellm==1.106.0"),
    "litellm router": Peer("router", "litellm==1.106.0"),
    "any-llm": Peer("anyllm", "any-llm-sdk[openai]==1.40.0"),
    "tensorzero": Peer("tensorzero", "tensorzero==2026.6.0"),
}


def peers(options: Options, url: str, *, calls: int, at_once: int, stream: bool = False) -> tuple[Subject, ...]:
    """All of them as subjects; none unless asked for."""
    if not options.peers:
        return ()
    return tuple(
        Subject(name, partial(_cpu, peer, url, max(calls, at_once), at_once, stream)) for name, peer in PEERS.items()
    )


def _cpu(peer: Peer, url: str, calls: int, at_once: int, stream: bool) -> float:
    """CPU microseconds a call or chunk. Raises Missing when it cannot be installed or does not run."""
    command = [str(python(peer.requirement)), str(SCRIPT), peer.caller, url, str(calls), str(at_once)]
    done = subprocess.run([*command, "stream"] if stream else command, check=False, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise Missing(f"{peer.requirement} does not run: {last[:200]}")
    return float(json.loads(done.stdout.strip().splitlines()[-1])["cpu_us"])


@cache
def python(requirement: str) -> Path:
    """The interpreter of the environment that has it. Raises Missing."""
    home = _folder() / f"{requirement.replace('==', '-')}-py{sys.version_info.major}.{sys.version_info.minor}"
    found = home / "bin" / "python"
    if not (home / "ready").exists():
        venv.create(home, clear=True, with_pip=True)
        install = [str(found), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement]
        try:
            done = subprocess.run(install, check=False, capture_output=True, text=True, timeout=INSTALLING)
        except subprocess.TimeoutExpired:
            raise Missing(f"{requirement} could not be installed within {INSTALLING} s") from None
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no output"])[-1]
            raise Missing(f"{requirement} could not be installed: {last[:200]}")
        (home / "ready").touch()
    return found


def _folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "callboard" / "peers"
