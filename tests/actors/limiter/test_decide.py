import msgspec
import pytest

from callboard.actors.limiter import line
from callboard.actors.limiter.blocks import Block
from callboard.actors.limiter.decide import MODELS, Limiter, Settled
from callboard.actors.limiter.held import HOLD
from callboard.actors.limiter.limits import DAY, Limits, LimitSpec
from callboard.actors.limiter.pace import STEP
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.limiting import Hasten, Permit, Reserve, Settle, SlowDown
from callboard.messages.priority import Priority

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
LATER = 10**9 * SECOND


def wish(
    tokens: int = 10, *, priority: Priority = "normal", model: str = "m", within: int = LATER, now: int = 0
) -> Reserve:
    return Reserve(model=model, tokens=tokens, priority=priority, deadline=now + within)


def limiter(*, rpm: int | None = None, tpm: int | None = None, concurrency: int = 512, incarnation: int = 1) -> Limiter:
    return Limiter(LimitSpec(requests_per_minute=rpm, tokens_per_minute=tpm, concurrency=concurrency), incarnation)


def block(one: Limiter, model: str | None, until: int | None, *, quota: bool, why: str, now: int) -> list[Settled]:
    """Without slowing: what was refused had been let through long ago."""
    return one.slow_down(SlowDown(model=model, until=until, quota=quota, why=why), now)


def granted(settled: list[Settled]) -> list[int]:
    return [asker for asker, what in settled if isinstance(what, Permit)]


def permit(settled: list[Settled]) -> Permit:
    ((_, what),) = settled
    assert isinstance(what, Permit)
    return what


def fault(settled: list[Settled]) -> Fault:
    ((_, what),) = settled
    assert isinstance(what, Fault)
    return what


def named(asker: int, priority: Priority = "normal") -> Reserve:
    return msgspec.structs.replace(wish(priority=priority), attempt=f"attempt {asker}")


def served(one: Limiter, held: Permit, count: int, now: int) -> list[int]:
    """Who goes next, and next, each when the one before it has ended."""
    order = []
    for _ in range(count):
        [(asker, following)] = one.settle(Settle(held, None), now)
        order.append(asker)
        assert isinstance(following, Permit)
        held = following
    return order


def test_whoever_is_hastened_stands_where_it_would_had_it_come_as_urgent() -> None:
    one = limiter(concurrency=1)
    held = permit(one.reserve(1, wish(), 0))
    urgencies: list[Priority] = ["critical", "background", "critical", "normal"]
    for asker, priority in enumerate(urgencies, 2):
        assert one.reserve(asker, named(asker, priority), asker) == []
    assert one.hasten(Hasten("attempt 3", "critical"), 9) == []
    assert one.hasten(Hasten("unknown", "critical"), 9) == []
    assert served(one, held, 4, 9) == [2, 3, 4, 5]


def test_whoever_is_told_the_priority_it_has_keeps_its_place() -> None:
    one = limiter(concurrency=1)
    held = permit(one.reserve(1, wish(), 0))
    for asker in (2, 3):
        assert one.reserve(asker, named(asker), 0) == []
    assert one.hasten(Hasten("attempt 2", "normal"), 5) == []
    assert served(one, held, 2, 5) == [2, 3]


def test_whoever_is_hastened_before_it_comes_is_as_urgent_as_was_said_last() -> None:
    one = limiter(concurrency=1)
    held = permit(one.reserve(1, wish(), 0))
    for priority in ("background", "critical"):
        assert one.hasten(Hasten("attempt 3", priority), 0) == []
    for asker in (2, 3, 4):
        assert one.reserve(asker, named(asker, "normal"), 0) == []
    assert served(one, held, 3, 0) == [3, 2, 4]


def test_of_those_hastened_who_never_come_the_latest_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "EARLY", 2)
    one = limiter(concurrency=1)
    held = permit(one.reserve(1, wish(), 0))
    for asker in (2, 3, 4):
        assert one.hasten(Hasten(f"attempt {asker}", "critical"), 0) == []
    for asker in (2, 3, 4):
        assert one.reserve(asker, named(asker, "normal"), 0) == []
    assert served(one, held, 3, 0) == [3, 4, 2]


