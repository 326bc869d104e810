"""What an answer looks like."""

import xml.etree.ElementTree as ET

import msgspec

from callboard.bench.harness import telling
from callboard.bench.harness.chart import chart
from callboard.bench.harness.question import Answer, Verdict

ANSWER = Answer(
    name="a call",
    asks="What does it cost?",
    unit="us",
    settings={"calls": 10},
    turned_off="nothing",
    samples={"callboard": (1.0, 2.0, 4.0), "other <x>": (8.0, 8.0, 8.0)},
    missing={"peer": "could not be installed"},
    notes={"other <x>": "keeps no records"},
    verdicts=(Verdict(goal="<= 0.5 of other", subject="callboard", value=0.25, met=True),),
)
REPORT = telling.Report(command="callboard bench call", machine={"python": "3.11", "cores": "2"}, answers=(ANSWER,))


def test_every_sample_ratio_missing_subject_and_goal_is_printed() -> None:
    told = "\n".join(telling.lines(ANSWER))
    for part in (
        "calls 10",
        "[1 2 4]",
        "± 75%",
        "not measured: could not be installed",
        "0.25, met",
        "off: nothing",
        "no records",
    ):
        assert part in told


def test_the_page_names_the_command_and_the_machine() -> None:
    page = telling.page(REPORT)
    for part in (
        "`callboard bench call`",
        "python 3.11",
        "| callboard | 2 |",
        "1, 2, 4",
        "not measured",
        "other <x>: keeps no records.",
    ):
        assert part in page


def test_of_one_sample_no_spread_is_told() -> None:
    single = msgspec.structs.replace(ANSWER, samples={"callboard": (2.0,)})
    page = telling.page(msgspec.structs.replace(REPORT, answers=(single,)))
    assert "| callboard | 2 | – | 1 | 2 |" in page
    assert "2 us ± –, 1  [2]" in "\n".join(telling.lines(single))
    assert "<line" in chart([ANSWER])
    assert "<line" not in chart([single])


def test_goals_of_a_quick_run_are_told_as_not_judged() -> None:
    verdict = Verdict(goal="<= 0.5 of other", subject="callboard", value=0.75, met=None, judged=False)
    quick = msgspec.structs.replace(ANSWER, verdicts=(verdict,))
    for told in ("\n".join(telling.lines(quick)), telling.page(msgspec.structs.replace(REPORT, answers=(quick,)))):
        assert "0.75, not judged: the samples of a quick run are too small" in told
        assert "MISSED" not in told


def test_beside_a_goal_of_speed_stands_whose_it_is() -> None:
    verdict = Verdict(goal="<= 3 us", subject="callboard", value=2, met=True, machine=True)
    fast = msgspec.structs.replace(ANSWER, verdicts=(*ANSWER.verdicts, verdict))
    for one, holds in ((fast, True), (ANSWER, False)):
        for told in ("\n".join(telling.lines(one)), telling.page(msgspec.structs.replace(REPORT, answers=(one,)))):
            assert ("A goal in us holds for the machine that it was set on" in told) is holds


def test_settings_keep_their_capitals() -> None:
    told = msgspec.structs.replace(ANSWER, settings={"of": "8 MiB"})
    assert "Of 8 MiB. Turned off" in telling.page(msgspec.structs.replace(REPORT, answers=(told,)))


def test_what_is_below_zero_has_no_length() -> None:
    below = msgspec.structs.replace(ANSWER, samples={"slope": (-2.0, -1.0), "flat": (-1.0, 0.0)})
    root = ET.fromstring(chart([below]))  # noqa: S314 - our own
    bars = [one for one in root.iter("{http://www.w3.org/2000/svg}rect") if one.get("height") == "14"]
    assert [bar.get("width") for bar in bars] == ["0.0", "0.0"]


def test_json_holds_every_sample() -> None:
    assert msgspec.json.decode(telling.json(REPORT), type=telling.Report) == REPORT


def test_json_holds_the_figures_that_the_page_has() -> None:
    single = msgspec.structs.replace(ANSWER, name="once", samples={"callboard": (2.0,)})
    told = msgspec.json.decode(telling.json(msgspec.structs.replace(REPORT, answers=(ANSWER, single))))
    several, once = told["answers"]
    assert several["reference"] == once["reference"] == "callboard"
    assert several["medians"] == {"callboard": 2, "other <x>": 8}
    assert several["spreads"] == {"callboard": 0.75, "other <x>": 0}
    assert several["ratios"] == {"callboard": 1, "other <x>": 4}
    assert once["spreads"] == {"callboard": None}, "of one sample there is none"


def test_where_nothing_is_compared_no_ratio_is_told() -> None:
    alone = msgspec.structs.replace(ANSWER, compared=False, verdicts=())
    report = msgspec.structs.replace(REPORT, answers=(alone,))
    page = telling.page(report)
    assert "| | us | ± | samples |\n|---|---|---|---|\n| callboard | 2 | 75% | 1, 2, 4 |" in page
    assert "| peer | not measured: could not be installed | | |\n" in page
    assert "2 us ± 75%  [1 2 4]" in "\n".join(telling.lines(alone))
    (told,) = msgspec.json.decode(telling.json(report))["answers"]
    assert (told["reference"], told["ratios"]) == (None, {})


def test_the_chart_is_well_formed_and_has_a_bar_a_subject() -> None:
    root = ET.fromstring(chart([ANSWER]))  # noqa: S314 - our own
    bars = [one for one in root.iter("{http://www.w3.org/2000/svg}rect") if one.get("height") == "14"]
    assert len(bars) == 2
