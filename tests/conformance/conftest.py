"""The report at the end of a run."""

import pytest
from tests.conformance.report import Tally

_TALLY = pytest.StashKey[Tally]()


@pytest.fixture
def tally(pytestconfig: pytest.Config) -> Tally:
    """Where a test counts how its records fared."""
    return pytestconfig.stash.setdefault(_TALLY, Tally())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints the count of each provider."""
    report = list(config.stash.get(_TALLY, Tally()).lines())
    if report:
        terminalreporter.section("recorded traffic")
        for line in report:
            terminalreporter.write_line(line)
