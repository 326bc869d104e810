"""May it be tried again? One table.

`same`: another try at the same candidate may help. `elsewhere`: another candidate may be able to. `first`: the same
candidate is tried again before the next one is. A mistake of the caller's is never tried again anywhere.
"""

import math

import msgspec

from callboard.messages.faults import Fault, FaultKind
from callboard.messages.settings import numbers


class Rule(msgspec.Struct, frozen=True):
    """What may follow a fault."""

    same: bool
    elsewhere: bool
    first: bool = False


_PASSING = Rule(same=True, elsewhere=True)
_BLIP = Rule(same=True, elsewhere=True, first=True)
_NOT_HERE = Rule(same=False, elsewhere=True)
_NOWHERE = Rule(same=False, elsewhere=False)

RULES: dict[FaultKind, Rule] = {
    FaultKind.RATE_LIMITED: _PASSING,
    FaultKind.QUOTA_EXHAUSTED: _NOT_HERE,
    FaultKind.OVERLOADED: _PASSING,
    FaultKind.SERVER: _BLIP,
    FaultKind.CONNECTION: _PASSING,
    FaultKind.TIMED_OUT: _PASSING,
    FaultKind.UNAUTHORIZED: _NOT_HERE,
    FaultKind.FORBIDDEN: _NOT_HERE,
    FaultKind.NOT_FOUND: _NOT_HERE,
    FaultKind.INVALID_REQUEST: _NOWHERE,
    FaultKind.CONTEXT_TOO_LONG: _NOT_HERE,
    FaultKind.CONTENT_BLOCKED: _NOWHERE,
    FaultKind.MALFORMED_REPLY: _BLIP,
    FaultKind.INTERRUPTED: _BLIP,
    FaultKind.REJECTED: _PASSING,
    FaultKind.UNSUPPORTED: _NOT_HERE,
    FaultKind.UNAVAILABLE: _NOT_HERE,
    FaultKind.BUDGET: _NOT_HERE,
    FaultKind.DEADLINE: _NOWHERE,
    FaultKind.INTERNAL: _PASSING,
}


def rule_of(fault: Fault) -> Rule:
    """What may follow this fault. What the provider says of another try goes before the table, but a mistake of the
    caller's stays one.
    """
    rule = RULES[fault.kind]
    if fault.retry is None or not rule.elsewhere:
        return rule
    return Rule(same=fault.retry, elsewhere=True, first=rule.first and fault.retry)


class RetrySpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long to wait between tries: full jitter, `random * min(max, base * 2**k)` seconds."""

    base: float = 0.25
    max: float = 8.0

    def __post_init__(self) -> None:
        numbers(self)
        if not 0 < self.base <= self.max < math.inf:
            raise ValueError("`base` and `max` are seconds, 0 < base <= max")

    def delay(self, k: int, rand: float) -> float:
        """Seconds before retry number `k`, counted from 0; `rand` in [0, 1). Source: AWS, exponential backoff and
        jitter.
        """
        return rand * min(self.max, self.base * 2.0 ** min(k, 30))
