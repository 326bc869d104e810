"""A queue against a plain list."""

from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.limiter import queue as module
from callboard.actors.limiter.queue import Queue, Waiting
from callboard.messages.limiting import Reserve

WISH = Reserve(model="m", tokens=0, priority="normal", deadline=0)


def waiting(number: int, time: int) -> Waiting:
    return Waiting(number, WISH, time, (time, number))


@given(st.lists(st.one_of(st.tuples(st.just("add"), st.integers(0, 9)), st.tuples(st.just("go"), st.integers(0, 9)))))
def test_the_first_is_always_the_living_one_with_the_earliest_place(program: list[tuple[str, int]]) -> None:
    queue, plain = Queue(), list[Waiting]()
    with patch.object(module, "COMPACT_AT", 1):
        for number, (what, argument) in enumerate(program):
            if what == "add":
                plain.append(waiting(number, argument))
                queue.add(plain[-1])
            elif plain:
                queue.remove(plain.pop(argument % len(plain)))
            assert bool(queue) is bool(plain)
            assert sorted(one.id for one in queue.all()) == sorted(one.id for one in plain)
            if plain:
                assert queue.first is min(plain, key=lambda one: one.place)


def test_those_who_have_left_never_outnumber_those_who_wait_by_much() -> None:
    queue, everybody = Queue(), [waiting(number, number) for number in range(1_000)]
    for one in everybody:
        queue.add(one)
    for one in everybody[1:]:
        queue.remove(one)
    assert len(queue._heap) < 100
    assert queue.all() == [queue.first] == [everybody[0]]
