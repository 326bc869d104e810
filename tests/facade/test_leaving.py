"""The last moment before a request leaves: who leaves with it, and what may still hold it back."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import trio

import callboard
from callboard.actors.provider.actor import ProviderActor
from callboard.actors.provider.line import OwnLine
from callboard.messages.faults import Fault, FaultKind
from callboard.sections import StoreConfig
from callboard.testing import Behaviour

Opening = Callable[..., AbstractAsyncContextManager[Any]]
ALPHA = "alpha/sim-small"
SLOW = Behaviour(latency=(5, 5))
SHUT = Fault(kind=FaultKind.UNAVAILABLE, message="the circuit of endpoint is open")


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A `leaves` for each request."""
    events: list[str] = []
    send = OwnLine.send

    async def told(line: OwnLine, *arguments: Any) -> Any:
        events.append("leaves")
        return await send(line, *arguments)

    monkeypatch.setattr(OwnLine, "send", told)
    return events


async def test_requests_that_are_ready_in_one_turn_leave_together(
    autojump_clock: object, world: Opening, events: list[str]
) -> None:
    async with world({"alpha": SLOW}) as w, trio.open_nursery() as nursery:

        async def call() -> None:
            events.append("asked")
            await w.board.generate("Why?", model=ALPHA)

        nursery.start_soon(call)
        await trio.sleep(1)
        assert events == ["asked", "leaves"]
        events.clear()
        for _ in range(3):
            nursery.start_soon(call)
        await trio.sleep(1)
        assert events == ["asked"] * 3 + ["leaves"] * 3


@pytest.mark.parametrize("durability", ["relaxed", "strict"])
async def test_a_circuit_that_opens_after_the_permit_still_holds_the_request_back(
    autojump_clock: object, world: Opening, events: list[str], monkeypatch: pytest.MonkeyPatch, durability: Any
) -> None:
    looks: Iterator[Fault | None] = iter([None, SHUT])
    monkeypatch.setattr(ProviderActor, "_refuses", lambda provider, model: next(looks))
    async with world(store=StoreConfig(mode="memory", durability=durability)) as w:
        with pytest.raises(callboard.CallError) as caught:
            await w.board.generate("Why?", model=ALPHA, attempts=1)
        (attempt,) = caught.value.attempts
        assert attempt.fault is not None
        assert (attempt.fault.kind, attempt.id, attempt.cost) == (FaultKind.UNAVAILABLE, None, 0)
        assert (events, len(w["alpha"].log), w.in_flight()) == ([], 0, {})
        assert w.board.usage().cost == 0


async def test_a_trial_passes_the_circuit_that_it_tries(
    autojump_clock: object, world: Opening, events: list[str]
) -> None:
    async with world({"alpha": Behaviour(error_rate=1, error_statuses=(500,))}) as w:
        while not any(after == "open" for *_, after in w.moves):
            with pytest.raises(callboard.CallError):
                await w.board.generate("Why?", model=ALPHA)
        w["alpha"].behaviour = Behaviour()
        events.clear()
        await trio.sleep(70)
        assert (await w.board.generate("Why?", model=ALPHA, wait=True)).text
        assert events
