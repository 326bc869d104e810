"""The background checks of one account: at most one at a time, and only while they are wanted."""

import trio

from callboard.actors.provider.health import HealthSpec, Pace, passes
from callboard.actors.provider.inquiry import Inquirer
from callboard.messages.base import Tell
from callboard.messages.calls import ListModels
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.health import HealthCheck
from callboard.runtime.actor import Me
from callboard.runtime.clock import seconds
from callboard.runtime.logs import get_logger

_log = get_logger("callboard.actors")


class CheckDue(Tell, frozen=True):
    """The provider's own alarm: it is time to look whether the account can be reached."""


class CheckEnded(Tell, frozen=True):
    """The provider's own report on a check."""

    check: HealthCheck


class Checker:
    """Makes them for one incarnation of a provider, which hands it CheckDue and CheckEnded."""

    def __init__(self, spec: HealthSpec, inquirer: Inquirer, me: Me) -> None:
        self._spec = spec
        self._inquirer = inquirer
        self._me = me
        self._pace = Pace(spec)
        self._alarm: trio.CancelScope | None = None
        self._checking = False
        self.latest: HealthCheck | None = None

    def want(self, wanted: bool) -> None:
        """Whether a circuit is open."""
        if not (wanted and self._spec.enabled):
            self._rest()
        elif self._alarm is None and not self._checking:
            due = self._pace.due(self._me.now(), self._me.random.random())
            self._alarm = self._me.at(due, CheckDue())

    def due(self) -> None:
        """It is time."""
        self._alarm = None
        self._checking = True
        self._me.spawn(self._check)

    def ended(self, check: HealthCheck) -> None:
        """One check has ended; whether another is wanted comes next."""
        self._checking = False
        self.latest = check
        self._pace.ended(passed=check.passed)

    def _rest(self) -> None:
        self._pace.rest()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    async def _check(self) -> None:
        started = self._me.now()
        answer = await self._asked()
        self._me.report(
            CheckEnded(
                HealthCheck(
                    at=self._me.utc(),
                    passed=passes(answer),
                    latency=seconds(self._me.now() - started),
                    fault=answer.kind if isinstance(answer, Fault) else None,
                )
            )
        )

    async def _asked(self) -> object:
        """A bug ends the check, as it would end an ask: what runs in the background would bring the account down."""
        try:
            return await self._inquirer.run(ListModels())
        except Exception as error:
            _log.error("%s: a health check failed with %s", self._me.ref.path, type(error).__name__)
            return Fault(kind=FaultKind.INTERNAL, message=f"callboard's own failure: {type(error).__name__}")
