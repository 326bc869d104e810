"""A head that is put together once says what it would say if it were put together each time."""

import httpx
import pytest

from callboard.actors.transport.errors import RequestInvalid
from callboard.actors.transport.letterhead import Letterhead
from callboard.actors.transport.order import SMALL, Order, order_of

URL = "https://api.example.com/v1/chat?x=1"
HEADERS = {"host": "api.example.com", "authorization": "Bearer sk-secret", "X-Team": "search"}


def letterhead(headers: dict[str, str] = HEADERS) -> Letterhead:
    return Letterhead("POST", httpx.URL(URL), headers, b"gzip")


def said(order: Order) -> tuple[bytes, set[bytes], bytes]:
    """The first line, the others without regard to their order and case, and the body."""
    rest = order.rest or b""
    assert isinstance(rest, bytes | memoryview)
    whole = order.first + rest
    head, _, body = whole.partition(b"\r\n\r\n")
    first, *others = head.split(b"\r\n")
    return first, {line.lower() for line in others}, body


@pytest.mark.parametrize("size", [0, 2, SMALL, SMALL + 1])
def test_it_orders_what_the_same_request_of_httpx_orders(size: int) -> None:
    body = b"x" * size
    headers = {**HEADERS, "x-client-request-id": "c-1"}
    alone = order_of(httpx.Request("POST", URL, headers=headers, content=body), b"gzip")
    made = letterhead().order(body, "c-1")
    assert said(made) == said(alone)
    assert (made.origin, made.method, made.repeatable) == (alone.origin, "POST", alone.repeatable)
    assert (made.rest is None) == (alone.rest is None) == (size <= SMALL)


def test_a_large_body_is_sent_from_where_it_lies() -> None:
    body = b"x" * (SMALL + 1)
    made = letterhead().order(body, "c-1")
    assert isinstance(made.rest, memoryview)
    assert made.rest.obj is body


def test_nothing_of_one_request_is_left_in_the_next() -> None:
    head = letterhead()
    head.order(b"long enough", "c-1")
    assert said(head.order(b"hi", "c-2")) == said(letterhead().order(b"hi", "c-2"))


def test_length_and_number_are_its_own_whatever_the_account_says() -> None:
    made = letterhead({**HEADERS, "Content-Length": "99", "X-Client-Request-Id": "mine"}).order(b"hi", "c-1")
    assert said(made) == said(letterhead().order(b"hi", "c-1"))


def test_a_header_that_http_forbids_is_refused_at_once_and_its_value_is_not_shown() -> None:
    with pytest.raises(RequestInvalid, match="X-Team") as caught:
        letterhead({"X-Team": "search\r\nEvil: 1"})
    assert "Evil" not in str(caught.value)
