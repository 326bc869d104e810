from callboard.actors.cache import gathered
from callboard.actors.cache.gathered import Gathered
from callboard.messages.storing import StoreDelete, StorePut


def test_what_was_gathered_is_taken_once_and_in_order() -> None:
    waiting = Gathered()
    first, second = StorePut("entries", b"a", b"1"), StoreDelete("entries", b"a")
    waiting.add((first,))
    waiting.add((second,))
    assert waiting.take() == (first, second)
    assert waiting.take() == ()


def test_it_is_full_with_too_many_operations() -> None:
    waiting = Gathered()
    waiting.add(StoreDelete("entries", b"a") for _ in range(gathered.MOST - 1))
    states = [waiting.full]
    waiting.add((StoreDelete("entries", b"a"),))
    states.append(waiting.full)
    waiting.take()
    assert [*states, waiting.full] == [False, True, False]


def test_it_is_full_with_too_many_bytes() -> None:
    waiting = Gathered()
    waiting.add((StorePut("entries", b"a", bytes(gathered.MOST_BYTES - 1)),))
    states = [waiting.full]
    waiting.add((StorePut("entries", b"b", b"1"),))
    states.append(waiting.full)
    waiting.take()
    assert [*states, waiting.full] == [False, True, False]
