"""Pykka's actor that answers with what it was asked. Run by `harness/peers.py` in an environment of its own.

usage: python pykka_echo.py {ask,tell} COUNT CLIENTS

Prints one line of JSON: CPU microseconds of this process a round trip, or a tell.
"""

import json
import sys
import threading
import time
from typing import Any

import pykka

BURST = 1_000


class Echo(pykka.ThreadingActor):  # type: ignore[misc] # it is not installed where types are checked
    """Answers."""

    def on_receive(self, message: Any) -> Any:
        """With the same."""
        return message


def ask(echo: Any, count: int) -> int:
    """So many round trips, one after the other; how many they were."""
    for value in range(count):
        assert echo.ask(value) == value
    return count


def tell(echo: Any, count: int) -> int:
    """So many tells, in whole bursts that are waited for, one at least; how many they were."""
    bursts = max(1, count // BURST)
    for _ in range(bursts):
        for value in range(BURST):
            echo.tell(value)
        echo.ask(0)
    return bursts * BURST


def measure(what: str, count: int, clients: int) -> float:
    """CPU microseconds each. Raises RuntimeError when a client has broken."""
    echo = Echo.start()
    work = {"ask": ask, "tell": tell}[what]
    work(echo, 100)
    made: list[int] = []

    def client() -> None:
        made.append(work(echo, count // clients))

    started = time.process_time()
    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = time.process_time() - started
    echo.stop()
    if len(made) < clients:
        raise RuntimeError(f"{clients - len(made)} of {clients} clients broke")
    return spent / sum(made) * 1e6


if __name__ == "__main__":
    print(json.dumps({"cpu_us": measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))}))
