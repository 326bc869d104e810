import random
from collections import deque

import pytest

from callboard.actors.transport.pool import Given, Pool, Taken

Plain = Pool[str, str]


def filled(*names: str, until: int = 10, max_connections: int = 9, max_idle: int = 9) -> Plain:
    """A pool with these connections to `o` idle, the last one youngest."""
    pool = Plain(max_connections=max_connections, max_idle=max_idle)
    for _ in names:
        pool.take("o", 0)
    for name in names:
        pool.give_back("o", name, until)
    return pool


def test_the_connection_used_last_is_taken_first() -> None:
    pool = filled("a", "b", "c")
    assert [pool.take("o", 0).connection for _ in range(4)] == ["c", "b", "a", None]


def test_a_connection_serves_its_own_origin_only() -> None:
    pool = filled("a")
    assert pool.take("other", 0) == Taken(True, None, ())
    assert pool.take("o", 0) == Taken(True, "a", ())


def test_what_has_idled_too_long_is_handed_out_for_closing_and_never_reused() -> None:
    pool = filled("a", "b")
    assert pool.take("o", 10) == Taken(True, None, ("a", "b"))
    assert repr(pool) == "Pool(1 busy, 0 idle, 0 waiting)"


def test_a_connection_that_may_idle_less_than_an_older_one_is_not_reused_either() -> None:
    pool = filled("old", until=100)
    pool.take("other", 0)
    pool.give_back("o", "short", 5)
    assert pool.take("o", 6) == Taken(True, "old", ("short",))


def test_without_a_free_slot_the_longest_idle_of_another_origin_makes_room() -> None:
    pool = filled("a", "b", max_connections=2)
    assert pool.take("other", 0) == Taken(True, None, ("a",))


def test_without_a_free_slot_a_request_waits_and_is_served_in_order() -> None:
    pool = Plain(max_connections=1, max_idle=1)
    pool.take("o", 0)
    assert pool.take("o", 0) == Taken(False, None, ())
    pool.wait("o", "first")
    pool.wait("o", "second")
    assert pool.give_back("o", "a", 10) == Given("first", "a", ())
    assert pool.give_back("o", None, 0) == Given("second", None, ())
    assert pool.give_back("o", "b", 10) == Given(None, None, ())
    assert repr(pool) == "Pool(0 busy, 1 idle, 0 waiting)"


def test_a_waiter_for_another_origin_gets_the_slot_and_the_connection_is_closed() -> None:
    pool = Plain(max_connections=1, max_idle=1)
    pool.take("o", 0)
    pool.wait("other", "w")
    assert pool.give_back("o", "a", 10) == Given("w", None, ("a",))


def test_a_waiter_that_left_is_passed_over() -> None:
    pool = Plain(max_connections=1, max_idle=1)
    pool.take("o", 0)
    pool.wait("o", "left")
    pool.wait("o", "stays")
    pool.forget("left")
    assert pool.give_back("o", "a", 10).waiter == "stays"


@pytest.mark.parametrize(("max_idle", "closed"), [(0, ("c",)), (2, ("a",))])
def test_no_more_than_max_idle_are_kept_and_the_longest_idle_goes(max_idle: int, closed: tuple[str, ...]) -> None:
    pool = Plain(max_connections=9, max_idle=max_idle)
    for _ in range(3):
        pool.take("o", 0)
    for name in "ab":
        pool.give_back("o", name, 10)
    assert pool.give_back("o", "c", 10) == Given(None, None, closed)


def test_warming_up_takes_only_free_slots_and_no_idle_connection() -> None:
    pool = filled("a", max_connections=2)
    assert pool.take_bare(0) == Taken(True, None, ())
    assert pool.take_bare(0) == Taken(False, None, ())


def test_clearing_hands_out_all_that_idles_and_waits() -> None:
    pool = filled("a", "b", max_connections=3)
    for _ in range(3):
        pool.take("other", 0)
    pool.wait("o", "w")
    assert pool.clear() == ((), ("w",))
    assert filled("a", "b").clear() == (("a", "b"), ())


@pytest.mark.parametrize("seed", range(8))
def test_whatever_happens_slots_add_up_and_every_connection_has_one_place(seed: int) -> None:
    rng = random.Random(seed)
    pool = Plain(max_connections=5, max_idle=3)
    busy: list[tuple[str, str | None]] = []
    idle: dict[str, tuple[str, int]] = {}
    waiting: deque[tuple[str, str]] = deque()
    now, made = 0, 0

    def drop(names: tuple[str, ...]) -> None:
        for name in names:
            idle.pop(name)

    for _ in range(3000):
        now += rng.randrange(1_000)
        origin = rng.choice("xyz")
        match rng.choice(["take", "take", "give", "give", "forget"]):
            case "take":
                taken = pool.take(origin, now)
                drop(taken.close)
                if not taken.slot:
                    assert len(busy) == 5
                    made += 1
                    waiting.append((f"w{made}", origin))
                    pool.wait(origin, f"w{made}")
                    continue
                if taken.connection is not None:
                    where, until = idle.pop(taken.connection)
                    assert where == origin
                    assert until > now
                busy.append((origin, taken.connection))
            case "give" if busy:
                where, connection = busy.pop(rng.randrange(len(busy)))
                if rng.random() < 0.3:
                    connection = None
                elif connection is None:
                    made += 1
                    connection = f"c{made}"
                given = pool.give_back(where, connection, now + 3_000)
                if given.waiter is not None:
                    waiter, wanted = waiting.popleft()
                    assert given.waiter == waiter
                    assert given.connection is None or (given.connection == connection and wanted == where)
                    busy.append((wanted, given.connection))
                elif connection is not None:
                    idle[connection] = (where, now + 3_000)
                    drop(given.close)
            case "forget" if waiting:
                index = rng.randrange(len(waiting))
                pool.forget(waiting[index][0])
                del waiting[index]
            case _:
                pass
        assert pool.statistics() == (len(busy), len(idle), len(waiting))
        assert len(busy) + len(idle) <= 5
        assert len(idle) <= 3
        assert len(busy) == 5 or not waiting
