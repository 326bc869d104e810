"""What OpenAI's imitators tell of what a reply costs, beside its tokens. Pure.

Sources: openrouter.ai/docs/use-cases/usage-accounting, whose `cost` is what the account is charged in US dollars, less
what the caller's own key is charged upstream; docs.x.ai/docs/cost-tracking, 10**10 ticks to the dollar;
developers.openai.com/api/docs/guides/fast-mode, whose tier a project may have set for all its requests.
"""

from decimal import Decimal
from typing import Any

from callboard.actors.wires.jsons import mapping, string
from callboard.messages.usage import Bill, Cost

_TICKS = Decimal(10) ** 10
USUAL_TIERS = frozenset({"default", "auto", "standard", "on_demand"})
"""What servers call the service tier whose prices they list first."""


def bill_of(raw: Any, tier: Any, *, dollars: bool, usual: frozenset[str] = USUAL_TIERS) -> Bill | None:
    """The bill of a reply with this `usage` and `service_tier`.

    `dollars`: its `cost` is in US dollars; `usual`: the tiers that cost what the usual one does.
    """
    counts = mapping(raw)
    cost = _charged(counts) if dollars else _ticks(counts)
    told = string(tier)
    other = None if told in usual else told
    return None if cost is None and other is None else Bill(cost=cost, tier=other)


def _charged(counts: dict[str, Any]) -> Cost | None:
    cost = _amount(counts.get("cost"))
    if cost is None or not counts.get("is_byok"):
        return cost
    upstream = _amount(mapping(counts.get("cost_details")).get("upstream_inference_cost"))
    return None if upstream is None else cost + upstream


def _ticks(counts: dict[str, Any]) -> Cost | None:
    """Azure sends 0 for whatever Grok did there: that is no price."""
    ticks = _amount(counts.get("cost_in_usd_ticks"))
    return ticks / _TICKS if ticks else None


def _amount(value: Any) -> Decimal | None:
    """A number that is not negative and can be money, else None."""
    if type(value) not in (int, float):
        return None
    amount = Decimal(str(value))
    return amount if amount.is_finite() and 0 <= amount < 10**18 else None
