"""`kill -9` twenty times, one store: what was acknowledged is there, whole, and nothing is half there."""

import os
import random
import subprocess
import sys
from pathlib import Path

from callboard.runtime.storage.environment import Environment
from callboard.runtime.storage.owner import OwnerLock
from callboard.runtime.storage.record import unpack

WRITER = Path(__file__).with_name("killed_writer.py")
POINTS = ["never"] * 8 + ["in-commit"] * 6 + ["before-growth"] * 3 + ["after-growth"] * 3


def write_until_killed(folder: Path, first: int, halt: str, enough: int) -> list[int]:
    """The numbers that a writer told before it was killed: at its halt, or after `enough` of them."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    told: list[int] = []
    with subprocess.Popen(
        [sys.executable, str(WRITER), str(folder), str(first), halt], stdout=subprocess.PIPE, env=environ
    ) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            if line == b"halt\n" or (halt == "never" and len(told) == enough):
                writer.kill()
            if line != b"halt\n":
                told.append(int(line))
        assert writer.wait() == -9
    return told


def stored(folder: Path) -> dict[int, bytes]:
    with (
        OwnerLock.acquire(folder / "owner.lock", 0),
        Environment.open(folder / "ledger", ("a", "b"), map_size=65536) as environment,
    ):
        first, second = (environment.scan(name, limit=1_000_000) for name in ("a", "b"))
    assert first == second
    return {int(key): unpack(key, blob)[1] for key, blob in first}


def test_what_was_acknowledged_survives_every_kill(tmp_path: Path) -> None:
    chance = random.Random(20)
    chance.shuffle(POINTS)
    acknowledged: set[int] = set()
    first = 0
    for point in POINTS:
        nth = chance.randint(1, 30) if point == "in-commit" else 1
        halt = point if point == "never" else f"{point}:{nth}"
        told = write_until_killed(tmp_path, first, halt, enough=chance.randint(1, 400))
        acknowledged.update(told)
        found = stored(tmp_path)
        assert acknowledged <= found.keys()
        assert all(payload == b"%010d" % number * (number % 97) for number, payload in found.items())
        assert len(found) - len(acknowledged) <= 16 * len(POINTS)
        first = max(found, default=-1) + 1
    assert len(acknowledged) > 500
