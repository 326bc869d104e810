"""The provider: admits attempts by its circuits, makes them concurrently, and learns from how they end."""

from collections.abc import Callable, Iterable
from typing import Literal

import httpx
import trio

from callboard.actors.provider.account import Account
from callboard.actors.provider.attempt import Attempter
from callboard.actors.provider.checker import CheckDue, CheckEnded, Checker
from callboard.actors.provider.credential import UNKNOWN
from callboard.actors.provider.deadline import Alarm
from callboard.actors.provider.inquiry import Inquirer
from callboard.actors.provider.policy import ENDPOINT, LIMIT_FAULTS, blocked_until, limited, model_key, outcomes
from callboard.actors.provider.standing import Restriction, Standing
from callboard.actors.provider.view import ProviderView, reset_of
from callboard.actors.transport.base import ProviderTransport
from callboard.messages.accounting import CircuitHistory, CircuitRecord, Write
from callboard.messages.calls import Attempt, Attempted, AttemptEnded, ListModels, Operate, TakenOver, TrialAnswered
from callboard.messages.events import AccountBlocked, AccountLimited, CircuitMoved
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.health import HealthCheck
from callboard.messages.limiting import Unblock
from callboard.messages.limits import RateLimits
from callboard.messages.local_models import DeleteModel, ListRunning, PullModel, ShowModel
from callboard.messages.reply import AttemptRecord
from callboard.messages.routing import CircuitReport
from callboard.runtime.actor import Actor, Scoped
from callboard.runtime.circuit.circuit import Move
from callboard.runtime.circuit.subtree import Refused, Subtree, View
from callboard.runtime.circuit.table import FORCED, GIVEN_UP, CircuitEvent, CircuitState
from callboard.runtime.clock import NEVER, ns, seconds, trio_deadline
from callboard.runtime.envelope import Envelope, Message
from callboard.runtime.mailbox import CONTROL
from callboard.runtime.ref import Ref

SWEEP = 30.0
"""Seconds between two looks for connections that have idled too long."""
TAKES_TRIALS_AT_MOST = GIVEN_UP | {CircuitState.HALF_OPEN}
MODELS = 512
"""Whose limits are remembered as the provider told them latest: callers may name any model."""
LONG = 10 * 365 * 86_400_000_000_000
"""Ten years in nanoseconds: as a date, a circuit that is forced open."""

_COMMANDS: dict[Literal["open", "close", "reset"], CircuitEvent] = {
    "open": CircuitEvent.FORCE_OPEN,
    "close": CircuitEvent.FORCE_CLOSE,
    "reset": CircuitEvent.RESET,
}


