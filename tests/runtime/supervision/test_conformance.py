"""One failure, and what follows from it: every strategy, restart type, exit and nesting, against a small model.

Three siblings a, b, c start in this order; b ends once. The log has `+a` for a start, `!b` for a failing start and `-a`
for an end, whatever ended it. The model below knows only OTP's rules, none of the supervisor's code.
"""

import itertools
from functools import partial

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from callboard.runtime.cell import CellStatus
from callboard.runtime.envelope import Envelope
from callboard.runtime.supervision.spec import ActorSpec, ChildSpec, Restart, Strategy, SupervisorSpec
from callboard.testing.doer import Doer, Note
from callboard.testing.running import running

EXITS = ["normal", "crash", "failing start"]


class Sibling(Doer):
    """Logs its start and its end; a failing one raises in its first start."""

    def __init__(self, name: str, log: list[str], *, fails: bool) -> None:
        super().__init__()
        self._name, self._log, self._fails = name, log, fails

    async def start(self) -> None:
        if self._fails and self.me.incarnation == 1:
            self._log.append(f"!{self._name}")
            raise OSError("cannot start")
        self._log.append(f"+{self._name}")
        self.me.spawn(self._live)

    async def _live(self) -> None:
        try:
            await trio.sleep_forever()
        finally:
            self._log.append(f"-{self._name}")


def model(strategy: str, restart: str, siblings: str, end: str) -> list[str]:
    """What the log must say from the first start until everything runs again."""
    log = ["+a", "!b"] if end == "failing start" else ["+a", "+b", "+c", "-b"]
    alive = ["a"] if end == "failing start" else ["a", "c"]
    unborn = ["c"] if end == "failing start" else []
    if restart == "permanent" or (restart == "transient" and end != "normal"):
        cut = {"one_for_one": [], "one_for_all": alive, "rest_for_one": [name for name in alive if name > "b"]}[
            strategy
        ]
        again = [] if siblings == "temporary" else cut
        log += [f"-{name}" for name in sorted(cut, reverse=True)]
        log += [f"+{name}" for name in sorted(["b", *again, *unborn])]
    else:
        log += [f"+{name}" for name in unborn]
    return log


def stopping(log: list[str]) -> list[str]:
    """The ends that must follow when everything is stopped."""
    alive = {name for name in "abc" if log.count(f"+{name}") > log.count(f"-{name}")}
    return [f"-{name}" for name in sorted(alive, reverse=True)]


def bug(actor: Doer, envelope: Envelope) -> None:
    raise ValueError("bug")


def finish(actor: Doer, envelope: Envelope) -> None:
    actor.me.finish()


def specs(restart: str, siblings: str, end: str, log: list[str]) -> tuple[ChildSpec, ...]:
    return tuple(
        ActorSpec(
            name=name,
            factory=partial(Sibling, name, log, fails=name == "b" and end == "failing start"),
            restart=Restart(restart if name == "b" else siblings),
        )
        for name in "abc"
    )


CASES = list(itertools.product(Strategy, Restart, Restart, EXITS))


@pytest.mark.parametrize("case", CASES, ids=["-".join(case) for case in CASES])
@pytest.mark.parametrize("nested", [False, True], ids=["top", "nested"])
async def test_one_failure_has_the_consequences_that_otp_says(
    case: tuple[Strategy, Restart, Restart, str], nested: bool, autojump_clock: MockClock
) -> None:
    strategy, restart, siblings, end = case
    log: list[str] = []
    group = specs(restart.value, siblings.value, end, log)
    tree: tuple[ChildSpec, ...] = group
    if nested:
        bystander = ActorSpec(name="bystander", factory=Doer)
        tree = (bystander, SupervisorSpec(name="group", children=group, strategy=strategy))
    prefix = "group/" if nested else ""
    async with running(*tree, strategy=Strategy.ONE_FOR_ONE if nested else strategy) as system:
        if end != "failing start":
            system.ref(f"{prefix}b").tell(Note(bug if end == "crash" else finish))
        await wait_all_tasks_blocked()
        settled = list(log)
        cells = {cell.path.removeprefix(prefix): cell for cell in system.cells()}
        up = {name for name in "abc" if cells[name].status is CellStatus.RUNNING}
    assert settled == model(strategy.value, restart.value, siblings.value, end)
    assert log[len(settled) :] == stopping(settled)
    assert up == {end[1:] for end in stopping(settled)}
    assert {name: cells[name].incarnation for name in "abc"} == {
        name: settled.count(f"+{name}") + settled.count(f"!{name}") for name in "abc"
    }
    if nested:
        assert cells["bystander"].incarnation == 1
