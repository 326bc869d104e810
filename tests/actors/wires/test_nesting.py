"""However deeply a reply is nested, and wherever, it is read or is malformed."""

import bisect
import contextlib
import json
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from tests.actors.wires.bodies import PLAIN, STREAMED
from tests.actors.wires.test_decoders_fuzz import WIRES, framings

from callboard.actors.wires.wire import WireFault
from callboard.actors.wires.works import decode
from callboard.messages.chat import user
from callboard.messages.faults import FaultKind
from callboard.messages.reply import Answer
from callboard.messages.request import Request

HERE = "here it is nested"
ASKED = Request(model="m", messages=(user("Why?"),))
SHAPES = ((b"[", b"]"), (b'{"a":', b"}"))
LEVELS = 25
"""From what a test can read downwards: a wire reads some calls further down, and looks at it some further still."""


def spots(value: Any) -> Iterator[Any]:
    """The same, with one of its members after the other put in the words' place."""
    yield HERE
    if isinstance(value, dict):
        for name, member in value.items():
            yield from ({**value, name: one} for one in spots(member))
        yield {**value, "error": {"type": HERE}}
        yield {**value, "created_at": HERE}
    if isinstance(value, list):
        for number, member in enumerate(value):
            yield from ([*value[:number], one, *value[number + 1 :]] for one in spots(member))


def readable(depth: int) -> bool:
    try:
        msgspec.json.decode(b"[" * depth + b"]" * depth)
    except RecursionError:
        return False
    return True


def nested(body: bytes) -> Iterator[bytes]:
    deepest = bisect.bisect_left(range(sys.getrecursionlimit()), True, key=lambda depth: not readable(depth))
    for opened, closed in SHAPES:
        for depth in range(deepest - LEVELS, deepest + 1):
            yield body.replace(json.dumps(HERE).encode(), opened * depth + b"1" + closed * depth)


@pytest.mark.parametrize("name", WIRES)
def test_a_plain_reply_is_read_or_is_malformed(name: str) -> None:
    read = 0
    for body in spots(PLAIN[name]):
        for one in nested(json.dumps(body).encode()):
            try:
                read += isinstance(decode(WIRES[name], ASKED, one), Answer)
            except WireFault as error:
                assert error.fault.kind in FaultKind
    assert read > 0


@pytest.mark.parametrize("name", WIRES)
def test_a_stream_is_read_or_is_malformed_and_tells_what_came(name: str) -> None:
    for events in spots(STREAMED[name]):
        if not (isinstance(events, list) and all(isinstance(event, dict) for event in events)):
            continue
        for one in nested(framings(name, events)[0]):
            decoder = WIRES[name].decoder(keep_raw=True)
            with contextlib.suppress(WireFault):
                decoder.feed(one)
                decoder.close()
            assert isinstance(decoder.partial(), Answer)


@pytest.mark.parametrize("name", WIRES)
def test_a_refusal_tells_its_status(name: str) -> None:
    error = {"type": "a", "code": "b", "message": "c", "status": "d", "details": []}
    for body in spots({"error": error, "message": "e"}):
        for one in nested(json.dumps(body).encode()):
            assert WIRES[name].fault(400, {}, one).status == 400
