import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.cache.fills import Fills, Terms
from callboard.actors.cache.waiters import Waiter
from callboard.messages.calls import Attempt, Payer
from callboard.messages.chat import user
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.request import Request

ATTEMPT = Attempt(id="a-1", call="a", request=Request(model="m", messages=(user("hi"),)), model="m")


def waiter(id_: int, deadline: int = 100, priority: int = 1) -> Waiter:
    attempt = msgspec.structs.replace(ATTEMPT, id=f"{id_}-1", call=str(id_))
    return Waiter(id_, deadline, priority, attempt)


def join(fills: Fills, key: bytes, id_: int, deadline: int = 100) -> bool:
    return fills.join(key, waiter(id_, deadline), "p")[1]


def test_only_the_first_who_asks_starts_a_fill() -> None:
    fills = Fills()
    assert [join(fills, b"k", 1), join(fills, b"k", 2), join(fills, b"other", 3)] == [True, False, True]
    assert len(fills) == 2


def test_the_deadline_is_the_latest_of_those_who_wait() -> None:
    fills = Fills()
    for id_, deadline in enumerate((50, 90, 70)):
        filling, _ = fills.join(b"k", waiter(id_, deadline), "p")
    assert filling.deadline == 90
    fills.leave(1)
    assert filling.deadline == 70


@pytest.mark.parametrize("patience", [(50, 90), (90, 50), (90, 90)])
def test_an_attempt_is_wanted_until_the_most_patient_of_those_who_were_there_leaves(patience: tuple[int, int]) -> None:
    fills = Fills()
    for id_, deadline in enumerate(patience):
        one = waiter(id_, deadline)
        attempt = msgspec.structs.replace(one.attempt, until=deadline)
        filling, _ = fills.join(b"k", msgspec.structs.replace(one, attempt=attempt), "p")
    assert filling.begin()[0] == msgspec.structs.replace(ATTEMPT, id="0-1", call="0", until=90)


def test_when_the_leader_leaves_the_next_one_leads() -> None:
    fills = Fills()
    for id_ in (1, 2, 3):
        filling, _ = fills.join(b"k", waiter(id_), "p")
    assert fills.leave(1) is filling
    assert fills.end(b"k", filling.number) is filling
    assert [one.id for one in filling.waiters] == [2, 3]


def test_the_terms_are_those_of_the_first_and_the_most_urgent_who_wait() -> None:
    fills = Fills()
    filling, _ = fills.join(b"k", waiter(1, priority=2), "p")
    assert filling.changed() is None, "nobody was told anything yet"
    attempt, priority = filling.begin()
    assert (attempt.id, priority) == ("1-1", 2)
    fills.join(b"k", waiter(2, priority=0), "p")
    assert filling.changed() == Terms(Payer("1", None, None), 0)
    fills.leave(1)
    assert filling.changed() == Terms(Payer("2", None, None), 0)
    assert filling.changed() is None, "that was told"
    assert filling.lane == 2


@pytest.mark.parametrize("opener_stays", [True, False])
def test_a_fault_of_a_callers_own_is_the_openers_and_of_those_out_of_time(opener_stays: bool) -> None:
    fills = Fills()
    filling, _ = fills.join(b"k", waiter(1), "p")
    filling.begin()
    for id_, deadline in ((2, 100), (3, 50), (4, 100)):
        fills.join(b"k", waiter(id_, deadline), "p")
    if not opener_stays:
        fills.leave(1)
    ended, others = filling.concerned(Fault(kind=FaultKind.DEADLINE, message=""), 50)
    assert [one.id for one in ended] == ([1, 3] if opener_stays else [3])
    assert [one.id for one in others] == [2, 4]


@pytest.mark.parametrize("fault", [None, Fault(kind=FaultKind.SERVER, message="")])
def test_an_answer_and_a_fault_of_the_providers_are_everyones(fault: Fault | None) -> None:
    fills = Fills()
    for id_ in (1, 2):
        filling, _ = fills.join(b"k", waiter(id_), "p")
    ended, others = filling.concerned(fault, 10**9)
    assert ([one.id for one in ended], others) == ([1, 2], [])


def test_when_the_last_one_leaves_the_fill_is_over() -> None:
    fills = Fills()
    filling, _ = fills.join(b"k", waiter(1), "p")
    assert fills.leave(1) is filling
    assert (len(filling.waiters), len(fills)) == (0, 0)
    assert fills.end(b"k", filling.number) is None


def test_whoever_comes_after_a_fill_was_given_up_starts_another() -> None:
    fills = Fills()
    join(fills, b"k", 1)
    given_up = fills.leave(1)
    assert given_up is not None
    assert join(fills, b"k", 2)
    assert fills.end(b"k", given_up.number) is None
    assert len(fills) == 1


def test_leaving_twice_or_without_having_come_changes_nothing() -> None:
    fills = Fills()
    join(fills, b"k", 1)
    assert fills.leave(9) is None
    fills.leave(1)
    assert fills.leave(1) is None


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("join"), st.sampled_from([b"a", b"b"])),
            st.tuples(st.just("leave"), st.integers(0, 9)),
            st.tuples(st.just("end"), st.sampled_from([b"a", b"b"])),
        ),
        min_size=10,
        max_size=40,
    )
)
def test_everybody_who_came_has_left_or_was_answered_once(program: list[tuple[str, object]]) -> None:
    fills, number = Fills(), 0
    underway: dict[bytes, tuple[int, list[int]]] = {}
    for name, what in program:
        if name == "join" and isinstance(what, bytes):
            number += 1
            filling, new = fills.join(what, waiter(number), "p")
            assert new == (what not in underway)
            underway.setdefault(what, (filling.number, []))[1].append(number)
        elif name == "end" and isinstance(what, bytes) and what in underway:
            fill, waiters = underway.pop(what)
            ended = fills.end(what, fill)
            assert ended is not None
            assert [one.id for one in ended.waiters] == waiters
        elif name == "leave" and isinstance(what, int) and underway:
            key, (fill, waiters) = list(underway.items())[what % len(underway)]
            left = fills.leave(waiters.pop(what % len(waiters)))
            assert left is not None
            assert (left.number, [one.id for one in left.waiters]) == (fill, waiters)
            if not waiters:
                del underway[key]
        assert len(fills) == len(underway)
