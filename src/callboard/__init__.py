"""An embedded, supervised runtime for calling many language models from long-running Python programs.

async with callboard.open("callboard.toml") as board:
    reply = await board.generate("Why is the sky blue?", model="fast")
    print(reply.text, reply.cost)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from callboard.errors import (
    CallboardError,
    CallError,
    ConfigError,
    DeadlineExceeded,
    Interrupted,
    InvalidRequest,
    RuntimeStopped,
    StoreError,
    StoreOwned,
    Unavailable,
)
from callboard.messages.chat import (
    AudioPart,
    ChatMessage,
    DocumentPart,
    ImagePart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
    assistant,
    system,
    tool_result,
    user,
)
from callboard.messages.embedding import Embeddings
from callboard.messages.events import (
    AccountBlocked,
    AccountLimited,
    ActorRestarted,
    BudgetAlert,
    CircuitMoved,
    Event,
    LedgerFailing,
    LedgerRecovered,
    SupervisorGaveUp,
)
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.health import HealthCheck, ProviderHealth
from callboard.messages.images import Image, Images
from callboard.messages.reply import Delta, FinishReason, Reply
from callboard.messages.request import CacheControl, Output, Request, Sampling, Thinking, Tool, ToolChoice
from callboard.messages.reranking import Ranked, Reranking
from callboard.messages.usage import Apart, Usage
from callboard.version import __version__

if TYPE_CHECKING:
    from callboard.board import Board
    from callboard.config import Config
    from callboard.opening import open  # noqa: A004 - callboard.open is the name users read
    from callboard.streaming import ReplyStream

__all__ = [
    "AccountBlocked",
    "AccountLimited",
    "ActorRestarted",
    "Apart",
    "AudioPart",
    "Board",
    "BudgetAlert",
    "CacheControl",
    "CallError",
    "CallboardError",
    "ChatMessage",
    "CircuitMoved",
    "Config",
    "ConfigError",
    "DeadlineExceeded",
    "Delta",
    "DocumentPart",
    "Embeddings",
    "Event",
    "Fault",
    "FaultKind",
    "FinishReason",
    "HealthCheck",
    "Image",
    "ImagePart",
    "Images",
    "Interrupted",
    "InvalidRequest",
    "LedgerFailing",
    "LedgerRecovered",
    "Output",
    "ProviderHealth",
    "Ranked",
    "Reply",
    "ReplyStream",
    "Request",
    "Reranking",
    "RuntimeStopped",
    "Sampling",
    "StoreError",
    "StoreOwned",
    "SupervisorGaveUp",
    "TextPart",
    "Thinking",
    "ThinkingPart",
    "Tool",
    "ToolCallPart",
    "ToolChoice",
    "ToolResultPart",
    "Unavailable",
    "Usage",
    "__version__",
    "assistant",
    "open",
    "system",
    "tool_result",
    "user",
]

_RUNTIME = {
    "Board": "callboard.board",
    "Config": "callboard.config",
    "ReplyStream": "callboard.streaming",
    "open": "callboard.opening",
}


def __getattr__(name: str) -> Any:
    """The names that bring the whole runtime along are imported when they are first used (PEP 562)."""
    home = _RUNTIME.get(name)
    if home is None:
        raise AttributeError(f"module 'callboard' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value