def test_whoever_was_urgent_for_a_while_has_lost_nothing_by_it() -> None:
    one = limiter(concurrency=1)
    held = permit(one.reserve(1, wish(), 0))
    assert one.reserve(2, named(2, "background"), 0) == []
    for second in range(1, 21):
        one.reserve(2 + second, wish(), second * SECOND)
        one.hasten(Hasten("attempt 2", "normal" if second % 2 else "background"), second * SECOND)
    assert served(one, held, 11, 20 * SECOND)[9:] == [12, 2], "10 s behind the normal ones, as it came"


def test_whoever_is_hastened_past_the_first_goes_at_once_when_there_is_room() -> None:
    one = limiter(tpm=100)
    assert granted(one.reserve(1, wish(50), 0)) == [1]
    assert one.reserve(2, wish(80), 0) == []
    assert one.reserve(3, named(3, "background"), 0) == []
    assert granted(one.hasten(Hasten("attempt 3", "critical"), 0)) == [3]


def test_all_limits_have_room_or_nothing_is_taken() -> None:
    one = limiter(rpm=60, tpm=100, concurrency=2)
    assert granted(one.reserve(1, wish(80), 0)) == [1]
    assert one.reserve(2, wish(80), 0) == []  # requests and concurrency have room, tokens have none
    assert one.left(2, 0) == []
    assert granted(one.reserve(3, wish(20), 0)) == [3]  # so nothing was taken from the others
    assert one.reserve(4, wish(0), 0) == []
    assert one.facts(0)["in_flight"] == 2


def test_the_next_in_line_waits_for_its_own_size_and_nobody_smaller_slips_past() -> None:
    one = limiter(tpm=100)
    assert granted(one.reserve(1, wish(90), 0)) == [1]
    assert one.reserve(2, wish(50), 0) == []
    assert one.reserve(3, wish(10), 0) == []
    assert one.wake_at(0) == MINUTE
    assert one.grant(MINUTE - 1) == []
    assert granted(one.grant(MINUTE)) == [2, 3]


def test_the_more_urgent_go_first_and_within_one_priority_the_first() -> None:
    one = limiter(concurrency=1)
    first = permit(one.reserve(1, wish(), 0))
    order: list[Priority] = ["background", "normal", "critical", "normal", "critical", "background"]
    for asker, priority in enumerate(order, 2):
        assert one.reserve(asker, wish(priority=priority), 0) == []
    went = []
    for _ in order:
        settled = one.settle(Settle(first, 0), 0)
        went += granted(settled)
        first = permit(settled)
    assert went == [4, 6, 3, 5, 2, 7]


def test_the_first_goes_first_whatever_its_model() -> None:
    one = limiter(concurrency=1)
    held = permit(one.reserve(1, wish(), 0))
    for asker, model in enumerate("abacb", 2):
        assert one.reserve(asker, wish(model=model), 0) == []
    went = []
    for _ in range(5):
        settled = one.settle(Settle(held, 0), 0)
        went += granted(settled)
        held = permit(settled)
    assert went == [2, 3, 4, 5, 6]


def test_a_waiter_who_leaves_lets_the_next_one_go() -> None:
    one = limiter(tpm=100)
    one.reserve(1, wish(50), 0)
    one.reserve(2, wish(80), 0)
    assert one.reserve(3, wish(50), 0) == []
    assert granted(one.left(2, 0)) == [3]
    assert one.left(2, 0) == []
    assert one.facts(0)["waiting"] == 0


@pytest.mark.parametrize(
    ("deadline", "room_by"), [(MINUTE, None), (2 * MINUTE, MINUTE), (MINUTE, 2 * MINUTE), (LATER, 0)]
)
def test_who_can_have_no_room_in_time_is_refused_at_once(deadline: int, room_by: int | None) -> None:
    one = limiter(rpm=1)
    one.reserve(1, wish(), 0)
    late = msgspec.structs.replace(wish(), deadline=deadline, room_by=room_by)
    assert fault(one.reserve(2, late, 0)).kind is FaultKind.RATE_LIMITED
    just = msgspec.structs.replace(late, deadline=deadline + 1, room_by=MINUTE + 1)
    assert one.reserve(3, just, 0) == []


def test_who_waits_already_waits_for_others_who_are_more_patient() -> None:
    one = limiter(concurrency=1)
    one.reserve(1, wish(), 0)
    assert one.reserve(2, msgspec.structs.replace(wish(within=MINUTE), room_by=SECOND), 0) == []
    assert block(one, "m", 30 * SECOND, quota=False, why="429", now=0) == []
    assert fault(block(one, "m", MINUTE, quota=False, why="429", now=0)).kind is FaultKind.RATE_LIMITED


