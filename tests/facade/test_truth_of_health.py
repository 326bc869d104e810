"""What `board.health()` says is what the next call meets."""

from functools import partial

import pytest
import trio
from trio.testing import MockClock

import callboard
from callboard.messages.base import Tell
from callboard.messages.calls import Operate
from callboard.testing import Behaviour

from .conftest import MODEL, World, open_world

ALPHA, OTHER = f"alpha/{MODEL}", "alpha/sim-large"
ALONE = {"alpha": Behaviour()}


class Unknown(Tell, frozen=True):
    """A bug: no provider receives it."""


def refusing(status: int) -> Behaviour:
    return Behaviour(error_rate=1, error_statuses=(status,))


def state(w: World) -> str:
    return w.board.health()[0].state


async def fault_of(w: World, model: str = ALPHA) -> callboard.Fault:
    with pytest.raises(callboard.CallError) as caught:
        await w.board.generate("Why?", model=model, attempts=1)
    return caught.value.fault


async def test_a_used_up_quota_blocks_over_a_restart_of_the_providers_actor(autojump_clock: MockClock) -> None:
    async with open_world(ALONE) as w:
        w["alpha"].upcoming.append(refusing(402))
        await fault_of(w)
        assert state(w) == "blocked"
        w.board._system.ref("providers/alpha").tell(Unknown())
        await trio.sleep(1)
        assert (await fault_of(w)).kind is callboard.FaultKind.QUOTA_EXHAUSTED
        assert state(w) == "blocked"
        await w.board.operate("alpha", Operate(command="reset"))
        await w.board.generate("Why?", model=ALPHA)
        assert state(w) == "ok"


async def test_a_refused_credential_is_told_over_a_restart_of_the_providers_actor(autojump_clock: MockClock) -> None:
    async with open_world(ALONE) as w:
        w["alpha"].upcoming += (refusing(401), refusing(403))
        await fault_of(w)
        await fault_of(w)
        blocked = [event.model for event in w.board.events if isinstance(event, callboard.AccountBlocked)]
        assert blocked == [None, MODEL]
        w.board._system.ref("providers/alpha").tell(Unknown())
        await trio.sleep(1)
        assert state(w) == "misconfigured"


async def test_what_was_underway_when_the_quota_was_used_up_lifts_no_block(autojump_clock: MockClock) -> None:
    async with open_world(ALONE) as w, trio.open_nursery() as nursery:
        w["alpha"].upcoming.append(Behaviour(latency=(5, 5)))
        nursery.start_soon(partial(w.board.generate, "Why?", model=ALPHA))
        await trio.sleep(1)
        w["alpha"].upcoming.append(refusing(402))
        await fault_of(w)
        await trio.sleep(10)
        assert (await fault_of(w)).kind is callboard.FaultKind.QUOTA_EXHAUSTED
        assert state(w) == "blocked"


@pytest.mark.parametrize("status", [401, 403])
async def test_what_was_underway_when_the_credential_was_refused_says_nothing_for_it(
    autojump_clock: MockClock, status: int
) -> None:
    async with open_world(ALONE) as w, trio.open_nursery() as nursery:
        w["alpha"].upcoming.append(Behaviour(latency=(5, 5)))
        nursery.start_soon(partial(w.board.generate, "Why?", model=ALPHA))
        await trio.sleep(1)
        w["alpha"].upcoming.append(refusing(status))
        await fault_of(w)
        await trio.sleep(10)
        assert state(w) == ("misconfigured" if status == 401 else "degraded")
        await w.board.generate("Why?", model=ALPHA)
        assert state(w) == "ok"


async def test_a_model_that_is_refused_degrades_an_account_whose_other_models_succeed(
    autojump_clock: MockClock,
) -> None:
    async with open_world(ALONE) as w:
        w["alpha"].upcoming.append(refusing(403))
        await fault_of(w)
        assert state(w) == "misconfigured"
        seen = set()
        for _ in range(3):
            await w.board.generate("Why?", model=OTHER)
            seen.add(state(w))
            w["alpha"].upcoming.append(refusing(403))
            await fault_of(w)
            seen.add(state(w))
        assert seen == {"degraded"}
        assert w.board.health()[0].why == f"the credential is refused for: {MODEL}"
        assert len([event for event in w.board.events if isinstance(event, callboard.AccountBlocked)]) == 1
        await w.board.generate("Why?", model=ALPHA)
        assert state(w) == "ok"


async def test_an_account_whose_actor_is_restarting_is_down(autojump_clock: MockClock) -> None:
    async with open_world(ALONE) as w:
        seen = []
        for _ in range(2):  # the first restart is immediate
            w.board._system.ref("providers/alpha").tell(Unknown())
            await trio.sleep(0.01)
            seen.append(state(w))
        assert seen == ["ok", "down"]
        await trio.sleep(5)
        assert state(w) == "ok"
