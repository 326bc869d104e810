"""Streams of Anthropic's in which nothing is said for longer than a token may take."""

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import pytest
import trio

import callboard
from callboard.testing import Behaviour

Opening = Callable[..., AbstractAsyncContextManager[Any]]
Event = dict[str, Any]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
PACE = 6
"""Seconds between two events: less than the world's limit of 10, and twice as much is more."""
START: Event = {"type": "message_start", "message": {"id": "m", "model": "claude", "usage": {"input_tokens": 1}}}
PING: Event = {"type": "ping"}
STOP: Event = {"type": "content_block_stop", "index": 0}
END: tuple[Event, ...] = ({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, {"type": "message_stop"})


def block(kind: str, **members: Any) -> Event:
    return {"type": "content_block_start", "index": 0, "content_block": {"type": kind, **members}}


def piece(kind: str, **members: Any) -> Event:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": kind, **members}}


def said(text: str) -> tuple[Event, ...]:
    return (block("text", text=text), STOP)


SIGNED = (block("thinking", thinking=""), piece("signature_delta", signature="s"), STOP)
SEARCHED = (
    block("server_tool_use", id="s", name="web_search", input={}),
    piece("input_json_delta", partial_json="{}"),
    STOP,
    block("web_search_tool_result", tool_use_id="s", content=[]),
    STOP,
)


async def speaking(events: tuple[Event, ...], stream: trio.SocketStream) -> None:
    await stream.receive_some()
    await stream.send_all(HEAD)
    try:
        for event in events:
            await stream.send_all(f"data: {json.dumps(event)}\n\n".encode())
            await trio.sleep(PACE)
    except trio.BrokenResourceError:
        return


async def heard(world: Opening, *events: Event) -> str:
    """What the stream said, or which limit it ran into."""
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, partial(speaking, events), 0, host="127.0.0.1"))
        url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/v1"
        try:
            async with (
                world({"beta": Behaviour()}, base_url=url) as w,
                w.board.stream("Why?", model="beta/sim-small", attempts=1) as stream,
            ):
                await stream.collect()
                return str(stream.reply.text)
        except (callboard.CallError, callboard.Interrupted) as error:
            return f"no {error.fault.timeout}"
        finally:
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize("work", [SIGNED, SEARCHED], ids=["thinking", "search"])
async def test_a_model_that_works_without_a_word_is_waited_for(
    autojump_clock: object, world: Opening, work: tuple[Event, ...]
) -> None:
    assert await heard(world, START, *work, *said("found"), *END) == "found"
    assert await heard(world, START, *said("I look. "), *work, *said("found"), *END) == "I look. found"


async def test_a_provider_that_only_pings_is_not(autojump_clock: object, world: Opening) -> None:
    assert await heard(world, START, *[PING] * 5, *said("late"), *END) == "no first token"
    assert await heard(world, START, *said("soon"), *[PING] * 5, *END) == "no between tokens"
