"""What importing callboard costs, beside importing the packages it stands on: CPU, A B C A B C, in fresh processes.

usage: python bench/import_cost.py [ROUNDS]
"""

import json
import platform
import statistics
import subprocess
import sys

GOAL = 1.5
REFERENCE = "import trio, httpx, msgspec, lmdb"
SUBJECT = "import callboard"
IN_USE = "import callboard; callboard.open"
MEASURE = "import time; t = time.process_time(); {}; print(time.process_time() - t)"


def cpu(statement: str) -> float:
    """Seconds of CPU that the statement takes in a fresh interpreter."""
    command = [sys.executable, "-c", MEASURE.format(statement)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main(rounds: int) -> int:
    """Print every sample, the medians and their ratio; 1 when the ratio misses the goal."""
    cpu(REFERENCE), cpu(SUBJECT)
    samples = [(cpu(REFERENCE), cpu(SUBJECT), cpu(IN_USE)) for _ in range(rounds)]
    reference, subject, in_use = (statistics.median(column) for column in zip(*samples, strict=True))
    print(f"Python {platform.python_version()}, {rounds} rounds, milliseconds of CPU")
    print(json.dumps([[round(1000 * one, 1) for one in pair] for pair in samples]))
    print(f"{REFERENCE}: {1000 * reference:.1f}; {SUBJECT}: {1000 * subject:.1f}")
    print(f"{IN_USE}: {1000 * in_use:.1f}, ratio {in_use / reference:.2f} (the runtime is imported when first used)")
    print(f"ratio {subject / reference:.2f} (goal: at most {GOAL})")
    return 0 if subject / reference <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 7))
