import random
from typing import Any

import pytest

from callboard.actors.ledger.adding_up import add_up
from callboard.actors.ledger.book import Book
from callboard.actors.ledger.erasing import anonymous
from callboard.actors.ledger.keeping import DAY
from callboard.actors.ledger.rows import key_of
from callboard.messages.accounting import (
    CallRow,
    SpendRow,
)
from callboard.testing.records import ended, settled


def name(chance: random.Random) -> str:
    return "".join(chance.choice("ab|0-") for _ in range(chance.randrange(5)))


def spend(tag: str = "", user: str = "", model: str = "m", **more: Any) -> SpendRow:
    return SpendRow(day="d", starts=0, ends=1, provider="p", model=model, tag=tag, user=user, **more)


@pytest.mark.parametrize(
    ("row", "key"),
    [
        (spend("t", "u", "m|"), "d|p|2|m||1|t|u"),
        (spend(), "d|p|1|m|0||"),
        (spend("t", erased=True), "d||p|1|m|1|t|"),
        (spend(summed=True), "d|||p|1|m|0||"),
        (CallRow(day="d", tag="t", user="u"), "d|1|t|u"),
        (CallRow(day="d", tag="", user="", summed=True), "d|||0||"),
    ],
)
def test_keys_are_those_that_stores_have(row: SpendRow | CallRow, key: str) -> None:
    assert key_of(row) == key


@pytest.mark.parametrize("seed", range(200))
def test_every_row_stands_under_its_own_key_whatever_was_deleted_and_added_up(seed: int) -> None:
    chance, book = random.Random(seed), Book()
    for number in range(25):
        at, tag, user = chance.randrange(4) * DAY, name(chance), name(chance)
        provider, model = chance.choice("pq"), chance.choice(["m", "m|", "0|"])
        book.apply(settled(id=str(number), at=at, provider=provider, model=model, tag=tag, user=user))
        book.apply(ended(id=str(number), at=at, tag=tag, user=user))
    for _ in range(chance.randrange(6)):
        anonymous(book, name(chance))
        add_up(book, f"1970-01-0{chance.randrange(1, 5)}", 10 * DAY)
    rows = [(key, row) for database in ("spend", "calls") for key, row in book.rows[database].items()]
    assert all(isinstance(row, SpendRow | CallRow) and key_of(row) == key for key, row in rows)
    assert rows
