"""Names are looked up beside the program's own threads, each once at a time."""

import socket
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio

from callboard.actors.transport.names import THREADS, Address, Names


class Resolver:
    """In place of socket.getaddrinfo: knows addresses, and answers for names once it is let."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.let = threading.Event()

    def getaddrinfo(self, host: str, port: int, *, flags: int, **_: Any) -> list[Any]:
        if flags & socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "not an address")
        self.asked.append(host)
        self.let.wait(5)
        if host == "nowhere.example":
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"{host}!", port))]


@pytest.fixture
async def resolver(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Resolver]:
    resolver = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", resolver.getaddrinfo)
    yield resolver
    resolver.let.set()


async def asked(resolver: Resolver, count: int) -> None:
    """Return once so many look-ups have begun."""
    with trio.fail_after(5):
        while len(resolver.asked) < count:
            await trio.sleep(0.001)


async def test_an_address_needs_no_thread() -> None:
    names = Names()
    assert await names.find("127.0.0.1", 80) == [Address(socket.AF_INET, ("127.0.0.1", 80))]
    assert await names.find("::1", 80) == [Address(socket.AF_INET6, ("::1", 80, 0, 0))]
    assert names._limiter.statistics().borrowed_tokens == 0


async def test_a_name_is_looked_up_though_the_program_uses_all_its_threads(resolver: Resolver) -> None:
    resolver.let.set()
    theirs = trio.to_thread.current_default_thread_limiter()
    taken, theirs.total_tokens = theirs.total_tokens, 1
    try:
        async with theirs:
            with trio.fail_after(5):
                found = await Names().find("there.example", 80)
    finally:
        theirs.total_tokens = taken
    assert found == [Address(socket.AF_INET, ("there.example!", 80))]


async def test_whoever_asks_meanwhile_gets_the_same_answer_and_whoever_leaves_takes_it_from_nobody(
    resolver: Resolver,
) -> None:
    names, found = Names(), []

    async def ask() -> None:
        found.append(await names.find("there.example", 80))

    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as first:
                first.start_soon(ask)
                await asked(resolver, 1)
                for _ in range(3):
                    nursery.start_soon(ask)
                await trio.testing.wait_all_tasks_blocked()
                scope.cancel()
        resolver.let.set()
    assert found == [[Address(socket.AF_INET, ("there.example!", 80))]] * 3
    assert resolver.asked == ["there.example"]


async def test_a_name_that_is_not_found_is_so_for_all_who_asked_and_looked_up_anew_after(resolver: Resolver) -> None:
    names, errors = Names(), []

    async def ask() -> None:
        with pytest.raises(socket.gaierror, match="no such name") as caught:
            await names.find("nowhere.example", 80)
        errors.append(caught.value)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        nursery.start_soon(ask)
        await asked(resolver, 1)
        resolver.let.set()
    assert len(errors) == 2
    await ask()
    assert resolver.asked == ["nowhere.example"] * 2


async def test_names_that_hang_keep_no_more_than_so_many_threads(resolver: Resolver) -> None:
    names = Names()
    async with trio.open_nursery() as nursery:
        for number in range(THREADS + 3):
            nursery.start_soon(names.find, f"{number}.example", 80)
        await asked(resolver, THREADS)
        await trio.testing.wait_all_tasks_blocked()
        assert len(resolver.asked) == THREADS
        resolver.let.set()
    assert len(resolver.asked) == THREADS + 3


async def test_a_look_up_that_hangs_is_not_joined_by_those_who_come_later(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callboard.actors.transport.names.JOINED_FOR", -1.0)
    names = Names()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(names.find, "there.example", 80)
        await asked(resolver, 1)
        nursery.start_soon(names.find, "there.example", 80)
        await asked(resolver, 2)
        resolver.let.set()
    await trio.testing.wait_all_tasks_blocked()
    assert names._underway == {}