def test_a_permit_that_was_not_needed_gives_everything_back() -> None:
    one = limiter(rpm=1, tpm=100, concurrency=1)
    first = permit(one.reserve(1, wish(100), 0))
    assert one.reserve(2, wish(100), 0) == []
    assert granted(one.settle(Settle(first, None), 0)) == [2]


def test_tokens_that_were_not_used_come_back() -> None:
    one = limiter(tpm=100)
    first = permit(one.reserve(1, wish(100), 0))
    assert granted(one.settle(Settle(first, 40), 0)) == []
    assert granted(one.reserve(2, wish(60), 0)) == [2]
    assert one.reserve(3, wish(1), 0) == []


def test_tokens_used_beyond_the_estimate_are_a_debt() -> None:
    one = limiter(tpm=60)
    first = permit(one.reserve(1, wish(10), 0))
    one.settle(Settle(first, 90), 10 * SECOND)
    assert one.reserve(2, wish(0), 10 * SECOND) == []
    assert one.wake_at(10 * SECOND) == 70 * SECOND


def test_a_permit_of_a_former_life_is_ignored() -> None:
    old = permit(limiter(concurrency=1).reserve(1, wish(), 0))
    one = limiter(concurrency=1, incarnation=2)
    new = permit(one.reserve(1, wish(), 0))
    assert old.id == new.id
    assert one.reserve(2, wish(), 0) == []
    assert one.settle(Settle(old, 0), 0) == []
    assert granted(one.settle(Settle(new, 0), 0)) == [2]


def test_a_permit_is_settled_once() -> None:
    one = limiter(concurrency=1)
    first = permit(one.reserve(1, wish(), 0))
    one.reserve(2, wish(), 0)
    one.reserve(3, wish(), 0)
    assert granted(one.settle(Settle(first, 0), 0)) == [2]
    assert one.settle(Settle(first, 0), 0) == []


def test_retry_after_holds_for_all_who_wait_and_all_who_come() -> None:
    one = limiter(concurrency=1)
    first = permit(one.reserve(1, wish(), 0))
    one.reserve(2, wish(), 0)
    assert block(one, "m", 10 * SECOND, quota=False, why="429", now=0) == []
    assert one.settle(Settle(first, 0), SECOND) == []
    assert one.reserve(3, wish(), SECOND) == []
    assert one.wake_at(SECOND) == 10 * SECOND
    assert one.grant(10 * SECOND - 1) == []
    assert granted(one.grant(10 * SECOND)) == [2]


def test_a_paused_model_does_not_hold_up_the_others() -> None:
    one = limiter()
    block(one, "slow", 10 * SECOND, quota=False, why="429", now=0)
    assert one.reserve(1, wish(model="slow", priority="critical"), 0) == []
    assert granted(one.reserve(2, wish(model="fast", priority="background"), 0)) == [2]
    assert one.wake_at(0) == 10 * SECOND
    assert granted(one.grant(10 * SECOND)) == [1]


def test_when_the_next_in_line_is_paused_those_behind_go_at_once() -> None:
    one = limiter(tpm=100)
    one.reserve(1, wish(40), 0)
    assert one.reserve(2, wish(70, model="slow"), 0) == []
    assert one.reserve(3, wish(5, model="fast"), 0) == []
    assert granted(block(one, "slow", 10 * SECOND, quota=False, why="429", now=0)) == [3]


def test_a_paused_account_holds_up_every_model() -> None:
    one = limiter()
    block(one, None, 10 * SECOND, quota=False, why="429", now=0)
    assert one.reserve(1, wish(model="a"), 0) == []
    assert one.reserve(2, wish(model="b"), 0) == []
    assert one.wake_at(0) == 10 * SECOND
    assert granted(one.grant(10 * SECOND)) == [1, 2]


@pytest.mark.parametrize("quota", [False, True])
def test_a_block_is_never_shortened(quota: bool) -> None:
    one = limiter()
    block(one, "m", 20 * SECOND, quota=quota, why="long", now=0)
    block(one, "m", 5 * SECOND, quota=quota, why="short", now=0)
    settled = one.reserve(1, wish(within=10 * SECOND), 0)
    assert fault(settled).retry_after == 20
    assert one.facts(0)["blocked"] == {"m": "long, for 20 s"}


