import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.messages.calls import Candidate
from callboard.messages.routing import CircuitReport, Plan, RoutingTable, Skipped, UnknownModel

A, B, C = Candidate("a", "m"), Candidate("b", "m"), Candidate("b", "n")


def table(*reports: CircuitReport) -> RoutingTable:
    return RoutingTable({"any": (A, B, C)}, ("a", "b"), {report.provider: report for report in reports})


def test_an_alias_stands_for_its_candidates_in_order() -> None:
    assert table().plan("any", 0) == Plan((A, B, C), ())


def test_a_provider_and_model_stand_for_themselves() -> None:
    assert table().candidates("b/some/model:free") == (Candidate("b", "some/model:free"),)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "no alias; know any"),
        ("none", "no alias; know any"),
        ("a", "no alias"),
        ("a/", "no alias"),
        ("/m", "no provider is named ''"),
        ("c/m", "no provider is named 'c' .* know a, b"),
    ],
)
def test_an_unknown_name_is_told_with_what_there_is(name: str, told: str) -> None:
    with pytest.raises(UnknownModel, match=told):
        table().candidates(name)


def test_without_any_alias_the_sentence_says_none() -> None:
    with pytest.raises(UnknownModel, match="know none"):
        RoutingTable({}, (), {}).candidates("fast")


def test_an_open_endpoint_skips_every_model_of_its_provider() -> None:
    plan = table(CircuitReport(provider="b", endpoint=50, models={"n": 70})).plan("any", 0)
    assert plan == Plan((A,), (Skipped(B, 50), Skipped(C, 70)))


def test_an_open_model_skips_only_itself() -> None:
    assert table(CircuitReport(provider="b", endpoint=None, models={"m": 50})).plan("any", 0) == Plan(
        (A, C), (Skipped(B, 50),)
    )


@pytest.mark.parametrize(("now", "skipped"), [(49, True), (50, False), (51, False)])
def test_a_candidate_is_tried_again_when_its_time_has_come(now: int, skipped: bool) -> None:
    plan = table(CircuitReport(provider="a", endpoint=50, models={})).plan("any", now)
    assert (A in plan.candidates) is not skipped


@given(
    st.dictionaries(
        st.sampled_from("ab"),
        st.tuples(st.one_of(st.none(), st.integers(0, 9)), st.dictionaries(st.sampled_from("mn"), st.integers(0, 9))),
    ),
    st.integers(0, 9),
)
def test_every_candidate_is_taken_or_skipped_and_the_order_is_kept(
    doors: dict[str, tuple[int | None, dict[str, int]]], now: int
) -> None:
    reports = [CircuitReport(provider=name, endpoint=at, models=models) for name, (at, models) in doors.items()]
    plan = table(*reports).plan("any", now)
    skipped = [one.candidate for one in plan.skipped]
    assert sorted(map(str, (*plan.candidates, *skipped))) == ["a/m", "b/m", "b/n"]
    assert [one for one in (A, B, C) if one in plan.candidates] == list(plan.candidates)
    assert all(one.retry_at > now for one in plan.skipped)


def test_the_status_shows_the_aliases() -> None:
    assert table().facts() == {"any": ["a/m", "b/m", "b/n"]}
