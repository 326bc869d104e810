from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.cache.fills import Fills, Waiter
from callboard.messages.calls import Attempt
from callboard.messages.chat import user
from callboard.messages.request import Request

ATTEMPT = Attempt(id="a-1", call="a", request=Request(model="m", messages=(user("hi"),)), model="m")


def join(fills: Fills, key: bytes, waiter: int, deadline: int = 100) -> bool:
    return fills.join(key, Waiter(waiter, deadline), "p", ATTEMPT)[1]


def test_only_the_first_who_asks_starts_a_fill() -> None:
    fills = Fills()
    assert [join(fills, b"k", 1), join(fills, b"k", 2), join(fills, b"other", 3)] == [True, False, True]
    assert len(fills) == 2


def test_the_deadline_is_the_latest_of_those_who_wait() -> None:
    fills = Fills()
    for waiter, deadline in enumerate((50, 90, 70)):
        filling, _ = fills.join(b"k", Waiter(waiter, deadline), "p", ATTEMPT)
    assert filling.deadline == 90
    fills.leave(1)
    assert filling.deadline == 70


def test_when_the_leader_leaves_the_next_one_leads() -> None:
    fills = Fills()
    for waiter in (1, 2, 3):
        filling, _ = fills.join(b"k", Waiter(waiter, 100), "p", ATTEMPT)
    assert fills.leave(1) is None
    assert [waiter.id for waiter in fills.end(b"k", filling.number)] == [2, 3]


def test_when_the_last_one_leaves_the_fill_is_over() -> None:
    fills = Fills()
    filling, _ = fills.join(b"k", Waiter(1, 100), "p", ATTEMPT)
    assert fills.leave(1) is filling
    assert len(fills) == 0
    assert fills.end(b"k", filling.number) == []


def test_whoever_comes_after_a_fill_was_given_up_starts_another() -> None:
    fills = Fills()
    join(fills, b"k", 1)
    given_up = fills.leave(1)
    assert given_up is not None
    assert join(fills, b"k", 2)
    assert fills.end(b"k", given_up.number) == []
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
            filling, new = fills.join(what, Waiter(number, 1), "p", ATTEMPT)
            assert new == (what not in underway)
            underway.setdefault(what, (filling.number, []))[1].append(number)
        elif name == "end" and isinstance(what, bytes) and what in underway:
            fill, waiters = underway.pop(what)
            assert [waiter.id for waiter in fills.end(what, fill)] == waiters
        elif name == "leave" and isinstance(what, int) and underway:
            key, (fill, waiters) = list(underway.items())[what % len(underway)]
            ended = fills.leave(waiters.pop(what % len(waiters)))
            assert (None if ended is None else ended.number) == (None if waiters else fill)
            if not waiters:
                del underway[key]
        assert len(fills) == len(underway)
