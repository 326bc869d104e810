"""What users would take instead, each in an environment of its own, made once and kept in the user's cache folder."""

import fcntl
import json
import math
import os
import subprocess
import sys
import venv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from callboard.bench.harness.failing import LONGEST, last_line, sentence
from callboard.bench.harness.options import Options
from callboard.bench.harness.question import Missing, Subject

SCRIPTS = Path(__file__).resolve().parents[1] / "peers"
INSTALLING = 900
"""Seconds that one environment may take."""
MEASURING = 600
"""Seconds that one sample may take."""


MADE_OF = """
import importlib.metadata, platform
installed = {one.name.lower(): one.version for one in importlib.metadata.distributions()}
told = [f"{name} {version}" for name, version in sorted(installed.items()) if name not in ("pip", "setuptools")]
print(f"python {platform.python_version()} with {' '.join(told)}")
"""


class Peer(NamedTuple):
    """How it is called in its script, and what has to be installed for it."""

    caller: str
    requirement: str
    note: str
    """What it does of what callboard does, and what bears on its figure."""
    script: str = "caller.py"


PEERS = {
    "openai": Peer("openai", "openai==3.52.0", "the SDK alone: no limits, prices or records"),
    "litellm": Peer("litellm", "litellm==1.106.0", "the SDK alone, prices known: no limits or records"),
    "litellm router": Peer("router", "litellm==1.106.0", "one deployment, prices known: no limits or records"),
    "any-llm": Peer("anyllm", "any-llm-sdk[openai]==1.40.2", "its client kept: no limits, prices or records"),
    "tensorzero": Peer(
        "tensorzero",
        "tensorzero==2026.6.0",
        "its gateway inside the process, the CPU of its threads counted; no limits, prices or records: its "
        "observability needs a ClickHouse or Postgres server, and is off without. Its figure depends on how many "
        "replies arrive at one wake-up and on where its threads run: look at all of its samples",
    ),
}

PYKKA = Peer("", "pykka==4.2.0", "", "pykka_echo.py")


def peers(options: Options, url: str, *, calls: int, at_once: int, chunks: int = 0) -> tuple[Subject, ...]:
    """All of them that call models, as subjects; none unless asked for. `chunks`: of a stream, in place of a reply."""
    if not options.peers:
        return ()
    told = (url, max(calls, at_once), at_once, *((chunks,) if chunks else ()))
    return tuple(Subject(name, partial(measured, peer, peer.caller, *told), peer.note) for name, peer in PEERS.items())


def measured(peer: Peer, *told: str | int) -> float:
    """CPU microseconds a unit, by its script. Raises Missing when it cannot be installed or does not run."""
    command = [str(python(peer.requirement)), "-I", str(SCRIPTS / peer.script), *map(str, told)]
    direct = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=MEASURING, env=direct)
    except OSError as error:
        raise Missing(f"{peer.requirement} does not run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise Missing(f"{peer.requirement} did not end within {MEASURING} s") from None
    except subprocess.CalledProcessError as ended:
        raise Missing(f"{peer.requirement} does not run: {sentence(ended)}") from None
    try:
        spent = float(json.loads(last_line(done.stdout))["cpu_us"])
    except (ValueError, LookupError, TypeError):
        spent = math.nan
    if not 0 < spent < math.inf:
        raise Missing(f"{peer.requirement} gave no figure: {last_line(done.stdout)}")
    return spent


def versions(names: Iterable[str]) -> dict[str, str]:
    """Of the peers among these: what was required of each, and its Python and packages. Never raises."""
    known = {**PEERS, "pykka": PYKKA}
    required = {known[name].requirement for name in names if name in known}
    return {requirement: _made_of(requirement) for requirement in sorted(required)}


@cache
def _made_of(requirement: str) -> str:
    try:
        command = [str(python(requirement)), "-I", "-c", MADE_OF]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()
    except (Missing, OSError, subprocess.SubprocessError):
        return "unknown"


def python(requirement: str) -> Path:
    """The interpreter of the environment that has it; it is tried once a run. Raises Missing."""
    found = _tried(requirement)
    if isinstance(found, str):
        raise Missing(found)
    return found


@cache
def _tried(requirement: str) -> Path | str:
    """The interpreter, or why there is none."""
    try:
        found = environment(requirement.replace("==", "-"))
        if not (found.parent / "ready").exists():
            install(found, requirement)
            (found.parent / "ready").touch()
    except Missing as why:
        return str(why)
    return found


def environment(name: str) -> Path:
    """The interpreter of an environment in the cache folder; an empty one the first time. Raises Missing."""
    home = _folder() / f"{name}-py{sys.version_info.major}.{sys.version_info.minor}"
    found = home / "bin" / "python"
    with _alone(home):
        if not _whole(home, found):
            _create(home)
    return found


def fresh(home: Path) -> Path:
    """The interpreter of an environment that is made now in this folder, for a while. Raises Missing."""
    _create(home)
    return home / "bin" / "python"


def _whole(home: Path, python: Path) -> bool:
    """Whether it was made to its end, and the Python that it was made of is still there."""
    if not any(home.glob("lib/*/site-packages/pip-*.dist-info/RECORD")):
        return False
    try:
        return subprocess.run([str(python), "-I", "-c", ""], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Other runs wait meanwhile. Raises Missing."""
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        lock = home.with_name(f"{home.name}.lock").open("a")
    except OSError as error:
        raise _not_made(error) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _create(home: Path) -> None:
    try:
        venv.create(home, clear=True, with_pip=True)
    except OSError as error:
        raise _not_made(error) from None
    except subprocess.CalledProcessError as ended:
        why = f"{sentence(ended)}; some systems have `venv` and `ensurepip` in a package of their own"
        raise Missing(f"no environment could be made for it: {why}") from None


def _not_made(error: OSError) -> Missing:
    return Missing(
        f"no environment could be made for it: {error.strerror}; XDG_CACHE_HOME may name another cache folder, "
        "TMPDIR one for what is not kept"
    )


def install(python: Path, what: str) -> None:
    """Have this environment's pip install it. Raises Missing."""
    command = [str(python), "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", what]
    try:
        with _alone(python.parents[1]):
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALLING)
    except OSError as error:
        raise Missing(f"{what} could not be installed: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise Missing(f"{what} could not be installed within {INSTALLING} s") from None
    except subprocess.CalledProcessError as ended:
        raise Missing(f"{what} could not be installed: {_pip_said(ended)}") from None


def _pip_said(ended: subprocess.CalledProcessError) -> str:
    """Without a network its last line says that there is no such package."""
    broken = (line for line in (ended.stderr or "").splitlines() if "connection broken by" in line)
    line = next(broken, None)
    return sentence(ended) if line is None else f"no connection: {line.partition('connection broken by ')[2]}"[:LONGEST]


def _folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "callboard" / "peers"
