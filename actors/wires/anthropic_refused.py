"""What a model of Anthropic's refuses though its API knows it, told before it is sent: the next candidate may take it.

Source: the migration guides of each model at platform.claude.com/docs/en/models, docs/en/build-with-claude/thinking
there, and the refusals that users report.
"""

from collections.abc import Mapping
from typing import Any

from callboard.actors.wires.anthropic_thinking import is_since, version_of
from callboard.actors.wires.wire import unsupported

_UNFORCED = {"opus": (5, 5), "sonnet": (5, 5), "fable": (5, 1), "mythos": (5, 1)}
"""The first of each family that cannot be made to call a tool."""


def is_sampled(model: str) -> bool:
    """Whether a model may be told how to pick its words; those since 4.7 may not, not even by a default."""
    version = version_of(model)
    return version is None or version <= (4, 6)


def check_model(body: Mapping[str, Any], model: str, provider: str) -> None:
    """Raises WireFault(UNSUPPORTED) for members that the model does not take together. Where its name tells no version,
    it may be anybody's, and is asked.
    """
    version = version_of(model)
    if version is None:
        return
    kind = body.get("thinking", {}).get("type")
    thinks = kind in ("enabled", "adaptive")
    forced = body.get("tool_choice", {}).get("type") in ("any", "tool")
    refused = {
        "temperature and top_p at once with this model": version >= (4, 1) and {"temperature", "top_p"} <= body.keys(),
        "a temperature other than 1 beside thinking": thinks and body.get("temperature", 1) != 1,
        "a top_p below 0.95 beside thinking": thinks and body.get("top_p", 1) < 0.95,
        "top_k beside thinking": thinks and "top_k" in body,
        "a forced tool call beside a thinking budget": forced and kind == "enabled",
        "a forced tool call with this model": forced and is_since(model, _UNFORCED),
    }
    for what, broken in refused.items():
        if broken:
            raise unsupported(provider, what)