def test_a_quota_without_a_reset_is_not_shortened_by_one_with() -> None:
    one = limiter()
    block(one, "m", None, quota=True, why="spend limit", now=0)
    block(one, "m", 5 * SECOND, quota=True, why="quota", now=0)
    assert fault(one.reserve(1, wish(), MINUTE)).retry_after is None


def test_a_pause_that_has_passed_makes_way_for_a_shorter_one() -> None:
    one = limiter()
    block(one, "m", 20 * SECOND, quota=False, why="first", now=0)
    block(one, "m", 25 * SECOND, quota=False, why="second", now=21 * SECOND)
    assert one.reserve(1, wish(now=21 * SECOND), 21 * SECOND) == []
    assert one.wake_at(21 * SECOND) == 25 * SECOND


def test_a_used_up_quota_is_refused_at_once_with_its_reset() -> None:
    one = limiter(concurrency=1)
    one.reserve(1, wish(), 0)
    one.reserve(2, wish(), 0)
    told = fault(block(one, "m", MINUTE, quota=True, why="quota_exhausted", now=0))
    assert (told.kind, told.retry_after, told.model) == (FaultKind.QUOTA_EXHAUSTED, 60, "m")
    assert fault(one.reserve(3, wish(), 20 * SECOND)).retry_after == 40
    assert one.facts(0)["blocked"] == {"m": "quota_exhausted, for 60 s"}
    assert one.facts(MINUTE)["blocked"] == {}


def test_after_its_reset_a_quota_is_forgotten() -> None:
    one = limiter()
    block(one, "m", MINUTE, quota=True, why="quota", now=0)
    assert granted(one.reserve(1, wish(), MINUTE)) == [1]


def test_a_quota_of_one_model_leaves_the_others_alone() -> None:
    one = limiter()
    block(one, "m", None, quota=True, why="quota", now=0)
    assert granted(one.reserve(1, wish(model="other"), 0)) == [1]
    block(one, None, None, quota=True, why="spend limit", now=0)
    assert fault(one.reserve(2, wish(model="other"), 0)).kind is FaultKind.QUOTA_EXHAUSTED


def test_a_longer_pause_does_not_hide_a_quota() -> None:
    one = limiter()
    block(one, "m", MINUTE, quota=False, why="rate", now=0)
    block(one, "m", 30 * SECOND, quota=True, why="quota", now=0)
    assert fault(one.reserve(1, wish(), 0)).kind is FaultKind.QUOTA_EXHAUSTED
    assert one.reserve(2, wish(now=30 * SECOND), 30 * SECOND) == []
    assert one.wake_at(30 * SECOND) == MINUTE


def test_an_operator_lifts_every_block() -> None:
    one = limiter()
    block(one, "a", LATER, quota=False, why="rate", now=0)
    block(one, None, None, quota=True, why="quota", now=0)
    assert one.unblock(0) == []
    block(one, "a", SECOND, quota=False, why="rate", now=0)
    assert one.reserve(1, wish(model="a"), 0) == []
    assert granted(one.unblock(0)) == [1]


def test_a_wait_that_cannot_end_before_its_deadline_fails_at_once_with_the_earliest_time() -> None:
    one = limiter(rpm=1)
    one.reserve(1, wish(), 0)
    told = fault(one.reserve(2, wish(within=59 * SECOND), 0))
    assert (told.kind, told.retry_after) == (FaultKind.RATE_LIMITED, 60)
    assert fault(one.reserve(3, wish(within=60 * SECOND), 0)).retry_after == 60
    assert one.reserve(4, wish(within=61 * SECOND), 0) == []


def test_a_pause_beyond_the_deadline_of_those_who_wait_is_told_them_at_once() -> None:
    one = limiter(concurrency=1)
    one.reserve(1, wish(), 0)
    one.reserve(2, wish(within=5 * SECOND), 0)
    one.reserve(3, wish(within=15 * SECOND), 0)
    settled = block(one, "m", 10 * SECOND, quota=False, why="429", now=0)
    assert [asker for asker, _ in settled] == [2]
    assert fault(settled).retry_after == 10
    assert one.facts(0)["denied"] == 1


def test_whoever_can_go_now_is_not_refused_for_a_deadline_of_now() -> None:
    assert granted(limiter().reserve(1, wish(within=0), 0)) == [1]


