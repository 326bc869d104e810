"""Where a call's time goes: a sampling profile of the whole runtime, added up by part.

usage: python bench/harness/shares.py AT_ONCE [CALLS [missed]]      needs py-spy on the PATH

First the calls are made without a profiler, for the CPU microseconds that a call costs; then again under py-spy, whose
samples are sorted by the innermost frame that belongs to a part. The shares are told in microseconds of the first.
`missed`: calls whose reply might be in the cache and is not, in place of plain ones.
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from callboard.bench.harness import client
from callboard.bench.harness.upstream import upstream

PARTS: tuple[tuple[str, str], ...] = (
    ("send_now (callboard/actors/transport/link.py", "system call: send"),
    ("receive_now (callboard/actors/transport/link.py", "system calls: recv, and the look at an idle connection"),
    ("quiet (callboard/actors/transport/link.py", "system calls: recv, and the look at an idle connection"),
    ("EpollIOManager", "system calls: epoll, and Trio's part around them"),
    ("(callboard/runtime/storage/", "storage: commits, the wait for the disk included"),
    ("(callboard/actors/store/", "storage: commits, the wait for the disk included"),
    ("(callboard/actors/transport/", "transport: HTTP/1.1 and the pool"),
    ("(callboard/actors/provider/", "provider: the attempt"),
    ("(callboard/runtime/circuit/", "provider: circuits"),
    ("(callboard/actors/wires/", "wire: encode, decode, limits"),
    ("(callboard/actors/limiter/", "limiter"),
    ("(callboard/actors/budgets/", "budgets and prices"),
    ("(callboard/actors/prices/", "budgets and prices"),
    ("(callboard/actors/cache/", "cache: looking, sharing, keeping"),
    ("(callboard/actors/ledger/", "ledger: sums and records"),
    ("(callboard/actors/orchestrator/", "orchestrator: plan, story, outcome"),
    ("(callboard/runtime/", "actors: mailboxes, refs, handlers, clock"),
    ("(callboard/messages/", "checking the request, estimates, messages"),
    ("(callboard/bench/", "the benchmark's own loop"),
    ("(callboard/", "front door: Board, from options to a request"),
    ("(httpx/", "httpx: its Request, Response and Headers"),
    ("CancelScope", "Trio: cancel scopes and deadlines"),
    ("CancelStatus", "Trio: cancel scopes and deadlines"),
    ("(trio/", "Trio: tasks and their scheduling"),
    ("(outcome/", "Trio: tasks and their scheduling"),
    ("trio._core", "Trio: tasks and their scheduling"),
)
"""What a frame holds, and which part it belongs to; the first that fits."""
NOT_A_CALL = ("importlib", "opened (", "callboard/actors/inspector/", "WorkerThread._work (")
"""Start and stop, and threads that wait; the last one only where it is innermost, else it runs a commit."""
UNATTRIBUTED = "unattributed"


def part_of(stack: str) -> str | None:
    """The part whose frame is innermost; None for what is no part of a call."""
    frames = stack.split(";")
    if any(words in stack for words in NOT_A_CALL[:-1]) or NOT_A_CALL[-1] in frames[-1]:
        return None
    for frame in reversed(frames):
        for words, part in PARTS:
            if words in frame:
                return part
    return UNATTRIBUTED


def shares(raw: str) -> Counter[str]:
    """Samples by part, of py-spy's raw format: a stack and a number a line."""
    found: Counter[str] = Counter()
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        part = part_of(stack)
        if part is not None:
            found[part] += int(count)
    return found


def profiled(calls: int, at_once: int, kind: str) -> Counter[str]:
    """The same calls under py-spy."""
    spy = shutil.which("py-spy")
    assert spy is not None, "py-spy is not on the PATH; `pip install py-spy`"
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder, "raw")
        load = [sys.executable, __file__, "--load", str(at_once), str(calls), kind]
        subprocess.run([spy, "record", "-r", "500", "-f", "raw", "-o", str(raw), "--", *load], check=True)
        return shares(raw.read_text())


def cost(calls: int, at_once: int, kind: str) -> float:
    """CPU microseconds of a call: the median of three, as `bench/call.py` measures it."""
    with upstream() as url:
        return statistics.median(client.cpu(url, made(kind), calls, at_once, before=calls) for _ in range(3))


def made(kind: str) -> client.Call:
    """What is measured."""
    return {"plain": lambda: client.plain, "missed": client.missing}[kind]()


def main(arguments: list[str]) -> None:
    """The table, in Markdown."""
    if arguments[0] == "--load":
        with upstream() as url:
            client.cpu(url, made(arguments[3]), int(arguments[2]), int(arguments[1]))
        return
    at_once = int(arguments[0])
    calls = int(arguments[1]) if len(arguments) > 1 else 6400 if at_once > 1 else 2000
    kind = arguments[2] if len(arguments) > 2 else "plain"
    total = cost(calls, at_once, kind)
    found = profiled(4 * calls, at_once, kind)
    print(f"| {at_once} in flight, {kind} | us |\n|---|---:|")
    for part, count in found.most_common():
        print(f"| {part} | {total * count / found.total():.0f} |")
    print(f"| **all** | **{total:.0f}** |")


if __name__ == "__main__":
    main(sys.argv[1:])
