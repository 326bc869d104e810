from trio.testing import MockClock, wait_all_tasks_blocked

from callboard.actors.selector.actor import SelectorActor
from callboard.messages.base import Tell
from callboard.messages.calls import Candidate
from callboard.messages.routing import CircuitReport, RoutingTable
from callboard.runtime.supervision.spec import ActorSpec
from callboard.runtime.system import System
from callboard.testing.running import running

A, B = Candidate("a", "m"), Candidate("b", "m")


class Rubbish(Tell, frozen=True):
    """Which no actor understands."""


def spec() -> ActorSpec:
    return ActorSpec(name="selector", factory=lambda: SelectorActor({"any": (A, B)}, ("a", "b")))


async def table(system: System, *reports: CircuitReport) -> RoutingTable:
    for report in reports:
        system.ref("selector").tell(report)
    await wait_all_tasks_blocked()
    found: RoutingTable = system.ref("selector").snapshot
    return found


def report(provider: str, endpoint: int | None = None, **models: int) -> CircuitReport:
    return CircuitReport(provider=provider, endpoint=endpoint, models=models)


async def test_to_begin_with_all_take_calls(autojump_clock: MockClock) -> None:
    async with running(spec()) as system:
        assert (await table(system)).plan("any", 0).candidates == (A, B)


async def test_the_latest_report_of_each_provider_counts(autojump_clock: MockClock) -> None:
    async with running(spec()) as system:
        assert (await table(system, report("a", 50), report("b", m=70))).plan("any", 0).candidates == ()
        assert (await table(system, report("a", x=99))).plan("any", 0).candidates == (A,)
        assert (await table(system, report("a"), report("b"))).closed_doors == {}


async def test_a_table_that_was_published_never_changes(autojump_clock: MockClock) -> None:
    async with running(spec()) as system:
        before = await table(system)
        await table(system, report("a", 50))
        assert before.plan("any", 0).candidates == (A, B)


async def test_a_selector_that_starts_anew_still_knows_which_circuits_are_open(autojump_clock: MockClock) -> None:
    async with running(spec()) as system:
        await table(system, report("a", 50))
        system.ref("selector").tell(Rubbish())
        found = await table(system)
        (cell,) = system.cells()
        assert cell.incarnation == 2
        assert found.plan("any", 0).candidates == (B,)
