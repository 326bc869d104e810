"""Servers that answer a call for a stream with a plain body of status 200."""

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from tests.conformance.server import serving
from trio.testing import MockClock

import callboard
from callboard.testing import Behaviour

Opening = Callable[..., AbstractAsyncContextManager[Any]]
USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
REPLY = {"id": "r", "choices": [{"index": 0, "message": {"content": "Hello"}, "finish_reason": "stop"}], "usage": USAGE}
SLOW = {"error": {"message": "slow down", "type": "rate_limit_error", "code": "rate_limit_exceeded"}}


def answers(body: str) -> Any:
    headers = {"content-type": "application/json"}
    return serving(lambda *_: {"id": "whole", "response": {"status": 200, "headers": headers, "body": body}})


async def test_a_plain_reply_is_a_stream_of_one_piece(autojump_clock: MockClock, world: Opening) -> None:
    async with answers(json.dumps(REPLY)) as server, world({"alpha": Behaviour()}, base_url=server.url) as w:
        async with w.board.stream("Why?", model="alpha/sim-small") as stream:
            told = [delta.text async for delta in stream]
        assert (told, stream.reply.text, stream.reply.finish_reason) == (["Hello"], "Hello", "stop")
        assert (stream.reply.usage, stream.reply.estimated) == (callboard.Usage(input=5, output=2), False)
        assert w.in_flight() == {}


@pytest.mark.parametrize(
    ("body", "kind"),
    [(json.dumps(SLOW), "rate_limited"), ("<html>Bad gateway</html>", "malformed_reply"), ("", "interrupted")],
)
async def test_an_error_or_rubbish_is_its_fault_and_nothing_was_told(
    autojump_clock: MockClock, world: Opening, body: str, kind: str
) -> None:
    async with answers(body) as server, world({"alpha": Behaviour()}, base_url=server.url) as w:
        with pytest.raises(callboard.CallError) as raised:
            async with w.board.stream("Why?", model="alpha/sim-small", attempts=1) as stream:
                async for _ in stream:
                    raise AssertionError("nothing was said")
        assert raised.value.fault.kind == kind
        assert not isinstance(raised.value, callboard.Interrupted)
        assert w.in_flight() == {}


@pytest.mark.parametrize(("usage", "charged"), [(USAGE, 7), (None, 0)])
async def test_an_error_costs_what_stands_beside_it_and_is_handed_on_as_any_other(
    autojump_clock: MockClock, world: Opening, usage: Any, charged: int
) -> None:
    broken = {"index": 0, "message": {"content": "Hel"}, "error": {"code": 502, "message": "disconnected"}}
    body = json.dumps({"id": "r", "choices": [broken], "usage": usage})
    async with answers(body) as server, world({"alpha": Behaviour()}, base_url=server.url) as w:
        with pytest.raises(callboard.CallError) as raised:
            await w.board.generate("Why?", model="alpha/sim-small", attempts=1)
        assert raised.value.fault.kind == "server"
        assert not isinstance(raised.value, callboard.Interrupted)
        assert [(row.usage.total, row.estimated) for row in w.board.usage().models] == [(charged, 0)]
        assert [(row.faults, row.interrupted) for row in w.board.usage().calls] == [(1, 0)]
