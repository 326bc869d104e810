import pytest

from callboard.actors.cache import warm
from callboard.actors.cache.warm import Warm
from callboard.messages.caching import Entry
from callboard.messages.reply import Answer


def entry(text: str) -> Entry:
    return Entry(answer=Answer(parts=(), finish_reason=None, model=text), provider="p", model="m", stored=0)


def holding(keys: str, size: int = 10) -> Warm:
    one = Warm()
    for key in keys:
        one.put(key.encode(), entry(key), size)
    return one


def held(one: Warm, keys: str) -> str:
    """Those of the keys that are there, each as its own entry."""
    return "".join(key for key in keys if one.get(key.encode()) == entry(key))


def test_those_not_asked_for_longest_go_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "MOST", 3)
    one = holding("abc")
    one.get(b"a")
    one.put(b"d", entry("d"), 10)
    assert held(one, "abcd") == "acd"


def test_those_not_asked_for_longest_go_when_they_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "MOST_BYTES", 30)
    one = holding("abc")
    one.get(b"a")
    one.put(b"d", entry("d"), 20)
    assert held(one, "abcd") == "ad"


def test_an_entry_larger_than_all_room_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "MOST_BYTES", 30)
    one = holding("a")
    one.put(b"b", entry("b"), 31)
    one.put(b"c", entry("c"), 30)
    assert held(one, "abc") == "c"


def test_what_is_dropped_or_put_again_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "MOST_BYTES", 30)
    one = holding("abc")
    one.drop(b"a")
    one.drop(b"never there")
    one.put(b"b", entry("b"), 10)
    one.put(b"d", entry("d"), 10)
    assert held(one, "abcd") == "bcd"


def test_nothing_is_left_after_a_clearance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "MOST_BYTES", 30)
    one = holding("abc")
    one.clear()
    assert held(one, "abc") == ""
    for key in "def":
        one.put(key.encode(), entry(key), 10)
    assert held(one, "def") == "def"
