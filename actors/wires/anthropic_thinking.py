"""What a model of Anthropic's understands of thinking: before version 4.6 a budget, from 4.7 on an effort, 4.6 both,
and how little thinking it can be kept to.

The rules are those of Anthropic's guides to extended and adaptive thinking and of the refusals that users report.
"""

import re
from collections.abc import Mapping

import msgspec

from callboard.messages.request import Effort, Thinking

BUDGETS: dict[Effort, int] = {"minimal": 1_024, "low": 1_024, "medium": 2_048, "high": 4_096, "xhigh": 16_384}
"""Tokens; 1,024 are the fewest that are taken."""
_ALWAYS_THINKS = {"opus": (5, 5), "fable": (0, 0), "mythos": (0, 0)}
"""The first of each family that refuses to be kept from thinking."""
_THINKS_BETWEEN_TOOLS = {"sonnet": (5, 5)}
"""The same of those that may be kept to a few words between tools."""
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
