import logging
from collections.abc import Iterator

import pytest

from callboard.runtime.logs import get_logger


@pytest.fixture
def broken() -> Iterator[list[logging.LogRecord]]:
    """A logger whose filter raises; the records that it saw."""
    seen: list[logging.LogRecord] = []

    def raising(record: logging.LogRecord) -> bool:
        seen.append(record)
        raise AttributeError("request_id")

    logger = logging.getLogger("callboard.test")
    logger.addFilter(raising)
    yield seen
    logger.removeFilter(raising)


def test_a_filter_that_raises_harms_nobody(broken: list[logging.LogRecord]) -> None:
    get_logger("callboard.test").warning("the budget %s is spent", "cap")
    assert [record.getMessage() for record in broken] == ["the budget cap is spent"]


def test_a_record_names_the_place_that_logged_it(caplog: pytest.LogCaptureFixture) -> None:
    get_logger("callboard.test").warning("here")
    get_logger("callboard.test").error("and here", exc_info=ValueError("why"))
    assert [record.funcName for record in caplog.records] == ["test_a_record_names_the_place_that_logged_it"] * 2
    assert caplog.records[1].exc_info is not None
