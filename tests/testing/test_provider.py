"""A provider's life, its log, its limits, and clients that leave."""

import gc
import json
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import trio
import trio.testing

from callboard.messages.reply import FinishReason
from callboard.messages.usage import Usage
from callboard.testing import Behaviour, Outcome, Served, SimulatedProvider

ChatBody = Callable[..., dict[str, Any]]
Clock = trio.testing.MockClock
START = 1_767_225_600_000_000_000


@pytest.fixture
async def provider() -> AsyncIterator[SimulatedProvider]:
    async with SimulatedProvider("alpha", seed=7, utc=lambda: START) as served:
        yield served


def chat(provider: SimulatedProvider) -> str:
    """Where an OpenAI-shaped provider takes chats."""
    return f"{provider.url}/chat/completions"


def last(provider: SimulatedProvider) -> Served:
    """The record of the latest request."""
    return provider.log[-1]


async def test_a_provider_is_entered_or_started(http: httpx.AsyncClient) -> None:
    async with SimulatedProvider("alpha") as entered:
        assert (await http.get(f"{entered.url}/models")).status_code == 200
    async with trio.open_nursery() as nursery:
        started = SimulatedProvider("beta")
        await nursery.start(started.serve)
        assert (await http.get(f"{started.url}/models")).status_code == 200
        nursery.cancel_scope.cancel()
    assert not entered.alive
    assert not started.alive


async def test_the_urls_are_loopback_with_the_version(provider: SimulatedProvider) -> None:
    assert provider.origin.startswith("http://127.0.0.1:")
    assert provider.url == f"{provider.origin}/v1"


async def test_the_bodys_own_exception_comes_out_as_it_is() -> None:
    with pytest.raises(LookupError, match="mine"):
        async with SimulatedProvider("alpha"):
            raise LookupError("mine")


async def test_cancelling_whoever_entered_ends_it_cleanly(http: httpx.AsyncClient, body: ChatBody) -> None:
    provider = SimulatedProvider("alpha", behaviour=Behaviour(hang_rate=1.0))
    async with trio.open_nursery() as nursery:
        await nursery.start(provider.serve)
        nursery.start_soon(lambda: http.post(chat(provider), json=body()))
        await provider.wait_until(lambda p: p.statistics().in_flight == 1)
        nursery.cancel_scope.cancel()
    assert provider.connections == 0
    assert last(provider).outcome in (Outcome.STOPPED, Outcome.CLIENT_GONE)
    gc.collect()  # an unclosed socket would be a ResourceWarning, which is an error


async def test_a_stopped_provider_marks_what_it_left_unanswered(http: httpx.AsyncClient, body: ChatBody) -> None:
    async def ask(url: str) -> None:
        with pytest.raises(httpx.RemoteProtocolError):
            await http.post(url, json=body())

    unanswering = SimulatedProvider("alpha", behaviour=Behaviour(hang_rate=1.0))
    async with trio.open_nursery() as nursery, unanswering as provider:
        nursery.start_soon(ask, chat(provider))
        await provider.wait_until(lambda p: p.statistics().in_flight == 1)
    assert last(provider).outcome is Outcome.STOPPED


async def test_misuse_is_told_what_to_do() -> None:
    provider = SimulatedProvider("alpha")
    for misuse in (lambda: provider.url, provider.die, provider.revive):
        with pytest.raises(RuntimeError, match="enter it"):
            misuse()
    async with provider:
        with pytest.raises(RuntimeError, match="serves already"):
            await provider.serve()
    with pytest.raises(RuntimeError, match="enter it"):
        provider.die()
    with pytest.raises(ValueError, match="letters"):
        SimulatedProvider("two words")


