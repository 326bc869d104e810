from decimal import Decimal
from typing import Any

from callboard.actors.prices.book import Price
from callboard.cli.grouped import By, as_csv, as_text, grouped
from callboard.messages.accounting import SpendRow
from callboard.messages.usage import Apart, Usage


def row(**more: Any) -> SpendRow:
    members: dict[str, Any] = {"day": "2026-01-01", "provider": "p", "model": "m", "tag": "", "user": ""} | more
    return SpendRow(starts=0, ends=1, **members)


ROWS = [
    row(tag="search", user="ann", attempts=2, usage=Usage(input=1_000, output=100), cost=Decimal("0.25")),
    row(tag="search", user="bob", attempts=1, usage=Usage(cached_read=500), cost=Decimal("0.5"), day="2026-01-02"),
    row(model="n", attempts=3, faults=1, unpriced=3, usage=Usage(reasoning=7)),
]


def test_rows_are_added_up_by_each_thing_that_they_are_counted_by() -> None:
    def counted(by: By) -> list[tuple[str, int, Decimal]]:
        return [(group.name, group.attempts, group.cost) for group in grouped(ROWS, by)]

    all_of_it, nothing = Decimal("0.75"), Decimal(0)
    assert counted(By.PROVIDER) == [("p", 6, all_of_it)]
    assert counted(By.MODEL) == [("p/m", 3, all_of_it), ("p/n", 3, nothing)]
    assert counted(By.TAG) == [("", 3, nothing), ("search", 3, all_of_it)]
    assert counted(By.USER) == [("", 3, nothing), ("ann", 2, Decimal("0.25")), ("bob", 1, Decimal("0.5"))]
    assert counted(By.DAY) == [("2026-01-01", 5, Decimal("0.25")), ("2026-01-02", 1, Decimal("0.5"))]


def test_what_was_added_up_over_tags_and_users_is_nobodys_nor_anybodys() -> None:
    rows = [*ROWS, row(summed=True, attempts=5)]
    for by in (By.TAG, By.USER):
        assert [(group.name, group.attempts) for group in grouped(rows, by)][:2] == [("", 3), ("(added up)", 5)]
    assert [group.attempts for group in grouped(rows, By.DAY)] == [10, 1]


def test_the_table_says_where_a_price_is_unknown_and_adds_up() -> None:
    assert as_text(grouped(ROWS, By.TAG), By.TAG).splitlines() == [
        "tag     attempts  faults  tokens in  tokens out       cost  unpriced",
        "-              3       1          0           7  $0.000000         3",
        "search         3       0      1,500         100  $0.750000         0",
        "total          6       1      1,500         107  $0.750000         3",
    ]
    assert as_text([], By.TAG) == "nothing was recorded yet"


def test_a_baseline_prices_every_partition_by_its_own_rate() -> None:
    price = Price(input=Decimal(1), output=Decimal(4), cached_read=Decimal("0.1"))
    search = grouped(ROWS, By.TAG, price.cost)[1]
    assert search.baseline == (Decimal(1_000) + 4 * 100 + Decimal("0.1") * 500) / 1_000_000
    lines = as_text(grouped(ROWS, By.TAG, price.cost), By.TAG).splitlines()
    assert [line.split()[-1] for line in lines] == ["baseline", "$0.000028", "$0.001450", "$0.001478"]


def test_a_baseline_prices_what_is_counted_apart_as_well() -> None:
    price = Price(input=Decimal(1), output=Decimal(4), audio_output=Decimal(64))
    said = [row(usage=Usage(output=10, apart=Apart(audio_output=5)))]
    (group,) = grouped(said, By.TAG, price.cost)
    assert group.baseline == Decimal(4 * 10 + 64 * 5) / 1_000_000
    assert as_csv([group], By.TAG).splitlines()[1].endswith(",0,0,5,0,0,0,0,0")


def test_sums_of_many_calls_are_not_priced_as_one_long_prompt() -> None:
    def tiered(usage: Usage) -> Decimal:
        return Decimal(usage.input) * (1 if usage.input <= 200_000 else 2)

    many = [row(attempts=1_000, usage=Usage(input=1_000_000))]
    assert grouped(many, By.DAY, tiered)[0].baseline == 1_000_000


def test_csv_has_a_line_a_group() -> None:
    lines = as_csv(grouped(ROWS, By.USER), By.USER).splitlines()
    assert lines[0].startswith("user,attempts,faults,input,cached_read")
    assert lines[2] == "ann,2,0,1000,0,0,100,0,0.25,0,0,,0,0,0,0,0,0,0,0"
