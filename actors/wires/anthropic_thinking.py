"""What a model of Anthropic's understands of thinking: before version 4.6 a budget, from 4.7 on an effort, 4.6 both,
how little thinking it can be kept to, whether it shows it, and how much room it takes.

The rules are those of Anthropic's guides to extended and adaptive thinking and of the refusals that users report.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from callboard.messages.request import Effort, Thinking

BUDGETS: dict[Effort, int] = {"minimal": 1_024, "low": 1_024, "medium": 2_048, "high": 4_096, "xhigh": 16_384}
"""Tokens; 1,024 are the fewest that are taken."""
_ALWAYS_THINKS = {"opus": (5, 5), "fable": (0, 0), "mythos": (0, 0)}
"""The first of each family that refuses to be kept from thinking."""
_THINKS_BETWEEN_TOOLS = {"sonnet": (5, 5)}
"""The same of those that may be kept to a few words between tools."""
_THINKS_UNASKED = {"opus": (5, 0), "sonnet": (5, 0), "haiku": (5, 0), "fable": (0, 0), "mythos": (0, 0)}
"""The first of each family that thinks when the request says nothing of it."""
_HIDES = _THINKS_UNASKED | {"opus": (4, 7)}
"""The same of those that keep it to themselves unless they are asked to show it."""
_LITTLE = 8_192
_ROOM: dict[Effort, int] = {
    "none": _LITTLE,
    "minimal": _LITTLE,
    "low": _LITTLE,
    "medium": 16_384,
    "high": 32_768,
    "xhigh": 49_152,
}
"""Tokens for thinking that only an effort bounds; none is little for models that always think."""
_VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?:[-.](\d{1,2}))?(?![0-9])")


def understood(thinking: Thinking | None, model: str, most: int | None) -> Thinking | None:
    """The same wish in words that this model knows; unchanged where its name tells no version. `most`: tokens that it
    may write, of which an effort leaves a fifth to the answer.
    """
    if thinking is None:
        return None
    version = version_of(model)
    if version is not None:
        thinking = _told(thinking, version, most)
    return _least(thinking, model) if thinking.effort == "none" else thinking


def visible(thinking: dict[str, Any], model: str) -> dict[str, Any]:
    """The request's member `thinking`, so that a model that hides its thinking shows it: else a stream holds nothing
    but pings meanwhile, as one does that hangs."""
    hidden = thinking.get("type") == "adaptive" and is_since(model, _HIDES)
    return thinking | {"display": thinking.get("display", "summarized")} if hidden else thinking


def with_room(answer: int, asked: Thinking | None, told: dict[str, Any], model: str) -> int:
    """Tokens for the answer and for thinking, which counts as output: no more than the model may write, where that
    leaves the budget whole. `asked`: what the request asks for; `told`: what of it is sent as `thinking`.
    """
    given = told.get("budget_tokens")
    budget = given if isinstance(given, int) else 0
    wanted, most = answer + (budget or _room(asked, told, model)), _most(model)
    return most if most is not None and budget < most < wanted else wanted


def _room(asked: Thinking | None, told: dict[str, Any], model: str) -> int:
    """What thinking that no budget bounds may take. None for names that tell nothing: they may be anybody's models,
    and write less."""
    unasked = is_since(model, _THINKS_UNASKED)
    adaptive = told.get("type") == "adaptive" and (unasked or version_of(model) is not None)
    if not adaptive and (told or not unasked):
        return 0
    return (asked and asked.budget_tokens) or _ROOM[(asked and asked.effort) or "high"]


def _most(model: str) -> int | None:
    """Tokens that a model which thinks may write; None where its name tells no version."""
    version = version_of(model)
    if version is None:
        return None
    if version <= (4, 1) and "opus" in model:
        return 32_000
    return 64_000 if version < (4, 6) or (version == (4, 6) and "sonnet" in model) else 128_000


def version_of(model: str) -> tuple[int, int] | None:
    """(4, 5) of `claude-haiku-4-5-20251001`, (3, 7) of `claude-3-7-sonnet-latest`, (4, 0) of `claude-opus-4`."""
    found = _VERSION.search(model)
    return None if found is None else (int(found[1]), int(found[2] or 0))


def is_since(model: str, first: Mapping[str, tuple[int, int]]) -> bool:
    """Whether a model is of one of these families, and of that version or a later one; no version is before all."""
    version = version_of(model) or (0, 0)
    return any(family in model and version >= since for family, since in first.items())


def _told(thinking: Thinking, version: tuple[int, int], most: int | None) -> Thinking:
    if version < (4, 6) and thinking.effort not in (None, "none"):
        budget = thinking.budget_tokens or _budget(thinking.effort, most)
        return msgspec.structs.replace(thinking, budget_tokens=budget, effort=None)
    if version == (4, 6) and thinking.effort == "xhigh":
        return msgspec.structs.replace(thinking, effort="high")
    if version > (4, 6) and thinking.budget_tokens is not None:
        effort = thinking.effort or _effort(thinking.budget_tokens)
        return msgspec.structs.replace(thinking, budget_tokens=None, effort=effort)
    return thinking


def _least(thinking: Thinking, model: str) -> Thinking:
    """What comes nearest to no thinking at all."""
    if is_since(model, _ALWAYS_THINKS):
        return msgspec.structs.replace(thinking, effort="low")
    if is_since(model, _THINKS_BETWEEN_TOOLS):
        return msgspec.structs.replace(thinking, effort=None, extra={"type": "between_tools"} | (thinking.extra or {}))
    return thinking


def _budget(effort: Effort, most: int | None) -> int:
    """Not below the fewest: where even those leave no room, the request is refused for it."""
    return BUDGETS[effort] if most is None else min(BUDGETS[effort], max(most * 4 // 5, min(BUDGETS.values())))


def _effort(budget: int) -> Effort:
    fitting: list[Effort] = [effort for effort, tokens in BUDGETS.items() if tokens <= budget]
    return fitting[-1] if fitting else "low"