def test_a_permit_that_is_never_settled_is_taken_back_some_time() -> None:
    one = limiter(concurrency=1)
    lost = permit(one.reserve(1, wish(), 0))
    one.reserve(2, wish(), MINUTE)
    assert one.wake_at(MINUTE) == HOLD
    assert one.grant(HOLD - 1) == []
    assert granted(one.grant(HOLD)) == [2]
    assert one.settle(Settle(lost, None), HOLD) == []
    assert one.facts(HOLD)["in_flight"] == 1


def test_a_long_call_keeps_its_place_in_the_concurrency() -> None:
    one = limiter(concurrency=1)
    one.reserve(1, wish(within=30 * SECOND), 0)
    now = 600 * SECOND
    assert one.reserve(2, wish(now=now), now) == []


def test_with_nobody_waiting_there_is_nothing_to_wake_up_for() -> None:
    one = limiter(rpm=1)
    one.reserve(1, wish(), 0)
    assert one.wake_at(0) is None


def test_a_pause_without_an_end_is_refused() -> None:
    with pytest.raises(ValueError, match="until"):
        Block(None, quota=False, why="rate")


def test_thousands_who_leave_cost_no_more_than_those_who_stay() -> None:
    one = limiter(concurrency=1)
    one.reserve(0, wish(), 0)
    for asker in range(1, 20_001):
        one.reserve(asker, wish(), 0)
    for asker in range(20_000, 1, -1):  # the last first: the worst case of a queue that has to be searched
        one.left(asker, 0)
    assert one.facts(0)["waiting"] == 1


def test_a_request_larger_than_a_limit_is_refused_with_the_limit() -> None:
    told = fault(limiter(tpm=100).reserve(1, wish(663), 0))
    assert (told.kind, told.retry_after) == (FaultKind.UNSUPPORTED, None)
    assert "663 tokens, which tokens_per_minute = 100" in told.message


def test_limits_of_a_model_hold_it_up_and_nobody_else() -> None:
    own = Limits(requests_per_minute=1, tokens_per_minute=50, concurrency=1)
    one = Limiter(LimitSpec(requests_per_minute=3, models={"m": own}), 1)
    first = permit(one.reserve(1, wish(), 0))
    assert one.reserve(2, wish(priority="critical"), 0) == []
    assert granted(one.reserve(3, wish(model="other"), 0)) == [3]
    assert one.settle(Settle(first, 0), 0) == []
    assert fault(one.reserve(4, wish(60), 0)).kind is FaultKind.UNSUPPORTED
    assert granted(one.grant(MINUTE)) == [2]


def test_limits_of_model_and_account_have_room_or_nothing_is_taken() -> None:
    one = Limiter(LimitSpec(tokens_per_minute=100, models={"m": Limits(requests_per_minute=2)}), 1)
    one.reserve(1, wish(100, model="other"), 0)
    assert one.reserve(2, wish(), 0) == []
    assert one.facts(0)["models"] == {"m": {"requests_per_minute": {"used": 0, "limit": 2}}}


def test_a_day_is_counted_besides_the_minute() -> None:
    one = Limiter(LimitSpec(requests_per_minute=2, requests_per_day=3), 1)
    assert [len(granted(one.reserve(asker, wish(), asker * MINUTE))) for asker in range(4)] == [1, 1, 1, 0]
    assert one.wake_at(3 * MINUTE) == 60 * 60 * SECOND  # a look for permits that nobody has settled
    assert granted(one.grant(DAY - 1)) == []
    assert granted(one.grant(DAY + 2 * MINUTE)) == [3]


def test_whoever_has_waited_an_ageing_goes_before_the_more_urgent_who_come_now() -> None:
    one = Limiter(LimitSpec(concurrency=1, ageing=10 * SECOND), 1)
    held = permit(one.reserve(1, wish(), 0))
    one.reserve(2, wish(priority="background"), 0)
    one.reserve(3, wish(priority="normal"), 9 * SECOND)
    one.reserve(4, wish(priority="normal"), 11 * SECOND)
    one.reserve(5, wish(priority="critical"), 19 * SECOND)
    one.reserve(6, wish(priority="critical"), 21 * SECOND)
    order = []
    for _ in range(5):
        settled = one.settle(Settle(held, 0), 21 * SECOND)
        order += granted(settled)
        held = permit(settled)
    assert order == [3, 5, 2, 4, 6]


