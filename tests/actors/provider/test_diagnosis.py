from collections.abc import Mapping
from typing import Any

import pytest

from callboard.actors.provider.credential import Credential
from callboard.actors.provider.diagnosis import health
from callboard.actors.provider.standing import Restriction
from callboard.actors.provider.view import ProviderView
from callboard.messages.health import HealthCheck, ProviderHealth
from callboard.runtime.cell import CellStatus
from callboard.runtime.circuit.subtree import View
from callboard.runtime.circuit.table import CircuitState

OPEN = View(CircuitState.OPEN, 700, 1)
FORCED = View(CircuitState.FORCED_OPEN, 700, 1)
TRIED = View(CircuitState.HALF_OPEN, 0, 1)
CLOSED = View(CircuitState.CLOSED, 0, 0)
LIMIT = Restriction(quota=False, until=800, why="rate_limited", since=0)
QUOTA = Restriction(quota=True, until=900, why="quota_exhausted", since=0)


def told(published: ProviderView, now: int, utc: int, actor: CellStatus = CellStatus.RUNNING) -> ProviderHealth:
    return health(published, actor, now, utc)


def view(**more: Any) -> ProviderView:
    members: Mapping[str, Any] = {"circuits": {}, "limits": {}} | more
    return ProviderView(name="p", wire="openai", **members)


@pytest.mark.parametrize(
    ("members", "state", "retry_at"),
    [
        ({}, "ok", None),
        ({"circuits": {"endpoint": CLOSED}}, "ok", None),
        ({"standing": {"m": LIMIT}}, "limited", 10_300),
        ({"standing": {"m": QUOTA}}, "degraded", 10_400),
        ({"standing": {None: QUOTA}}, "blocked", 10_400),
        ({"circuits": {"endpoint m": OPEN}}, "degraded", 10_200),
        ({"circuits": {"endpoint": TRIED}}, "degraded", None),
        ({"circuits": {"endpoint": OPEN, "endpoint m": OPEN}}, "open", 10_200),
        ({"circuits": {"endpoint": FORCED}}, "open", None),
        ({"credential": Credential(unauthorized=0), "circuits": {"endpoint": OPEN}}, "misconfigured", None),
        ({"credential": Credential(forbidden={"m": 0})}, "misconfigured", None),
        ({"credential": Credential(forbidden={"m": 0}, served=True)}, "degraded", None),
        ({"standing": {None: QUOTA}, "circuits": {"endpoint": OPEN}}, "blocked", 10_400),
    ],
)
def test_the_worst_that_holds_is_the_state(members: dict[str, Any], state: str, retry_at: int | None) -> None:
    found = told(view(**members), now=500, utc=10_000)
    assert (found.state, found.retry_at) == (state, retry_at)
    assert (found.why is None) is (state == "ok")


def test_of_what_an_operator_forced_it_is_told_what_ends_it() -> None:
    found = told(view(circuits={"endpoint": FORCED}), now=500, utc=10_000)
    assert found.why == "the circuit of the endpoint is forced open, until `callboard provider p reset`"


def test_what_is_over_holds_no_more() -> None:
    assert told(view(standing={"m": LIMIT, None: QUOTA}), now=900, utc=0).state == "ok"


@pytest.mark.parametrize(
    ("members", "state"),
    [
        ({}, "down"),
        ({"standing": {"m": QUOTA}}, "down"),
        ({"standing": {None: QUOTA}}, "blocked"),
        ({"circuits": {"endpoint": FORCED}}, "open"),
    ],
)
def test_an_actor_that_does_not_run_is_down_unless_worse_holds(members: dict[str, Any], state: str) -> None:
    found = told(view(**members), now=500, utc=10_000, actor=CellStatus.RESTARTING)
    assert found.state == state
    assert (found.why == "its actor is restarting") is (state == "down")


def test_circuits_that_are_not_closed_and_the_latest_check_are_told() -> None:
    check = HealthCheck(at=1, passed=True, latency=0.1)
    found = told(view(circuits={"endpoint": CLOSED, "endpoint m": OPEN}, check=check), now=0, utc=0)
    assert (found.circuits, found.check) == ({"endpoint m": "open"}, check)
    assert str(found) == "p is degraded: not closed: endpoint m"