async def test_a_port_that_is_taken_is_an_os_error(provider: SimulatedProvider) -> None:
    port = int(provider.origin.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        async with SimulatedProvider("beta", port=port):
            pass


async def test_dying_closes_every_connection_and_refuses_new_ones(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody
) -> None:
    provider.behaviour = Behaviour(hang_rate=1.0)
    errors = []

    async def ask() -> None:
        with pytest.raises(httpx.RemoteProtocolError) as caught:
            await http.post(chat(provider), json=body())
        errors.append(caught.value)

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(ask)
        await provider.wait_until(lambda p: p.statistics().in_flight == 3)
        provider.die()
    assert len(errors) == 3
    await provider.wait_until(lambda p: p.connections == 0)
    assert {served.outcome for served in provider.log} == {Outcome.STOPPED}
    for _ in range(2):
        with pytest.raises(httpx.ConnectError):
            await http.post(chat(provider), json=body())
    assert not provider.alive


async def test_dying_ends_what_is_only_waiting(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody, autojump_clock: Clock
) -> None:
    provider.behaviour = Behaviour(latency=(3600.0, 3600.0))
    async with trio.open_nursery() as nursery:

        async def ask() -> None:
            with pytest.raises(httpx.RemoteProtocolError):
                await http.post(chat(provider), json=body())

        nursery.start_soon(ask)
        await provider.wait_until(lambda p: p.statistics().in_flight == 1)
        provider.die()
    await provider.wait_until(lambda p: p.connections == 0)
    assert last(provider).ended == last(provider).started


async def test_a_revived_provider_is_back_on_the_same_port(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody
) -> None:
    url = provider.url
    for _ in range(3):
        assert (await http.post(chat(provider), json=body())).status_code == 200
        provider.die()
        provider.die()
        with pytest.raises(httpx.TransportError):
            await http.post(chat(provider), json=body())
        provider.revive()
        provider.revive()
        assert provider.url == url
    assert (await http.post(chat(provider), json=body())).status_code == 200
    assert len(provider.log) == 4


async def test_a_dead_providers_port_is_nobody_elses(provider: SimulatedProvider) -> None:
    provider.die()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", int(provider.origin.rpartition(":")[2])))


async def test_asking_the_same_again_gives_the_same_words_and_another_fate(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody
) -> None:
    provider.behaviour = Behaviour(error_rate=0.5, error_statuses=(500,))
    responses = [await http.post(chat(provider), json=body()) for _ in range(20)]
    assert {response.status_code for response in responses} == {200, 500}
    replies = [response.json()["choices"] for response in responses if response.status_code == 200]
    assert all(reply == replies[0] for reply in replies)


async def test_a_provider_entered_again_keeps_its_port_and_its_log(http: httpx.AsyncClient) -> None:
    provider = SimulatedProvider("alpha")
    ports = set()
    for _ in range(2):
        async with provider:
            ports.add(provider.url)
            await http.get(f"{provider.url}/models")
    assert len(ports) == 1
    assert [served.number for served in provider.log] == [1, 2]


async def test_connections_are_kept_alive_and_counted(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody
) -> None:
    for stream in (False, True, False):
        await http.post(chat(provider), json=body(stream=stream))
    statistics = provider.statistics()
    assert (statistics.connections, statistics.accepted, statistics.requests) == (1, 1, 3)
    assert (statistics.in_flight, statistics.most_in_flight) == (0, 1)
    await http.aclose()
    await provider.wait_until(lambda p: p.connections == 0)


async def test_the_log_tells_what_was_asked_and_billed(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody, autojump_clock: Clock
) -> None:
    provider.behaviour = Behaviour(latency=(2.0, 2.0), cached_share=0.5)
    started = trio.current_time()
    response = await http.post(chat(provider), json=body(), headers={"x-client-request-id": "try-1"})
    usage = response.json()["usage"]
    served = last(provider)
    assert (served.number, served.attempt, served.method) == (1, "try-1", "POST")
    assert (served.path, served.model, served.stream) == ("/v1/chat/completions", "sim-small", False)
    assert served.started == pytest.approx(started * 1e9)
    assert served.ended == pytest.approx((started + 2.0) * 1e9)
    assert (served.outcome, served.status, served.finish) == (Outcome.COMPLETE, 200, FinishReason.STOP)
    assert served.usage.input_total == usage["prompt_tokens"]
    assert served.usage.cached_read == usage["prompt_tokens_details"]["cached_tokens"]
    assert served.usage.output == usage["completion_tokens"]


async def test_a_request_in_hand_is_in_the_log_as_open(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody, autojump_clock: Clock
) -> None:
    provider.behaviour = Behaviour(latency=(5.0, 5.0))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: http.post(chat(provider), json=body()))
        await provider.wait_until(lambda p: len(p.log) == 1)
        assert (last(provider).outcome, last(provider).ended) == (Outcome.OPEN, None)


