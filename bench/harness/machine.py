"""What the figures were taken on and with."""

import os
import platform
import re
import subprocess
import tempfile
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
CODE = ("actors", "bench", "messages", "runtime", "src", "pyproject.toml")
PACKAGES = ("callboard", "trio", "httpx", "httptools", "msgspec", "lmdb")
IN_MEMORY = ("tmpfs", "ramfs")
"""File systems on which nothing survives a loss of power."""
MOUNTS = Path("/proc/self/mountinfo")


def machine() -> dict[str, str]:
    """The date, the code's commit where there is a checkout, Python, packages, processor, cores, memory, load, and what
    kind of file system has the temporary files: some keep them in memory.
    """
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        **commit(CHECKOUT),
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _line("/proc/cpuinfo", "model name") or platform.processor() or "unknown",
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "memory": _line("/proc/meminfo", "MemTotal") or "unknown",
        "load": " ".join(f"{one:.2f}" for one in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown",
        "temporary files on": file_system(Path(tempfile.gettempdir())),
    }


def commit(checkout: Path) -> dict[str, str]:
    """Its commit and whether its code is as committed; nothing without git or where this is no checkout."""
    if not (checkout / ".git").exists():
        return {}
    try:
        head, changed = _git(checkout, "rev-parse", "HEAD"), _git(checkout, "status", "--porcelain", "--", *CODE)
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"commit": f"{head[:12]} ({'its code changed since' if changed else 'clean'})"}


def file_system(folder: Path, mounts: Path = MOUNTS) -> str:
    """The kind of the one that a folder is on, as ext4 or tmpfs; unknown where the system does not tell."""
    try:
        lines = os.fsdecode(mounts.read_bytes()).split("\n")
    except OSError:
        return "unknown"
    there = folder.resolve()
    mounted = [_mounted(line) for line in lines if line]
    found = [(len(point.parts), kind) for point, kind in mounted if there.is_relative_to(point)]
    # The innermost has it; of several at one place the last, which hides the others.
    return max(reversed(found), key=lambda one: one[0], default=(0, "unknown"))[1]


def _mounted(line: str) -> tuple[Path, str]:
    """Where, and what kind; octal numbers stand for blanks in a name."""
    before, _, after = line.partition(" - ")
    point = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), before.split()[4])
    return Path(point), after.split()[0]


def _git(checkout: Path, *words: str) -> str:
    command = ["git", "--no-optional-locks", "-C", str(checkout), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=10).stdout.strip()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _line(path: str, key: str) -> str | None:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), None)
