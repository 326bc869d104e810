"""What a supervisor is told: data, checked before anything starts."""

import enum
from collections.abc import Callable
from typing import TypeAlias

import msgspec

from callboard.runtime.actor import Actor
from callboard.runtime.clock import ns
from callboard.runtime.errors import SpecError
from callboard.runtime.mailbox import MailboxSpec
from callboard.runtime.supervision.backoff import Backoff
from callboard.runtime.supervision.intensity import Intensity


class Strategy(enum.StrEnum):
    """Who is restarted when one child fails."""

    ONE_FOR_ONE = "one_for_one"
    ONE_FOR_ALL = "one_for_all"
    REST_FOR_ONE = "rest_for_one"
    """The failed one and those that were started after it."""


class Restart(enum.StrEnum):
    """After which ends a child is restarted."""

    PERMANENT = "permanent"
    TRANSIENT = "transient"
    TEMPORARY = "temporary"


class ActorSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One actor below a supervisor."""

    name: str
    factory: Callable[[], Actor]
    """Makes the next incarnation's instance; called once a start."""
    restart: Restart = Restart.PERMANENT
    significant: bool = False
    """When it ends for good, its supervisor stops too."""
    mailbox: MailboxSpec = MailboxSpec()
    concurrency: int = 1
    """Handlers at once."""
    start_timeout: int = ns(30)
    drain: int = ns(5)
    """Nanoseconds that the work in hand may take when stopping, and again for the stop hook."""


class SupervisorSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One supervisor and what is below it, in order of start."""

    name: str
    children: "tuple[ChildSpec, ...]" = ()
    strategy: Strategy = Strategy.ONE_FOR_ONE
    intensity: Intensity = Intensity()
    backoff: Backoff = Backoff()
    restart: Restart = Restart.PERMANENT
    significant: bool = False


ChildSpec: TypeAlias = ActorSpec | SupervisorSpec


def check(spec: SupervisorSpec, path: str = "") -> None:
    """Refuse a spec that makes no sense with a SpecError that names the place."""
    where = path or spec.name or "the root"
    seen: set[str] = set()
    for child in spec.children:
        if not child.name or "/" in child.name:
            raise SpecError(f"{where}: a child's name is not empty and holds no slash, not {child.name!r}")
        if child.name in seen:
            raise SpecError(f"{where}: two children are named {child.name!r}")
        seen.add(child.name)
        if child.significant and child.restart is Restart.PERMANENT:
            raise SpecError(f"{where}/{child.name}: a permanent child never ends for good, so it cannot be significant")
        if isinstance(child, SupervisorSpec):
            check(child, f"{path}/{child.name}" if path else child.name)
        elif child.concurrency < 1 or child.start_timeout <= 0 or child.drain < 0:
            raise SpecError(f"{where}/{child.name}: needs concurrency >= 1, start_timeout > 0 and drain >= 0")
