"""An embedded, supervised runtime for calling many language models from long-running Python programs.

async with callboard.open("callboard.toml") as board:
    reply = await board.generate("Why is the sky blue?", model="fast")
    print(reply.text, reply.cost)
"""

import datetime as _datetime  # noqa: F401 - before msgspec, which loses a Ctrl-C while it imports this, and crashes later
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
from callboard.messages.reply import Answer, AttemptRecord, Delta, FinishReason, Reply
from callboard.messages.request import CacheControl, Output, Request, Sampling, Thinking, Tool, ToolChoice
from callboard.messages.reranking import Ranked, Reranking
from callboard.messages.usage import Apart, Usage
from callboard.version import __version__

if TYPE_CHECKING:
    from callboard.actors.budgets.spec import BudgetSpec
    from callboard.actors.cache.shelf import Bounds
    from callboard.actors.ledger.keeping import Keep
    from callboard.actors.logbook.pages import LogSpec
    from callboard.actors.orchestrator.features import Features
    from callboard.actors.orchestrator.hedge import HedgeSpec
    from callboard.actors.orchestrator.policy import RetrySpec
    from callboard.actors.prices.book import Price
    from callboard.actors.provider.deadline import Timeouts
    from callboard.actors.provider.health import HealthSpec
    from callboard.actors.transport.config import TransportConfig
    from callboard.asking import Options, Prompt
    from callboard.board import Board
    from callboard.config import Config
    from callboard.local import LocalModels, Pull
    from callboard.messages.accounting import Erased, UsageReport
    from callboard.messages.calls import Operate
    from callboard.messages.local_models import LocalModel, PullProgress, RunningModel
    from callboard.messages.logbook import LogRecord
    from callboard.messages.models import Model
    from callboard.messages.status import Status
    from callboard.opening import open  # noqa: A004 - callboard.open is the name users read
    from callboard.sections import (
        AliasConfig,
        CalendarConfig,
        CallConfig,
        CircuitConfig,
        LimitConfig,
        ModelLimitConfig,
        ProviderConfig,
        StoreConfig,
    )
    from callboard.streaming import ReplyStream
    from callboard.works import WorkOptions

__all__ = [
    "AccountBlocked",
    "AccountLimited",
    "ActorRestarted",
    "AliasConfig",
    "Answer",
    "Apart",
    "AttemptRecord",
    "AudioPart",
    "Board",
    "Bounds",
    "BudgetAlert",
    "BudgetSpec",
    "CacheControl",
    "CalendarConfig",
    "CallConfig",
    "CallError",
    "CallboardError",
    "ChatMessage",
    "CircuitConfig",
    "CircuitMoved",
    "Config",
    "ConfigError",
    "DeadlineExceeded",
    "Delta",
    "DocumentPart",
    "Embeddings",
    "Erased",
    "Event",
    "Fault",
    "FaultKind",
    "Features",
    "FinishReason",
    "HealthCheck",
    "HealthSpec",
    "HedgeSpec",
    "Image",
    "ImagePart",
    "Images",
    "Interrupted",
    "InvalidRequest",
    "Keep",
    "LedgerFailing",
    "LedgerRecovered",
    "LimitConfig",
    "LocalModel",
    "LocalModels",
    "LogRecord",
    "LogSpec",
    "Model",
    "ModelLimitConfig",
    "Operate",
    "Options",
    "Output",
    "Price",
    "Prompt",
    "ProviderConfig",
    "ProviderHealth",
    "Pull",
    "PullProgress",
    "Ranked",
    "Reply",
    "ReplyStream",
    "Request",
    "Reranking",
    "RetrySpec",
    "RunningModel",
    "RuntimeStopped",
    "Sampling",
    "Status",
    "StoreConfig",
    "StoreError",
    "StoreOwned",
    "SupervisorGaveUp",
    "TextPart",
    "Thinking",
    "ThinkingPart",
    "Timeouts",
    "Tool",
    "ToolCallPart",
    "ToolChoice",
    "ToolResultPart",
    "TransportConfig",
    "Unavailable",
    "Usage",
    "UsageReport",
    "WorkOptions",
    "__version__",
    "assistant",
    "open",
    "system",
    "tool_result",
    "user",
]

_RUNTIME = {
    "AliasConfig": "callboard.sections",
    "Board": "callboard.board",
    "Bounds": "callboard.actors.cache.shelf",
    "BudgetSpec": "callboard.actors.budgets.spec",
    "CalendarConfig": "callboard.sections",
    "CallConfig": "callboard.sections",
    "CircuitConfig": "callboard.sections",
    "Config": "callboard.config",
    "Erased": "callboard.messages.accounting",
    "Features": "callboard.actors.orchestrator.features",
    "HealthSpec": "callboard.actors.provider.health",
    "HedgeSpec": "callboard.actors.orchestrator.hedge",
    "Keep": "callboard.actors.ledger.keeping",
    "LimitConfig": "callboard.sections",
    "LocalModel": "callboard.messages.local_models",
    "LocalModels": "callboard.local",
    "LogRecord": "callboard.messages.logbook",
    "LogSpec": "callboard.actors.logbook.pages",
    "Model": "callboard.messages.models",
    "ModelLimitConfig": "callboard.sections",
    "Operate": "callboard.messages.calls",
    "Options": "callboard.asking",
    "Price": "callboard.actors.prices.book",
    "Prompt": "callboard.asking",
    "ProviderConfig": "callboard.sections",
    "Pull": "callboard.local",
    "PullProgress": "callboard.messages.local_models",
    "ReplyStream": "callboard.streaming",
    "RetrySpec": "callboard.actors.orchestrator.policy",
    "RunningModel": "callboard.messages.local_models",
    "Status": "callboard.messages.status",
    "StoreConfig": "callboard.sections",
    "Timeouts": "callboard.actors.provider.deadline",
    "TransportConfig": "callboard.actors.transport.config",
    "UsageReport": "callboard.messages.accounting",
    "WorkOptions": "callboard.works",
    "open": "callboard.opening",
}

if not TYPE_CHECKING:  # else every name would be known, misspelt ones too

    def __getattr__(name: str) -> Any:
        """The names that bring the whole runtime along are imported when they are first used (PEP 562)."""
        home = _RUNTIME.get(name)
        if home is None:
            raise AttributeError(f"module 'callboard' has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(home), name)
        return value

    def __dir__() -> list[str]:
        """The same names, so that they are completed before their first use."""
        return sorted({*globals(), *__all__})
