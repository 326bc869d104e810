"""A finder that keeps what was found."""

import pytest


@pytest.fixture
def found() -> list[str]:
    """The sentences of all that does not add up."""
    return []
