"""From what a provider publishes to how it fares. Pure; `now` in monotonic, `utc` in UTC nanoseconds."""

from collections.abc import Iterable

from callboard.actors.provider.policy import ENDPOINT
from callboard.actors.provider.standing import Restriction
from callboard.actors.provider.view import ProviderView
from callboard.messages.health import HealthState, ProviderHealth
from callboard.runtime.cell import CellStatus
from callboard.runtime.circuit.subtree import View
from callboard.runtime.circuit.table import GIVEN_UP, STEADY, CircuitState


def health(view: ProviderView, actor: CellStatus, now: int, utc: int) -> ProviderHealth:
    """How the account fares now: the worst that holds. `actor` is where the actor stands that has published `view`."""
    state, why, until = _worst(view, actor, now)
    return ProviderHealth(
        provider=view.name,
        state=state,
        why=why,
        retry_at=None if until is None else utc + max(0, until - now),
        circuits={key: one.state.value for key, one in view.circuits.items() if one.state is not CircuitState.CLOSED},
        check=view.check,
    )


def _worst(view: ProviderView, actor: CellStatus, now: int) -> tuple[HealthState, str | None, int | None]:
    """What holds, why, and the monotonic nanoseconds of its end, where that can be told."""
    misconfigured = view.credential.misconfigured
    if misconfigured is not None:
        return "misconfigured", misconfigured, None
    standing = {scope: one for scope, one in view.standing.items() if not one.over(now)}
    account = standing.get(None)
    if account is not None and account.quota:
        return "blocked", account.why, account.until
    endpoint = view.circuits.get(ENDPOINT)
    if endpoint is not None and endpoint.state in GIVEN_UP:
        return "open", f"the circuit of the endpoint is {view.told(endpoint)}", _retry_at([endpoint])
    if actor is not CellStatus.RUNNING:
        return "down", f"its actor is {actor.value}", None
    shut = {key: one for key, one in view.circuits.items() if one.state not in STEADY}
    if shut:
        return "degraded", f"not closed: {', '.join(shut)}", _retry_at(shut.values())
    if view.credential.forbidden:
        return "degraded", f"the credential is refused for: {', '.join(view.credential.forbidden)}", None
    quotas = {scope: one for scope, one in standing.items() if one.quota}
    if quotas:
        return "degraded", f"quota used up: {', '.join(str(scope) for scope in quotas)}", _first_end(quotas.values())
    if standing:
        return "limited", "rate limited", _first_end(standing.values())
    return "ok", None, None


def _retry_at(views: Iterable[View]) -> int | None:
    return min((one.retry_at for one in views if one.state is CircuitState.OPEN), default=None)


def _first_end(restrictions: Iterable[Restriction]) -> int | None:
    return min((one.until for one in restrictions if one.until is not None), default=None)
