"""Answers as lines for a terminal, a Markdown page, or JSON."""

from collections.abc import Iterable, Mapping

import msgspec

from callboard.bench.harness.question import Answer, Verdict

INTERRUPTED = "interrupted before every sample was taken"
NOT_JUDGED = "not judged: the samples of a quick run are too small"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All answers of one run."""

    command: str
    machine: Mapping[str, str]
    answers: tuple[Answer, ...]


def lines(answer: Answer) -> Iterable[str]:
    """One answer: settings, every sample, medians, spreads, ratios, goals."""
    yield f"{answer.name}: {answer.asks}"
    if answer.settings:
        yield f"  settings: {_pairs(answer.settings)}; turned off: {answer.turned_off}"
    width = max(map(len, (*answer.samples, *answer.missing, *answer.failed)), default=0)
    for name, samples in answer.samples.items():
        told = " ".join(_figure(one) for one in samples)
        yield f"  {name:{width}}  {_middle(answer, name)}  [{told}]"
    for name, why in _unmeasured(answer):
        yield f"  {name:{width}}  {why}"
    if answer.interrupted:
        yield f"  {INTERRUPTED}"
    for name, note in answer.notes.items():
        yield f"  {name}: {note}"
    for verdict in answer.verdicts:
        yield f"  {_goal(verdict)}"


def shortcomings(answers: Iterable[Answer]) -> list[str]:
    """What was missed, and what could not be measured: a line each."""
    return [
        f"{answer.name}: {line}"
        for answer in answers
        for line in (
            *(f"{name}: {why}" for name, why in _unmeasured(answer)),
            *(_goal(verdict) for verdict in answer.verdicts if verdict.met is False),
        )
    ]


def page(report: Report) -> str:
    """A Markdown page."""
    parts = [
        "# Benchmarks",
        f"Taken with `{report.command}` on {report.machine.get('processor')}, {report.machine.get('cores')} cores, "
        f"Python {report.machine.get('python')}. Medians; ± is half the distance between the extremes. "
        "Trust the ratios: every pair was measured in turn in the same run.",
        "When and with what: " + _pairs(report.machine) + ".",
    ]
    for answer in report.answers:
        parts.append("\n".join(_section(answer)))
    return "\n\n".join(parts) + "\n"


def json(report: Report) -> bytes:
    """Everything, every sample included, with the medians, spreads and ratios that the page has."""
    told = {**msgspec.structs.asdict(report), "answers": [_with_figures(answer) for answer in report.answers]}
    return msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n"


def _with_figures(answer: Answer) -> dict[str, object]:
    return {
        **msgspec.structs.asdict(answer),
        "reference": answer.reference,
        "medians": {name: answer.median(name) for name in answer.samples},
        "spreads": {name: answer.spread(name) for name in answer.samples},
        "ratios": {name: answer.ratio(name) for name in answer.samples},
    }


def _section(answer: Answer) -> Iterable[str]:
    yield f"## {answer.name}"
    yield ""
    how = f" {_pairs(answer.settings).capitalize()}. Turned off: {answer.turned_off}." if answer.settings else ""
    yield f"{answer.asks}{how}"
    yield ""
    yield f"| | {answer.unit} | ± | of {answer.reference or 'the first'} | samples |"
    yield "|---|---|---|---|---|"
    for name, samples in answer.samples.items():
        told = ", ".join(_figure(one) for one in samples)
        yield f"| {name} | {_figure(answer.median(name))} | {_share(answer, name)} | {_times(answer, name)} | {told} |"
    for name, why in _unmeasured(answer):
        yield f"| {name} | {why.replace('|', '/')} | | | |"
    if answer.interrupted:
        yield f"\n{INTERRUPTED.capitalize()}."
    if answer.notes:
        yield "\n" + ". ".join(f"{name}: {note}" for name, note in answer.notes.items()) + "."
    if answer.verdicts:
        yield ""
        yield "; ".join(_goal(verdict) for verdict in answer.verdicts) + "."


def _unmeasured(answer: Answer) -> Iterable[tuple[str, str]]:
    """Every subject of which there are not all samples, and why."""
    for word, subjects in (("not measured", answer.missing), ("failed", answer.failed)):
        for name, why in subjects.items():
            taken = len(answer.samples.get(name, ()))
            after = f" after {taken} of {answer.settings['rounds']} samples" if taken else ""
            yield name, f"{word}{after}: {why}"


def _middle(answer: Answer, name: str) -> str:
    return f"{_figure(answer.median(name)):>9} {answer.unit} ± {_share(answer, name)}, {_times(answer, name)}"


def _times(answer: Answer, name: str) -> str:
    ratio = answer.ratio(name)
    return "–" if ratio is None else f"{ratio:.3g}"


def _share(answer: Answer, name: str) -> str:
    spread = answer.spread(name)
    return "–" if spread is None else f"{spread:.0%}"


def _goal(verdict: Verdict) -> str:
    if verdict.value is None:
        return f"goal of {verdict.subject}: {verdict.goal}; nothing to compare with"
    word = NOT_JUDGED if not verdict.judged else "met" if verdict.met else "MISSED"
    return f"goal of {verdict.subject}: {verdict.goal}; {_figure(verdict.value)}, {word}"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}" if value < 1000 else f"{value:,.0f}"


def _pairs(pairs: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in pairs.items())
