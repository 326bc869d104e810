"""What the Board's methods are told besides a request, checked: each raises InvalidRequest, or gives what was meant."""

from collections.abc import Collection, Mapping, Set
from datetime import datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Literal, TypeAlias, get_args

from callboard.errors import InvalidRequest
from callboard.messages import checks
from callboard.messages.calls import Operate
from callboard.messages.settings import exact
from callboard.runtime.clock import ns

Command: TypeAlias = Literal["open", "close", "reset"]
COMMANDS = get_args(Command)
BOUNDS = frozenset({"model", "timeout", "attempts", "money"})
"""What every call takes besides its options."""
ELSEWHERE = {
    "api_key": "keys are the provider's: say key_env in the configuration",
    "api_base": "say base_url in the provider's part of the configuration",
    "base_url": "say base_url in the provider's part of the configuration",
    "max_retries": "say attempts",
    "num_retries": "say attempts",
    "retries": "say attempts",
    "request_timeout": "say timeout",
    "max_budget": "say money",
    "fallbacks": "name an alias, whose candidates are tried in turn",
    "store": "provider-specific ones go into extra={...}",
}
"""What other libraries call an option of any call, and what to do here."""


def names(options: Collection[str], taken: Set[str], known: Collection[str], hints: Mapping[str, str]) -> None:
    """A call's options: one that is not `taken` is told its hint, or the nearest of those that are `known`."""
    for name in sorted(set(options) - taken):
        near = get_close_matches(name, known, n=1)
        nearest = f"did you mean {near[0]}?" if near else "provider-specific ones go into extra={...}"
        raise InvalidRequest(f"{name}: no such option; {hints.get(name, nearest)}")


def seconds(timeout: float) -> float:
    """A call's time."""
    if not (_is_number(timeout) and timeout > 0):
        raise InvalidRequest(f"timeout: expected a number of seconds above 0, got {_told(timeout)}")
    return timeout


def tries(attempts: int) -> int:
    """A call's attempts."""
    if isinstance(attempts, float) or not (_is_number(attempts) and attempts >= 1):
        raise InvalidRequest(f"attempts: expected a whole number, 1 or more, got {_told(attempts)}")
    return attempts


def dollars(money: Decimal | float | str) -> Decimal:
    """A call's bound on money."""
    amount = exact(money)
    if not (amount.is_finite() and amount >= 0):
        raise InvalidRequest("money: expected a number of US dollars, 0 or more")
    return amount


def texts(**given: str | None) -> None:
    """Names and ids that may be missing."""
    for field, value in given.items():
        if value is not None:
            try:
                checks.text(field, value)
            except checks.InvalidRequest as error:
                raise InvalidRequest(str(error)) from None


def call_id(call: str) -> str:
    """The id of a reply or an error."""
    try:
        checks.filled("call", call)
    except checks.InvalidRequest as error:
        raise InvalidRequest(str(error)) from None
    return call


def cache_key(key: str) -> bytes:
    """Where a kept reply lies."""
    try:
        return bytes.fromhex(key)
    except (TypeError, ValueError):
        raise InvalidRequest("key: expected a reply's `cache_key`") from None


def age(older_than: float) -> int:
    """Nanoseconds."""
    if not (_is_number(older_than) and older_than >= 0):
        raise InvalidRequest(f"older_than: expected a number of seconds, 0 or more, got {_told(older_than)}")
    return ns(older_than)


def moment(before: datetime) -> int:
    """UTC nanoseconds."""
    if not isinstance(before, datetime) or before.tzinfo is None:
        raise InvalidRequest("before: expected a datetime with a time zone")
    return int(before.timestamp() * 1e9)


def order(command: Operate | Command) -> Operate:
    """An operator's command, which may be said in a word."""
    given = Operate(command=command) if isinstance(command, str) else command
    if not isinstance(given, Operate) or given.command not in COMMANDS:
        raise InvalidRequest("command: expected open, close or reset, or a callboard.Operate(command=...) of them")
    return given


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _told(value: Any) -> str:
    return f"{value}" if _is_number(value) else checks.named(value)
