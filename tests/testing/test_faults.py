"""Each fault as a client sees it, over a real connection."""

import itertools
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import msgspec
import pytest
import trio
import trio.testing

from callboard.messages.usage import Usage
from callboard.testing import Behaviour, InjectedFault, Outcome, Served, SimulatedProvider

ChatBody = Callable[..., dict[str, Any]]
Clock = trio.testing.MockClock


@pytest.fixture(params=["openai", "anthropic"])
async def provider(request: pytest.FixtureRequest) -> AsyncIterator[SimulatedProvider]:
    async with SimulatedProvider("alpha", shape=request.param) as served:
        yield served


def chat(provider: SimulatedProvider) -> str:
    """Where this provider takes chats."""
    return provider.url + ("/messages" if provider.shape.name == "anthropic" else "/chat/completions")


def only(fault: InjectedFault, **more: Any) -> Behaviour:
    return msgspec.structs.replace(Behaviour(), **{f"{fault}_rate": 1.0}, **more)


def single(provider: SimulatedProvider) -> Served:
    """The record of the only request."""
    (served,) = provider.log
    return served


async def read(http: httpx.AsyncClient, url: str, body: dict[str, Any]) -> tuple[str, Exception | None]:
    """What came of a stream, and how it broke."""
    text = ""
    try:
        async with http.stream("POST", url, json=body) as response:
            assert response.status_code == 200
            async for piece in response.aiter_text():
                text += piece
    except httpx.HTTPError as error:
        return text, error
    return text, None


@pytest.mark.parametrize("status", [500, 502, 503, 504, 529, 429, 400, 404, 413])
async def test_an_error_has_its_status_and_bills_nothing(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody, status: int
) -> None:
    provider.behaviour = only(InjectedFault.ERROR, error_statuses=(status,))
    response = await http.post(chat(provider), json=body())
    assert response.status_code == status
    assert response.json()["error"]["type"]
    assert ("retry-after" in response.headers) is (status in (429, 503, 529))
    served = single(provider)
    assert (served.outcome, served.status, served.fault) == (Outcome.ERROR, status, InjectedFault.ERROR)
    assert (served.usage, served.finish) == (Usage(), None)


async def test_overload_is_the_shapes_own_and_asks_to_wait(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody
) -> None:
    provider.behaviour = only(InjectedFault.OVERLOAD, retry_after=7.0)
    response = await http.post(chat(provider), json=body(stream=True))
    assert response.status_code == {"openai": 503, "anthropic": 529}[provider.shape.name]
    assert response.headers["retry-after"] == "7"
    assert response.headers["content-type"] == "application/json"


async def test_a_rate_limit_asks_to_wait_and_a_quota_does_not(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody
) -> None:
    provider.behaviour = only(InjectedFault.RATE_LIMIT, retry_after=0.25, retry_form="milliseconds")
    limited = await http.post(chat(provider), json=body())
    assert (limited.status_code, limited.headers["retry-after-ms"]) == (429, "250")
    provider.behaviour = only(InjectedFault.QUOTA)
    exhausted = await http.post(chat(provider), json=body())
    assert exhausted.status_code == 429
    assert "retry-after" not in exhausted.headers
    assert "quota" in exhausted.text


async def test_a_reset_ends_the_connection_without_a_reply(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody, autojump_clock: Clock
) -> None:
    provider.behaviour = only(InjectedFault.RESET, latency=(3.0, 3.0))
    with pytest.raises(httpx.ReadError):
        await http.post(chat(provider), json=body())
    await provider.wait_until(lambda p: p.connections == 0)
    served = single(provider)
    assert (served.outcome, served.status, served.usage) == (Outcome.RESET, None, Usage())


async def test_a_reset_is_a_real_one(provider: SimulatedProvider, body: ChatBody) -> None:
    provider.behaviour = only(InjectedFault.RESET)
    content = json.dumps(body()).encode()
    path, port = httpx.URL(chat(provider)).path, httpx.URL(provider.url).port
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\nanthropic-version: 2023-06-01\r\ncontent-length: {len(content)}\r\n\r\n"
    assert port is not None
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    await stream.send_all(head.encode() + content)
    with pytest.raises(trio.BrokenResourceError):  # an orderly close would be b""
        await stream.receive_some()
    await stream.aclose()


