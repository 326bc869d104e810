"""What does importing callboard cost, and what does installing it bring along?

usage: python bench/weight.py [--rounds N] [--quick] [--json FILE] [--markdown FILE] [--svg FILE]

Importing is timed in fresh interpreters, beside the packages that callboard stands on. The installation is one of this
checkout, without extras, in an environment made for it; what every environment has (pip, setuptools) is not counted.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path

from callboard.bench.harness.options import Options
from callboard.bench.harness.peers import fresh, install
from callboard.bench.harness.question import Goal, Missing, Question, Subject
from callboard.bench.harness.running import main

REFERENCE = "import trio, httpx, msgspec, lmdb"
MEASURE = "import time; t = time.process_time(); {}; print(time.process_time() - t)"
INSTALLED = """
import json
from importlib.metadata import distributions
found = {one.name: one for one in distributions() if one.name not in ("pip", "setuptools")}
files = [each.locate_file(file) for each in found.values() for file in each.files or ()]
print(json.dumps([len(found), sum(file.stat().st_size for file in files if file.exists())]))
"""
LATER = "`import callboard` leaves the runtime for its first use"
CHECKOUT = Path(__file__).resolve().parents[1]


@contextmanager
def questions(options: Options) -> Iterator[Sequence[Question]]:
    """Importing, size, number of packages."""
    yield [_import(), _size(), _packages()]


def _import() -> Question:
    return Question(
        name="import",
        asks="What does importing cost?",
        unit="ms of CPU",
        settings={"interpreter": "a fresh one for each sample, after one that compiles"},
        subjects=(
            Subject(REFERENCE, partial(_cpu, REFERENCE)),
            Subject("import callboard", partial(_cpu, "import callboard")),
            Subject("... and its runtime, at first use", partial(_cpu, "import callboard; callboard.open"), LATER),
        ),
        goals=(Goal(subject="import callboard", against=REFERENCE, at_most=1.5),),
    )


def _size() -> Question:
    return Question(
        name="size",
        asks="How large is an installation without extras?",
        unit="MB on disk",
        subjects=(Subject("callboard and all it needs", lambda: _installed()[1] / 1e6),),
        goals=(Goal(subject="callboard and all it needs", at_most=60),),
        once=True,
    )


def _packages() -> Question:
    return Question(
        name="packages",
        asks="How many packages does an installation without extras bring?",
        unit="packages",
        subjects=(Subject("callboard and all it needs", lambda: _installed()[0]),),
        once=True,
    )


def _cpu(statement: str) -> float:
    """Milliseconds."""
    command = [sys.executable, "-c", MEASURE.format(statement)]
    compiling = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    told = [subprocess.run(command, check=True, capture_output=True, text=True, env=compiling) for _ in range(2)]
    return 1000 * float(told[-1].stdout)


@cache
def _installed() -> tuple[int, int]:
    """Packages and bytes. Raises Missing without a checkout, or when it cannot be installed."""
    if not (CHECKOUT / "pyproject.toml").exists():
        raise Missing("there is no checkout here to install")
    with tempfile.TemporaryDirectory(prefix="callboard-bench-") as folder:
        python = fresh(Path(folder, "environment"))
        install(python, str(CHECKOUT))
        done = subprocess.run([str(python), "-I", "-c", INSTALLED], check=True, capture_output=True, text=True)
    packages, size = json.loads(done.stdout)
    return int(packages), int(size)


if __name__ == "__main__":
    main(questions)