def test_a_429_halves_the_limits_of_the_minute_and_they_come_back_step_by_step() -> None:
    one = limiter(rpm=16)
    first = permit(one.reserve(0, wish(), 0))
    one.slow_down(SlowDown(model="m", until=None, quota=False, why="429", permit=first), 0)
    assert [len(granted(one.reserve(asker, wish(), 0))) for asker in range(1, 9)] == [1] * 7 + [0]
    assert one.wake_at(0) == STEP
    assert granted(one.grant(STEP)) == [8]
    assert one.reserve(9, wish(), STEP) == []
    assert one.facts(STEP)["limits"] == {"requests_per_minute": {"used": 9, "limit": 16}, "pace": "56%"}
    assert granted(one.grant(8 * STEP)) == [9]
    assert one.facts(8 * STEP)["limits"] == {"requests_per_minute": {"used": 10, "limit": 16}}


def test_where_no_limit_is_known_a_429_halves_what_may_be_in_flight() -> None:
    one = limiter()
    permits = [permit(one.reserve(asker, wish(), 0)) for asker in range(8)]
    one.slow_down(SlowDown(model="m", until=None, quota=False, why="429", permit=permits[0]), SECOND)
    assert one.reserve(8, wish(), SECOND) == []
    assert granted(one.reserve(9, wish(model="other"), SECOND)) == [9]
    for ended in permits[:4]:
        assert one.settle(Settle(ended, 0), SECOND) == []
    assert granted(one.settle(Settle(permits[4], 0), SECOND)) == [8]
    assert one.reserve(10, wish(), SECOND) == []
    assert one.wake_at(SECOND) == SECOND + STEP
    assert granted(one.grant(SECOND + STEP)) == [10]


def test_those_in_flight_when_it_was_slowed_do_not_slow_it_again() -> None:
    one = limiter(rpm=16)
    old = [permit(one.reserve(asker, wish(), 0)) for asker in range(2)]
    for refused in old:
        one.slow_down(SlowDown(model="m", until=None, quota=False, why="429", permit=refused), SECOND)
    assert one.facts(SECOND)["limits"]["pace"] == "50%"  # type: ignore[index]
    new = permit(one.reserve(2, wish(), SECOND))
    one.slow_down(SlowDown(model="m", until=None, quota=False, why="429", permit=new), 2 * SECOND)
    assert one.facts(2 * SECOND)["limits"]["pace"] == "25%"  # type: ignore[index]


def test_nobody_gets_the_place_of_a_refused_request_before_its_retry_after() -> None:
    one = limiter(concurrency=1)
    first = permit(one.reserve(1, wish(), 0))
    one.reserve(2, wish(), 0)
    one.slow_down(SlowDown(model="m", until=30 * SECOND, quota=False, why="429", permit=first), SECOND)
    assert one.settle(Settle(first, 0), SECOND) == []
    assert granted(one.grant(30 * SECOND)) == [2]


def test_models_that_nobody_uses_any_more_are_forgotten() -> None:
    one = limiter()
    for number in range(3 * MODELS):
        one.settle(Settle(permit(one.reserve(number, wish(model=f"m{number}"), 0)), 0), 0)
    assert len(one.gates()) <= MODELS + 1


def test_whoever_overtakes_nobody_goes_while_others_wait_for_a_model_of_their_own() -> None:
    own = Limits(concurrency=1)
    one = Limiter(LimitSpec(concurrency=3, models={"m": own}), 1)
    first = permit(one.reserve(1, wish(), 0))
    assert one.reserve(2, wish(), 0) == []
    other = one.at_once(wish(model="other"), 1)
    assert isinstance(other, Permit)
    assert one.at_once(wish(), 1) is None
    assert one.settle(Settle(other, 0), 2) == []
    assert granted(one.settle(Settle(first, 0), 3)) == [2]


def test_whoever_comes_overtakes_nobody_whose_pause_has_just_ended() -> None:
    one = limiter(concurrency=1)
    block(one, "m", 10 * SECOND, quota=False, why="429", now=0)
    assert one.reserve(1, wish(), 0) == []
    assert one.at_once(wish(model="other"), 10 * SECOND) is None
    assert granted(one.reserve(2, wish(model="other"), 10 * SECOND)) == [1]