class ProviderActor(Actor):
    """One account. `histories` gives what the ledger remembers of its circuits."""

    def __init__(
        self,
        account: Account,
        transport: Callable[[], httpx.AsyncBaseTransport],
        *,
        limiter: Ref,
        budgets: Ref,
        ledger: Ref,
        selector: Ref,
        histories: Callable[[], Iterable[CircuitHistory]],
    ) -> None:
        self._account = account
        self._make_transport = transport
        self._limiter = limiter
        self._budgets = budgets
        self._ledger = ledger
        self._selector = selector
        self._histories = histories
        self._subtree = Subtree(account.circuit)
        self._alarms: dict[str, Alarm] = {}
        self._shut: dict[str, int] = {}
        self._credential = UNKNOWN
        self._standing = Standing({})
        self._limits: dict[str, RateLimits] = {}
        self._transport: httpx.AsyncBaseTransport
        self._attempter: Attempter
        self._inquirer: Inquirer
        self._checker: Checker

    async def start(self) -> None:
        """Take up the circuits where the last process or incarnation left them, and what was told to the last one: its
        limiter still heeds that.
        """
        before: ProviderView | None = self.me.ref.snapshot
        if before is not None:
            self._credential = before.credential
            self._standing = Standing(before.standing)
        self._transport = self._make_transport()
        self.me.spawn(self._keep_transport)
        self._attempter = Attempter(
            self._account,
            self._transport,
            self.me,
            limiter=self._limiter,
            budgets=self._budgets,
            ledger=self._ledger,
            refuses=self._refuses,
        )
        self._inquirer = Inquirer(self._account, self._transport, self.me)
        self._checker = Checker(self._account.health, self._inquirer, self.me)
        for history in self._histories():
            self._restore(history)
        self._publish()
        self._report_circuits()
        self._plan_check()

    def receive(self, message: Message, envelope: Envelope) -> object:
        """Decide; what waits runs as a handler of its own."""
        match message:
            case Attempt():
                return self._admit(message, envelope)
            case AttemptEnded():
                self._ended(message)
            case TrialAnswered():
                self._moved(self._subtree.answered(message.id, self.me.now(), self.me.random.random()), None)
            case TakenOver():
                self._attempter.taken_over(message)
            case ListModels() | ShowModel() | ListRunning() | PullModel() | DeleteModel():
                return self._inquirer.run(message)
            case CheckDue():
                self._checker.due()
            case CheckEnded():
                self._checked(message.check)
            case Operate():
                return self._operate(message)
            case _:
                raise TypeError(f"a provider receives no {type(message).__name__}")
        return None

    def _restore(self, history: CircuitHistory) -> None:
        """It waits no longer than it was to wait at the first: the clock may have been ahead when that was written.

        What another `base_url` did says nothing of this one; what an operator said of the account holds there too.
        """
        if history.server not in ("", self._account.base_url) and CircuitState(history.state) not in FORCED:
            return
        utc, now = self.me.utc(), self.me.now()
        since = max(utc, history.at)
        retry_at, floor = (now + max(0, date - since) for date in (history.retry_at, history.floor))
        last = now + max(history.at, min(history.retry_at, utc)) - since
        self._subtree.restore(history.key, View(CircuitState(history.state), retry_at, history.openings, floor), last)

    def _admit(self, attempt: Attempt, envelope: Envelope) -> object:
        keys = (ENDPOINT, model_key(attempt.model))
        now = self.me.now()
        child, moved = self._subtree.admit(attempt.id, keys, now)
        self._moved(moved, None)
        if isinstance(child, Refused):
            return self._refusal(attempt, child)
        alarm = self._alarms[attempt.id] = Alarm(self._account.timeouts, self.me.now, trio_deadline(envelope.deadline))
        return Scoped(alarm.scope, self._attempter.run(attempt, envelope, alarm, now, trial=child.trial))

    def _refusal(self, attempt: Attempt, refused: Refused) -> Attempted:
        fault = self._unavailable(attempt.model, refused.key, refused.retry_at)
        record = AttemptRecord(
            provider=self._account.name, model=attempt.model, outcome="skipped", fault=fault, reason="circuit open"
        )
        return Attempted(record=record, fault=fault)

    def _ended(self, report: AttemptEnded) -> None:
        self._alarms.pop(report.id, None)
        fault = report.fault
        now = self.me.now()
        floor = 0
        if fault is not None and fault.retry_after is not None:
            floor = now + ns(fault.retry_after)
        ends = {} if report.cancelled else outcomes(fault, report.model)
        self._moved(self._subtree.ended(report.id, ends, now, self.me.random.random(), floor), fault)
        if report.limits is not None:
            self._remember(report.model, report.limits)
        if not report.cancelled:
            self._heed_account(report)

    def _remember(self, model: str, limits: RateLimits) -> None:
        """The latest last; whoever reads them has the same dict."""
        self._limits.pop(model, None)
        self._limits[model] = limits
        if len(self._limits) > MODELS:
            del self._limits[next(iter(self._limits))]

    def _heed_account(self, report: AttemptEnded) -> None:
        fault, model = report.fault, report.model
        if fault is None:
            self._got_through(model, report.began)
        elif fault.kind in LIMIT_FAULTS and fault.status is not None:
            self._restricted(fault, model)
        elif fault.kind in (FaultKind.UNAUTHORIZED, FaultKind.FORBIDDEN):
            self._unaccepted(fault.kind, model)

    def _got_through(self, model: str, began: int) -> None:
        lifted = bool(self._standing) and self._standing.succeeded(model, began)
        credential = self._credential.succeeded(model, began)
        if lifted or credential is not self._credential:
            self._credential = credential
            self._publish()

    def _unaccepted(self, kind: FaultKind, model: str) -> None:
        begins = not self._credential.known(kind, model)
        self._credential = self._credential.refused(kind, model, self.me.now())
        self._publish()
        if begins:
            scope = None if kind is FaultKind.UNAUTHORIZED else model
            self._emit_blocked(scope, f"misconfigured: {kind.value}", None)

    def _restricted(self, fault: Fault, model: str) -> None:
        now, scope = self.me.now(), limited(fault, model)
        quota = fault.kind is FaultKind.QUOTA_EXHAUSTED
        until = blocked_until(fault, now, self.me.utc())
        told = Restriction(quota=quota, until=until, why=fault.kind.value, since=now)
        begins = self._standing.restrict(scope, told, now)
        self._publish()
        if not begins:
            return
        if quota:
            self._emit_blocked(scope, fault.kind.value, until)
        else:
            date = None if until is None else self._date(until)
            self.me.emit(AccountLimited(at=self.me.utc(), provider=self._account.name, model=scope, until=date))

    def _emit_blocked(self, model: str | None, why: str, until: int | None) -> None:
        self.me.emit(
            AccountBlocked(
                at=self.me.utc(),
                provider=self._account.name,
                model=model,
                why=why,
                until=None if until is None else self._date(until),
            )
        )

    def _operate(self, command: Operate) -> str:
        keys = self._subtree.keys or (ENDPOINT,)
        if ENDPOINT not in keys:
            keys = (ENDPOINT, *keys)
        if command.command == "open":
            keys = (ENDPOINT,)
        moved = self._subtree.operate(keys, _COMMANDS[command.command], self.me.now())
        self._moved(moved, None)
        if command.command == "reset":
            self._credential = UNKNOWN
            self._standing.clear()
            self._limiter.tell(Unblock(), lane=CONTROL)
        cut = self._cut_all() if command.command == "open" and command.now else 0
        self._publish()
        name = self._account.name
        done = f"{name}: {command.command}, {len(moved)} circuits moved, {cut} attempts cut"
        return done if command.command == "reset" else f"{done}; {reset_of(name)} ends it, a restart does not"

    def _cut_all(self) -> int:
        for alarm in self._alarms.values():
            alarm.cut()
        return len(self._alarms)

    def _moved(self, moved: list[tuple[str, Move]], fault: Fault | None) -> None:
        if not moved:
            return
        self._publish()
        views = self._subtree.views()
        for key, move in moved:
            self._record_move(key, move, views[key], fault)
        self._report_circuits()
        self._plan_check()
        if any(key == ENDPOINT and move.after in GIVEN_UP for key, move in moved):
            self._drop_idle()

    def _plan_check(self) -> None:
        self._checker.want(self._endpoint_is_open())

    def _endpoint_is_open(self) -> bool:
        view = self._subtree.views().get(ENDPOINT)
        return view is not None and view.state is CircuitState.OPEN

    def _checked(self, check: HealthCheck) -> None:
        """A passed check brings forward the trials of the endpoint and of the models that are down with it."""
        self._checker.ended(check)
        if check.passed and self._endpoint_is_open():
            down = [key for key, view in self._subtree.views().items() if view.state is CircuitState.OPEN]
            self._moved(self._subtree.operate(down, CircuitEvent.HEALTH_PASSED, self.me.now()), None)
        self._publish()
        self._plan_check()

    def _drop_idle(self) -> None:
        if isinstance(self._transport, ProviderTransport):
            self._transport.drop_idle()

    def _record_move(self, key: str, move: Move, view: View, fault: Fault | None) -> None:
        gives_up = move.after in GIVEN_UP
        date = self._date(view.retry_at) if gives_up else None
        entry = CircuitRecord(
            provider=self._account.name,
            key=key,
            at=self.me.utc(),
            before=move.before.value,
            after=move.after.value,
            retry_at=date or 0,
            openings=view.openings,
            floor=self._date(view.floor) if gives_up else 0,
            server=self._account.base_url,
        )
        self._ledger.tell(Write((entry,)), lane=CONTROL)
        self.me.emit(
            CircuitMoved(
                at=self.me.utc(),
                provider=self._account.name,
                circuit=key,
                before=move.before.value,
                after=move.after.value,
                retry_at=date if move.after is CircuitState.OPEN else None,
                cause=None if fault is None else fault.kind.value,
            )
        )

    def _report_circuits(self) -> None:
        doors = {key: view.retry_at for key, view in self._subtree.views().items() if view.state in GIVEN_UP}
        endpoint = doors.pop(ENDPOINT, None)
        models = {key.removeprefix(f"{ENDPOINT} "): retry_at for key, retry_at in doors.items()}
        report = CircuitReport(provider=self._account.name, endpoint=endpoint, models=models)
        self._selector.tell(report, lane=CONTROL)

    def _publish(self) -> None:
        views = self._subtree.views()
        self._shut = {key: view.retry_at for key, view in views.items() if view.state in TAKES_TRIALS_AT_MOST}
        self.me.publish(
            ProviderView(
                name=self._account.name,
                wire=self._account.wire.name,
                circuits=views,
                credential=self._credential,
                standing=self._standing.view(),
                check=self._checker.latest,
                limits=self._limits,
            )
        )

    def _refuses(self, model: str) -> Fault | None:
        """Whether a circuit has opened since an attempt was admitted that is no trial; half-open takes only trials."""
        for key in (ENDPOINT, model_key(model)) if self._shut else ():
            if key in self._shut:
                return self._unavailable(model, key, self._shut[key])
        return None

    def _unavailable(self, model: str, key: str, retry_at: int) -> Fault:
        if retry_at >= NEVER:
            message = f"an operator opened the circuit of {key}; {reset_of(self._account.name)} ends it"
            return Fault(kind=FaultKind.UNAVAILABLE, message=message, provider=self._account.name, model=model)
        return Fault(
            kind=FaultKind.UNAVAILABLE,
            message=f"the circuit of {key} is open",
            provider=self._account.name,
            model=model,
            retry_after=seconds(max(0, retry_at - self.me.now())),
            resets_at=self._date(retry_at),
        )

    def _date(self, monotonic: int) -> int:
        return self.me.utc() + min(max(0, monotonic - self.me.now()), LONG)

    async def _keep_transport(self) -> None:
        """Close the connections that idle too long, and all when this incarnation ends, however it ends."""
        try:
            while isinstance(self._transport, ProviderTransport):
                await trio.sleep(SWEEP)
                self._transport.sweep()
            await trio.sleep_forever()  # another sort of transport sees to its connections itself
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                await self._transport.aclose()
