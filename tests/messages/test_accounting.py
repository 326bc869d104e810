from decimal import Decimal

import msgspec
import pytest

from callboard.messages.accounting import AttemptOpened, LatencyRow, LedgerEntry, UsageReport, UsageRow
from callboard.messages.usage import Usage


def row(*buckets: int) -> LatencyRow:
    return LatencyRow(provider="p", model="m", buckets=buckets)


def test_without_any_attempt_there_is_no_quantile() -> None:
    assert row().quantile(0.5) is None
    assert row(0, 0).quantile(0.5) is None


@pytest.mark.parametrize(("share", "bucket"), [(0, 1), (0.1, 1), (0.11, 3), (0.5, 3), (0.9, 3), (0.95, 8), (1, 8)])
def test_a_quantile_is_the_bound_of_the_bucket_in_which_that_share_is_reached(share: float, bucket: int) -> None:
    told = row(0, 1, 0, 8, 0, 0, 0, 0, 1, 0).quantile(share)
    assert told == 2 ** (bucket / 4) / 1000


def test_what_was_cut_counts_as_at_least_its_time() -> None:
    """By hand: of 10 that began one was cut early; the 9 that remain are the whole from there on."""
    told = LatencyRow(provider="p", model="m", buckets=(0, 0, 9, 0), cut=(1, 0, 0, 0))
    assert told.quantile(0.95) == 2 ** (2 / 4) / 1000
    late = LatencyRow(provider="p", model="m", buckets=(0, 18, 0, 1), cut=(0, 0, 1, 0))
    assert late.quantile(0.9) == 2 ** (1 / 4) / 1000
    assert late.quantile(0.95) == 2 ** (3 / 4) / 1000
    unknown = LatencyRow(provider="p", model="m", buckets=(0, 18, 0, 0), cut=(0, 0, 2, 0))
    assert (unknown.quantile(0.9), unknown.quantile(0.95)) == (2 ** (1 / 4) / 1000, None)
    assert unknown.count == 18


def test_the_count_is_that_of_all_buckets() -> None:
    assert row(1, 2, 3).count == 6


def test_a_report_adds_up_all_models_and_days() -> None:
    rows = [
        UsageRow(day="2026-01-01", provider="p", model="m", usage=Usage(input=1), cost=Decimal("0.1")),
        UsageRow(day="2026-01-02", provider="q", model="m", usage=Usage(output=2), cost=Decimal("0.2"), unpriced=1),
    ]
    report = UsageReport(models=tuple(rows), calls=(), latency=())
    assert (report.cost, report.usage) == (Decimal("0.3"), Usage(input=1, output=2))
    assert UsageReport(models=(), calls=(), latency=()).cost == 0


def test_an_entry_comes_back_from_disk_as_what_it_was() -> None:
    entry = AttemptOpened(
        id="c-1",
        call="c",
        provider="p",
        model="m",
        at=1,
        estimate=Usage(input=1),
        estimated_cost=Decimal("0.10"),
    )
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(entry), type=LedgerEntry) == entry