async def test_a_hung_request_is_open_until_the_client_leaves(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody, autojump_clock: Clock
) -> None:
    provider.behaviour = only(InjectedFault.HANG)
    with pytest.raises(httpx.ReadTimeout):
        await http.post(chat(provider), json=body(), timeout=3600.0)
    await provider.wait_until(lambda p: p.connections == 0)
    served = single(provider)
    assert (served.outcome, served.fault, served.usage) == (Outcome.CLIENT_GONE, InjectedFault.HANG, Usage())
    assert served.ended == pytest.approx(served.started + 3600e9)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_drip_gives_a_byte_a_second_for_ever(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody, stream: bool, autojump_clock: Clock
) -> None:
    provider.behaviour = only(InjectedFault.DRIP)
    got = b""
    with trio.move_on_after(100.5):
        async with http.stream("POST", chat(provider), json=body(stream=stream)) as response:
            async for piece in response.aiter_raw():
                got += piece
    assert got == (b":" if stream else b" ") * 100
    await provider.wait_until(lambda p: p.connections == 0)
    assert single(provider).outcome is Outcome.CLIENT_GONE


async def test_a_malformed_body_is_no_json(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody
) -> None:
    provider.behaviour = only(InjectedFault.MALFORMED)
    response = await http.post(chat(provider), json=body())
    assert response.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        response.json()
    assert single(provider).usage.output > 0


async def test_half_a_body_breaks_the_connection(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody
) -> None:
    provider.behaviour = only(InjectedFault.HALF_BODY)
    with pytest.raises(httpx.RemoteProtocolError, match="complete message body"):
        await http.post(chat(provider), json=body())
    assert single(provider).outcome is Outcome.CUT


@pytest.mark.parametrize("after", [0, 3])
async def test_a_cut_stream_breaks_the_connection_after_its_tokens(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody, after: int
) -> None:
    provider.behaviour = only(InjectedFault.CUT, fault_after=(after, after))
    text, error = await read(http, chat(provider), body(stream=True))
    assert isinstance(error, httpx.RemoteProtocolError)
    assert 'finish_reason":"stop' not in text
    assert "message_stop" not in text
    served = single(provider)
    assert (served.outcome, served.usage.output, served.finish) == (Outcome.CUT, after, None)


async def test_a_truncated_stream_ends_well_for_http_and_without_the_protocols_end(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody
) -> None:
    provider.behaviour = only(InjectedFault.TRUNCATE, fault_after=(2, 2))
    text, error = await read(http, chat(provider), body(stream=True))
    assert error is None
    assert "[DONE]" not in text
    assert "message_stop" not in text
    assert (single(provider).outcome, single(provider).usage.output) == (Outcome.CUT, 2)


async def test_an_error_inside_a_stream_ends_it(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody
) -> None:
    provider.behaviour = only(InjectedFault.STREAM_ERROR, fault_after=(2, 2))
    text, error = await read(http, chat(provider), body(stream=True))
    assert error is None
    last = text.rstrip().rpartition("data: ")[2]
    assert json.loads(last)["error"]["message"] == "Injected error."
    assert single(provider).outcome is Outcome.CUT


async def test_a_slow_first_token_comes_late_and_the_head_in_time(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody, autojump_clock: Clock
) -> None:
    provider.behaviour = Behaviour(
        latency=(1.0, 1.0), between_tokens=(0.1, 0.1), slow_first_token_rate=1.0, slow_first_token=40.0, tokens=(5, 5)
    )
    times = [trio.current_time()]
    async with http.stream("POST", chat(provider), json=body(stream=True)) as response:
        times.append(trio.current_time())
        async for piece in response.aiter_text():
            if "content_block_delta" in piece or '"content":"' in piece.replace('"content":""', ""):
                times.append(trio.current_time())
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert gaps[0] == pytest.approx(1.0)
    assert gaps[1] == pytest.approx(40.0)
    assert gaps[2:6] == pytest.approx([0.1] * 4)


async def test_faults_befall_the_list_of_models_too(provider: SimulatedProvider, http: httpx.AsyncClient) -> None:
    provider.behaviour = only(InjectedFault.RESET)
    with pytest.raises(httpx.ReadError):
        await http.get(provider.url + "/models")
    provider.behaviour = only(InjectedFault.OVERLOAD)
    assert (await http.get(provider.url + "/models")).status_code == 200


async def test_the_same_seed_befalls_the_same_requests_whatever_their_order(
    http: httpx.AsyncClient, body: ChatBody
) -> None:
    async def fates(texts: list[str], seed: int) -> dict[str, Any]:
        async with SimulatedProvider("alpha", seed=seed, behaviour=Behaviour(error_rate=0.5)) as provider:
            answers = {text: await http.post(provider.url + "/chat/completions", json=body(text)) for text in texts}
            return {text: answer.status_code for text, answer in answers.items()}

    texts = [f"request {number}" for number in range(20)]
    first = await fates(texts, seed=1)
    assert await fates(texts[::-1], seed=1) == first
    assert await fates(texts, seed=2) != first
    assert set(first.values()) > {200}
