"""The report at the end of a run."""

import pytest
from tests.conformance.report import Tally, lines


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Tally:
    """Where a test counts how its records fared. It goes along with the test's report, from whichever process."""
    return Tally(request.node.user_properties)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the count of each provider."""
    ended = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    report = list(lines(known for test in ended for known in test.user_properties))
    if report:
        terminalreporter.section("recorded traffic")
        for line in report:
            terminalreporter.write_line(line)
