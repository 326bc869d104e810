import pytest

from callboard.testing.refusal import Reason, Refusal
from callboard.testing.shape import Stamp, http_date, retry_headers

STAMP = Stamp("a1", 1_767_225_600_000_000_000)


@pytest.mark.parametrize(
    ("form", "seconds", "headers"),
    [
        ("seconds", 2.0, {"retry-after": "2"}),
        ("seconds", 0.0301, {"retry-after": "0.031"}),
        ("milliseconds", 1.2, {"retry-after": "2", "retry-after-ms": "1200"}),
        ("date", 29.5, {"retry-after": "Thu, 01 Jan 2026 00:00:30 GMT"}),
        ("none", 2.0, {}),
        ("seconds", None, {}),
    ],
)
def test_each_form_tells_a_wait_that_is_long_enough(form: str, seconds: float | None, headers: dict[str, str]) -> None:
    refusal = Refusal(reason=Reason.RATE_LIMIT, message="m", retry_after=seconds, retry_form=form)
    assert dict(retry_headers(refusal, STAMP)) == headers


def test_dates_are_written_as_http_wants_them() -> None:
    assert http_date(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT"