async def test_a_client_that_leaves_during_the_latency_is_noticed_at_once_and_billed_whole(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody, autojump_clock: Clock
) -> None:
    provider.behaviour = Behaviour(latency=(3600.0, 3600.0), tokens=(9, 9))
    with trio.move_on_after(10):
        await http.post(chat(provider), json=body())
    await provider.wait_until(lambda p: p.connections == 0)
    served = last(provider)
    assert (served.outcome, served.status, served.finish) == (Outcome.CLIENT_GONE, None, None)
    assert served.ended == pytest.approx(served.started + 10e9)
    assert served.usage.output == 9


async def test_a_client_that_leaves_a_stream_is_billed_up_to_the_last_token(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody, autojump_clock: Clock
) -> None:
    provider.behaviour = Behaviour(between_tokens=(1.0, 1.0), tokens=(20, 20))
    with trio.move_on_after(4.5):
        await http.post(chat(provider), json=body(stream=True))
    await provider.wait_until(lambda p: p.connections == 0)
    served = last(provider)
    assert (served.outcome, served.status, served.usage.output) == (Outcome.CLIENT_GONE, 200, 5)
    assert served.ended == pytest.approx(served.started + 4.5e9)


async def test_behaviour_may_change_while_it_runs(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody
) -> None:
    statuses = []
    for rate in (0.0, 1.0, 0.0):
        provider.behaviour = msgspec.structs.replace(provider.behaviour, error_rate=rate, error_statuses=(503,))
        statuses.append((await http.post(chat(provider), json=body())).status_code)
    assert statuses == [200, 503, 200]


async def test_upcoming_behaviours_hold_for_one_chat_each(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody
) -> None:
    provider.upcoming.extend(Behaviour(error_rate=1.0, error_statuses=(status,)) for status in (500, 529))
    statuses = []
    for _ in range(3):
        assert (await http.get(f"{provider.url}/models")).status_code == 200
        statuses.append((await http.post(chat(provider), json=body())).status_code)
    assert statuses == [500, 529, 200]


async def test_a_model_may_behave_in_its_own_way_with_limits_of_its_own(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody
) -> None:
    provider.behaviour = Behaviour(requests_per_minute=2)
    provider.per_model["sim-large"] = Behaviour(overload_rate=1.0, requests_per_minute=1)
    models = ("sim-large", "sim-small", "sim-large", "sim-small", "sim-small")
    statuses = [(await http.post(chat(provider), json=body(model=model))).status_code for model in models]
    assert statuses == [503, 200, 429, 200, 429]


@pytest.mark.parametrize(("shape", "header"), [("openai", "authorization"), ("anthropic", "x-api-key")])
async def test_only_the_right_key_is_let_in(http: httpx.AsyncClient, shape: Any, header: str) -> None:
    async with SimulatedProvider("alpha", shape=shape, key="sk-right") as provider:
        for key, status in (("sk-right", 200), ("sk-wrong", 401), (None, 401)):
            value = f"Bearer {key}" if shape == "openai" else key
            headers = {header: value} if key and value else {}
            response = await http.get(f"{provider.url}/models", headers=headers)
            assert response.status_code == status
            assert "sk-" not in response.text
        assert "sk-right" not in repr(provider)


async def test_the_rate_is_enforced_and_the_wait_that_is_told_is_enough(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody, autojump_clock: Clock
) -> None:
    provider.behaviour = Behaviour(requests_per_minute=30, burst=2)
    statuses = []
    for _ in range(6):
        response = await http.post(chat(provider), json=body())
        statuses.append(response.status_code)
        if response.status_code == 429:
            assert response.json()["error"]["code"] == "rate_limit_exceeded"
            assert response.headers["x-ratelimit-remaining-requests"] == "0"
            assert response.headers["retry-after"] == "2"
            await trio.sleep(float(response.headers["retry-after"]))
    assert statuses == [200, 200, 429, 200, 429, 200]


async def test_a_token_limit_counts_the_input_and_the_most_that_may_be_written(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody
) -> None:
    provider.behaviour = Behaviour(tokens_per_minute=250)
    responses = [await http.post(chat(provider), json=body()) for _ in range(3)]
    assert [response.status_code for response in responses] == [200, 200, 429]
    first, second, _ = (int(response.headers["x-ratelimit-remaining-tokens"]) for response in responses)
    assert first - second == 100 + responses[0].json()["usage"]["prompt_tokens"]


