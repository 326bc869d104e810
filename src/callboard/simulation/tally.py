"""How often everything was seen that the simulation is there to show."""

from collections import Counter
from collections.abc import Callable, Mapping

from callboard.messages.faults import FaultKind
from callboard.simulation.callers import Ended
from callboard.simulation.mishaps import Command, Crash, Jump, Mishap, Restart
from callboard.testing.behaviour import InjectedFault
from callboard.testing.served import Served

LEAST = 100
"""Times that the long run sees each class."""
CYCLES = 50
"""Times that its circuits open and close again."""

TIMEOUTS = ("connect", "first byte", "between bytes", "first token", "between tokens")


_CALLERS: Mapping[str, Callable[[Ended], bool]] = {
    "caller: cancelled": lambda ended: ended.outcome == "cancelled",
    "caller: left a stream": lambda ended: ended.outcome == "left",
    "caller: read slowly": lambda ended: ended.planned.pause > 0,
    "caller: deadline too short": lambda ended: ended.fault is FaultKind.DEADLINE,
}


class Tally:
    """Counts by class."""

    def __init__(self) -> None:
        classes = [
            *(f"provider: {fault.value}" for fault in InjectedFault),
            *(f"provider: status {status}" for status in (401, 429, 500, 503, 529)),
            "provider: connection refused or lost",
            *(f"provider: timeout, {name}" for name in TIMEOUTS),
            "limits: no room in time",
            "caller: cancelled",
            "caller: left a stream",
            "caller: read slowly",
            "caller: deadline too short",
            "runtime: actor crashed",
            "runtime: process restarted",
            "runtime: process killed",
            "runtime: wall clock jumped",
            "runtime: operator's command",
        ]
        self.faults: Counter[str] = Counter(dict.fromkeys(classes, 0))
        self.outcomes: Counter[str] = Counter()
        self.attempts = 0
        self.cached = 0
        self.shared = 0

    @property
    def calls(self) -> int:
        """Calls that have ended."""
        return sum(self.outcomes.values())

    def served(self, one: Served) -> None:
        """A request that a provider has done with."""
        self.attempts += 1
        if one.fault is not None:
            self.faults[f"provider: {one.fault.value}"] += 1
        if one.status is not None and one.status >= 400:
            self.faults[f"provider: status {one.status}"] += 1

    def called(self, ended: Ended) -> None:
        """A call that has ended."""
        self.outcomes[ended.outcome if ended.fault is None else f"fault: {ended.fault.value}"] += 1
        self.cached += ended.cached
        self.shared += ended.shared
        for name, seen in _CALLERS.items():
            self.faults[name] += seen(ended)
        for attempt in ended.attempts:
            fault = attempt.fault
            if fault is None:
                continue
            if fault.kind is FaultKind.CONNECTION:
                self.faults["provider: connection refused or lost"] += 1
            if fault.timeout == "permit":
                self.faults["limits: no room in time"] += 1
            if fault.kind is FaultKind.TIMED_OUT:
                self.faults[f"provider: timeout, {fault.timeout}"] += 1

    def befell(self, mishap: Mishap) -> None:
        """Something befell the runtime."""
        match mishap:
            case Crash():
                name = "actor crashed"
            case Restart(killed=True):
                name = "process killed"
            case Restart():
                name = "process restarted"
            case Jump():
                name = "wall clock jumped"
            case Command():
                name = "operator's command"
        self.faults[f"runtime: {name}"] += 1

    def scarce(self) -> Mapping[str, int]:
        """The classes that were seen less than `LEAST` times."""
        return {name: count for name, count in self.faults.items() if count < LEAST}
