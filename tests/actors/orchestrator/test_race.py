import trio
from trio.testing import MockClock

from callboard.actors.orchestrator.race import Ended, race
from callboard.messages.calls import Attempted, Candidate
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.reply import Answer, AttemptRecord

A, B = Candidate("a", "m"), Candidate("b", "m")


class Scene:
    """Each candidate answers after its time, or fails when the time is negative."""

    def __init__(self, a: float, b: float, *, spare: Candidate | None = B) -> None:
        self._times = {A: a, B: b}
        self._spare = spare
        self.entered: list[tuple[str, int, float]] = []
        self.cut: list[str] = []

    async def attempt(self, candidate: Candidate, number: int) -> Attempted:
        self.entered.append((candidate.provider, number, trio.current_time()))
        try:
            await trio.sleep(abs(self._times[candidate]))
        except trio.Cancelled:
            self.cut.append(candidate.provider)
            raise
        record = AttemptRecord(provider=candidate.provider, model="m", outcome="ok")
        if self._times[candidate] < 0:
            return Attempted(record=record, fault=Fault(kind=FaultKind.SERVER, message=""))
        return Attempted(record=record, answer=Answer(parts=(), finish_reason=None))

    async def run(self) -> tuple[Candidate | None, Ended]:
        ended: Ended = []
        return await race(self.attempt, A, 5, lambda: self._spare, ended), ended


async def test_one_that_is_in_time_runs_alone(autojump_clock: MockClock) -> None:
    scene = Scene(4, 1)
    second, ended = await scene.run()
    assert (second, [who for who, _ in ended]) == (None, [A])
    assert (scene.entered, trio.current_time()) == ([("a", 1, 0.0)], 4.0)


async def test_one_that_is_late_gets_company_and_the_first_answer_ends_both(autojump_clock: MockClock) -> None:
    scene = Scene(60, 1)
    second, ended = await scene.run()
    assert (second, [who for who, _ in ended], scene.cut) == (B, [B], ["a"])
    assert (scene.entered, trio.current_time()) == ([("a", 1, 0.0), ("b", 2, 5.0)], 6.0)


async def test_a_late_one_may_still_win(autojump_clock: MockClock) -> None:
    scene = Scene(7, 60)
    second, ended = await scene.run()
    assert (second, [who for who, _ in ended], scene.cut) == (B, [A], ["b"])


async def test_a_fault_waits_for_the_other(autojump_clock: MockClock) -> None:
    for a, b, order in ((-6, 60, [A, B]), (60, -1, [B, A]), (-6, -2, [A, B])):
        _, ended = await Scene(a, b).run()
        assert [who for who, _ in ended] == order


async def test_a_fault_in_time_brings_no_company(autojump_clock: MockClock) -> None:
    scene = Scene(-1, 1)
    assert (await scene.run())[0] is None
    assert len(scene.entered) == 1


async def test_without_a_second_the_first_runs_on(autojump_clock: MockClock) -> None:
    scene = Scene(60, 1, spare=None)
    second, ended = await scene.run()
    assert (second, [who for who, _ in ended], trio.current_time()) == (None, [A], 60.0)


async def test_whoever_cancels_the_race_cancels_both(autojump_clock: MockClock) -> None:
    scene = Scene(60, 60)
    with trio.move_on_after(9):
        await scene.run()
    assert (sorted(scene.cut), trio.current_time()) == (["a", "b"], 9.0)


async def test_what_has_ended_is_told_when_the_race_is_cut(autojump_clock: MockClock) -> None:
    scene, ended = Scene(-6, 60), Ended()
    with trio.move_on_after(10):
        await race(scene.attempt, A, 5, lambda: B, ended)
    assert [who for who, _ in ended] == [A]