async def test_the_concurrency_limit_is_enforced(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody, autojump_clock: Clock
) -> None:
    provider.behaviour = Behaviour(concurrency=3, latency=(1.0, 1.0))
    statuses: list[int] = []

    async def ask() -> None:
        statuses.append((await http.post(chat(provider), json=body())).status_code)

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(ask)
    assert sorted(statuses) == [200, 200, 200, 429, 429]
    assert (await http.post(chat(provider), json=body())).status_code == 200


async def test_a_model_that_is_not_on_offer_is_a_404(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody
) -> None:
    response = await http.post(chat(provider), json=body(model="missing"))
    assert (response.status_code, response.json()["error"]["code"]) == (404, "model_not_found")
    listed = (await http.get(f"{provider.url}/models")).json()["data"]
    assert [model["id"] for model in listed] == list(provider.models)


async def test_dates_come_from_the_given_clock(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody
) -> None:
    assert (await http.post(chat(provider), json=body())).json()["created"] == START // 10**9


async def test_chunked_replies_hold_the_same(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody
) -> None:
    plain = await http.post(chat(provider), json=body())
    provider.behaviour = Behaviour(chunked=True)
    chunked = await http.post(chat(provider), json=body())
    assert chunked.headers["transfer-encoding"] == "chunked"
    assert chunked.json()["choices"] == plain.json()["choices"]


async def test_an_anthropic_stream_over_the_wire_holds_the_plain_reply(http: httpx.AsyncClient, body: ChatBody) -> None:
    async with SimulatedProvider("beta", shape="anthropic", behaviour=Behaviour(write_bytes=5)) as provider:
        plain = (await http.post(f"{provider.url}/messages", json=body())).json()
        text = (await http.post(f"{provider.url}/messages", json=body(stream=True))).text
        events = [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]
        pieces = [event["delta"]["text"] for event in events if event["type"] == "content_block_delta"]
        assert "".join(pieces) == plain["content"][0]["text"]
        assert provider.log[0].usage == provider.log[1].usage
        assert Usage() != provider.log[0].usage


async def test_hours_pass_in_no_time_under_virtual_time(
    provider: SimulatedProvider, http: httpx.AsyncClient, body: ChatBody, autojump_clock: Clock
) -> None:
    provider.behaviour = Behaviour(latency=(3000.0, 4000.0), between_tokens=(60.0, 90.0))
    virtual = trio.current_time()

    async def ask(number: int) -> None:
        await http.post(chat(provider), json=body(f"number {number}", stream=bool(number % 2)))

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(ask, number)
    assert trio.current_time() - virtual > 3000
    assert {served.outcome for served in provider.log} == {Outcome.COMPLETE}


async def test_nothing_is_left_after_a_storm_of_faults(body: ChatBody, autojump_clock: Clock) -> None:
    behaviour = Behaviour(
        latency=(0.0, 2.0),
        between_tokens=(0.0, 0.2),
        error_rate=0.1,
        reset_rate=0.1,
        hang_rate=0.1,
        drip_rate=0.1,
        malformed_rate=0.1,
        half_body_rate=0.1,
        cut_rate=0.1,
        truncate_rate=0.1,
        stream_error_rate=0.1,
    )
    files = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 0
    async with SimulatedProvider("alpha", seed=3, behaviour=behaviour) as provider:
        async with httpx.AsyncClient(timeout=5.0) as http, trio.open_nursery() as nursery:

            async def ask(request: dict[str, Any], patience: float) -> None:
                with trio.move_on_after(patience):
                    try:
                        await http.post(chat(provider), json=request)
                    except httpx.HTTPError:
                        return

            for number in range(100):
                nursery.start_soon(ask, body(f"number {number}", stream=bool(number % 2)), 0.5 + number % 5)
        await provider.wait_until(lambda p: p.connections == 0)
        statistics = provider.statistics()
        assert (statistics.requests, statistics.in_flight) == (100, 0)
        assert {served.outcome for served in provider.log} >= {Outcome.COMPLETE, Outcome.CLIENT_GONE, Outcome.CUT}
        assert Outcome.OPEN not in {served.outcome for served in provider.log}
    gc.collect()
    if files:
        assert len(list(Path("/proc/self/fd").iterdir())) <= files
