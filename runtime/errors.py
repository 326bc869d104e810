"""What an ask can end with instead of a reply.

    ActorError
    ├─ DeclaredError        raised by a handler on purpose; reaches the asker as it is
    ├─ HandlerFailed        a bug in one handler; the actor goes on
    ├─ ActorCrashed         a bug in a decide step; the actor is restarted
    ├─ ActorDown            there is nobody to answer
    ├─ MailboxFull          the actor has more to do than it accepts
    ├─ DeadlineExceeded     the asker's time ran out
    └─ Deadlock             the ask would have waited for itself

`SpecError` and `IllegalStep` are mistakes in the program: a supervision spec without sense, and a state machine
driven where its table has no entry.
"""

from collections.abc import Sequence

from callboard.messages.base import Ask, Tell


class ActorError(Exception):
    """An ask ended without a reply."""


class DeclaredError(ActorError):
    """The base of errors that handlers raise on purpose: the asker gets them unchanged and nobody is restarted."""


class HandlerFailed(ActorError):
    """A concurrent handler raised what it did not declare: the actor's fault. Its siblings and the actor go on."""

    def __init__(self, actor: str, cause: BaseException) -> None:
        super().__init__(f"{actor}: a handler failed with {type(cause).__name__}")
        self.actor = actor
        self.cause = cause


class ActorCrashed(ActorError):
    """The actor's decide step raised: the actor's fault. It is restarted; what it had in hand ends with this."""

    def __init__(self, actor: str, incarnation: int, cause: BaseException) -> None:
        super().__init__(f"{actor}: incarnation {incarnation} crashed with {type(cause).__name__}")
        self.actor = actor
        self.incarnation = incarnation
        self.cause = cause


class ActorDown(ActorError):
    """The actor is unknown, has stopped or was given up. Nobody will answer; see its supervisor's status."""

    def __init__(self, actor: str, why: str) -> None:
        super().__init__(f"{actor} is down: {why}")
        self.actor = actor
        self.why = why


class MailboxFull(ActorError):
    """The actor's data lane is full and its policy is to refuse. The message is handed back: `error.message`."""

    def __init__(self, actor: str, message: Tell | Ask[object]) -> None:
        super().__init__(f"{actor}: mailbox full, {type(message).__name__} refused")
        self.actor = actor
        self.message = message


class DeadlineExceeded(ActorError):
    """The asker's own deadline passed, with the ask still queued or running. Nobody's fault but time's."""

    def __init__(self, actor: str) -> None:
        super().__init__(f"{actor}: the deadline passed before there was a reply")
        self.actor = actor


class Deadlock(ActorError):
    """The ask would have closed a circle of actors that wait for each other: a mistake in their design."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"deadlock refused: {' -> '.join(names)}")
        self.names = tuple(names)


class SpecError(ValueError):
    """A supervision spec makes no sense. Nothing was started."""


class IllegalStep(RuntimeError):
    """A state machine was driven where its table has no entry. The state is unchanged."""

    def __init__(self, machine: str, state: object, event: object) -> None:
        super().__init__(f"{machine}: no step for event {event!s} in state {state!s}")
        self.machine = machine
        self.state = state
        self.event = event
