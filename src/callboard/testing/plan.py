"""What happens to one request, decided before anything is sent: a pure function of seed, request and state."""

import random

import msgspec

from callboard.messages.limits import RateLimits
from callboard.testing.asked import Asked
from callboard.testing.behaviour import Behaviour, InjectedFault, Span
from callboard.testing.quota import Admission
from callboard.testing.refusal import Reason, Refusal, asks_to_wait, by_status
from callboard.testing.said import Said, say

_ONLY_MODELS = {InjectedFault.OVERLOAD, InjectedFault.RATE_LIMIT, InjectedFault.QUOTA}
_ONLY_STREAMS = {InjectedFault.CUT, InjectedFault.TRUNCATE, InjectedFault.STREAM_ERROR}
_ONLY_PLAIN = {InjectedFault.HALF_BODY}


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One request's fate. Times are in seconds."""

    fault: InjectedFault | None = None
    refusal: Refusal | None = None
    """The error reply, injected or deserved; None when the model answers."""
    said: Said | None = None
    """The model's reply; None for a refusal and for the list of models."""
    limits: RateLimits | None = None
    """What the reply's headers tell."""
    latency: float = 0.0
    first_token: float = 0.0
    gaps: tuple[float, ...] = ()
    """The pause before each token after the first."""
    fault_after: int = 0
    """Tokens that are sent before the fault of a stream."""
    drip_interval: float = 1.0
    chunked: bool = False
    write_bytes: int | None = None


def plan(
    behaviour: Behaviour, asked: Asked, *, seed: str, occurrence: int, in_flight: int, admission: Admission
) -> Plan:
    """The fate of a request.

    `occurrence` counts the requests that ask the same, from 1: with the request's digest and the seed it keys every
    random draw, so neither timing nor the order of different requests changes a fate. `in_flight` is the number of
    other requests in hand.
    """
    draws = _draw(f"{seed}/{asked.digest}/{occurrence}")
    said, deserved = _say(behaviour, asked, seed, _limited(behaviour, asked, in_flight, admission))
    fault = None if deserved else _fault(behaviour, asked, draws.fault)
    refusal = deserved or _injected(behaviour, fault, draws.status)
    tokens = len(said.pieces) if said else 0
    slow = behaviour.slow_first_token if draws.slow < behaviour.slow_first_token_rate else 0.0
    return Plan(
        fault=fault,
        refusal=refusal,
        said=None if refusal else said,
        limits=admission.limits,
        latency=_between(behaviour.latency, draws.latency),
        first_token=_between(behaviour.first_token, draws.first_token) + slow,
        gaps=tuple(_between(behaviour.between_tokens, draws.gaps.random()) for _ in range(tokens - 1)),
        fault_after=min(tokens, _whole_between(behaviour.fault_after, draws.fault_after)),
        drip_interval=behaviour.drip_interval,
        chunked=behaviour.chunked,
        write_bytes=behaviour.write_bytes,
    )


class _Draws(msgspec.Struct, frozen=True):
    """The random part, each from 0 to 1. All are always drawn: changing one value of a behaviour moves no other."""

    fault: float
    status: float
    latency: float
    first_token: float
    slow: float
    fault_after: float
    gaps: random.Random


def _draw(key: str) -> _Draws:
    source = random.Random(key)
    fault, status, latency, first_token, slow, fault_after = (source.random() for _ in range(6))
    return _Draws(fault, status, latency, first_token, slow, fault_after, gaps=source)


def _limited(behaviour: Behaviour, asked: Asked, in_flight: int, admission: Admission) -> Refusal | None:
    if asked.kind == "models":
        return None
    if behaviour.concurrency is not None and in_flight >= behaviour.concurrency:
        message = f"Rate limit reached on concurrent requests: Limit {behaviour.concurrency}."
        return asks_to_wait(Reason.RATE_LIMIT, message, behaviour.retry_after, behaviour)
    if admission.refused is not None:
        message = f"Rate limit reached on {admission.refused} per min."
        return asks_to_wait(Reason.RATE_LIMIT, message, admission.retry_after, behaviour)
    return None


def _say(behaviour: Behaviour, asked: Asked, seed: str, limited: Refusal | None) -> tuple[Said | None, Refusal | None]:
    if limited or asked.kind == "models":
        return None, limited
    try:
        return say(asked, behaviour, seed), None
    except ValueError as error:
        return None, Refusal(reason=Reason.INVALID, message=f"Invalid schema: {error}")


def _fault(behaviour: Behaviour, asked: Asked, draw: float) -> InjectedFault | None:
    """The fault in whose stretch of 0 to 1 the draw falls, if it can befall this kind of request."""
    passed = 0.0
    for fault, rate in behaviour.rates:
        passed += rate
        if draw < passed:
            return fault if _possible(fault, asked) else None
    return None


def _possible(fault: InjectedFault, asked: Asked) -> bool:
    if asked.kind == "models" and fault in _ONLY_MODELS:
        return False
    return fault not in (_ONLY_PLAIN if asked.stream else _ONLY_STREAMS)


def _injected(behaviour: Behaviour, fault: InjectedFault | None, draw: float) -> Refusal | None:
    match fault:
        case InjectedFault.ERROR:
            return by_status(behaviour.error_statuses[int(draw * len(behaviour.error_statuses))], behaviour)
        case InjectedFault.OVERLOAD:
            return asks_to_wait(Reason.OVERLOADED, "Overloaded.", behaviour.retry_after, behaviour)
        case InjectedFault.RATE_LIMIT:
            return asks_to_wait(Reason.RATE_LIMIT, "Rate limit reached.", behaviour.retry_after, behaviour)
        case InjectedFault.QUOTA:
            return Refusal(reason=Reason.QUOTA, message="You exceeded your current quota.")
        case _:
            return None


def _between(span: Span, draw: float) -> float:
    low, high = span
    return low + (high - low) * draw


def _whole_between(span: tuple[int, int], draw: float) -> int:
    low, high = span
    return low + int(draw * (high - low + 1))
