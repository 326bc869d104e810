"""Answers as lines for a terminal, a Markdown page, or JSON."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from callboard.bench.harness.question import Answer, Verdict

INTERRUPTED = "interrupted before every sample was taken"
NOT_JUDGED = "not judged: the samples of a quick run are too small"
SHORT = "Missed, or not measured to the end"
ENOUGH = "Everything was measured, and no goal was missed."
UNJUDGED = "Everything was measured; no goal was judged."


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
    for name, what, why in _shortcomings(answer):
        yield f"  {name:{width}}  {what}: {why}"
    if answer.interrupted:
        yield f"  {INTERRUPTED}"
    for name, note in answer.notes.items():
        yield f"  {name}: {note}"
    for verdict in answer.verdicts:
        yield f"  {_goal(verdict)}"
    if any(verdict.machine for verdict in answer.verdicts):
        yield f"  {_of_a_machine(answer)}"


def ending(answers: Sequence[Answer]) -> Iterable[str]:
    """The last lines: what fell short, one line each."""
    short = shortfalls(answers)
    yield f"{SHORT}:" if short else _enough(answers)
    for one in short:
        yield f"  {one}"


def shortfalls(answers: Iterable[Answer]) -> tuple[str, ...]:
    """Each goal that was missed or had nothing to compare with, and whatever was not measured to the end."""
    return tuple(f"{answer.name}: {what}" for answer in answers for what in _short(answer))


def _enough(answers: Iterable[Answer]) -> str:
    """What is said where nothing fell short."""
    judged = any(verdict.judged for answer in answers for verdict in answer.verdicts)
    return ENOUGH if judged else UNJUDGED


def _short(answer: Answer) -> Iterable[str]:
    for verdict in answer.verdicts:
        if verdict.judged and not verdict.met:
            yield _goal(verdict)
    for name, what, _ in _shortcomings(answer):
        yield f"{name} {what}"
    if answer.interrupted:
        yield f"{INTERRUPTED}; nothing after it was asked"


def page(report: Report) -> str:
    """A Markdown page."""
    parts = [
        "# Benchmarks",
        f"Taken with `{report.command}` on {report.machine.get('processor')}, {report.machine.get('cores')} cores, "
        f"Python {report.machine.get('python')}. Medians; ± is half the distance between the extremes. "
        "Trust the ratios: every pair was measured in turn in the same run, and what is told is the median of the "
        "rounds' own.",
        "When and with what: " + _pairs(report.machine) + ".",
    ]
    for answer in report.answers:
        parts.append("\n".join(_section(answer)))
    short = shortfalls(report.answers)
    parts.append("\n".join((f"## {SHORT}", "", *(f"- {one}" for one in short))) if short else _enough(report.answers))
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
        "ratios": {name: answer.ratio(name) for name in answer.samples if answer.compared},
    }


def _section(answer: Answer) -> Iterable[str]:
    yield f"## {answer.name}"
    yield ""
    pairs = _pairs(answer.settings)
    how = f" {pairs[0].upper()}{pairs[1:]}. Turned off: {answer.turned_off}." if pairs else ""
    yield f"{answer.asks}{how}"
    yield ""
    yield from _table(answer)
    if answer.interrupted:
        yield f"\n{INTERRUPTED.capitalize()}."
    if answer.notes:
        yield "\n" + ". ".join(f"{name}: {note}" for name, note in answer.notes.items()) + "."
    if answer.verdicts:
        yield ""
        yield "; ".join(_goal(verdict) for verdict in answer.verdicts) + "."
    if any(verdict.machine for verdict in answer.verdicts):
        yield f"{_of_a_machine(answer)}."


def _table(answer: Answer) -> Iterable[str]:
    """Without the column of ratios where nothing is compared."""
    reference = (f"of {answer.reference or 'the first'}",) if answer.compared else ()
    head = ("", answer.unit, "±", *reference, "samples")
    yield _row(head)
    yield "|" + "---|" * len(head)
    for name, samples in answer.samples.items():
        ratio = (_times(answer, name),) if answer.compared else ()
        told = ", ".join(_figure(one) for one in samples)
        yield _row((name, _figure(answer.median(name)), _share(answer, name), *ratio, told))
    for name, what, why in _shortcomings(answer):
        yield _row((name, f"{what}: {why.replace('|', '/')}", *("" for _ in head[2:])))


def _row(cells: Iterable[str]) -> str:
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"


def _shortcomings(answer: Answer) -> Iterable[tuple[str, str, str]]:
    """Every subject of which there are not all samples, what became of it, and why."""
    for word, subjects in (("not measured", answer.missing), ("failed", answer.failed)):
        for name, why in subjects.items():
            taken = len(answer.samples.get(name, ()))
            after = f" after {taken} of {answer.settings['rounds']} samples" if taken else ""
            yield name, f"{word}{after}", why


def _middle(answer: Answer, name: str) -> str:
    ratio = f", {_times(answer, name)}" if answer.compared else ""
    return f"{_figure(answer.median(name)):>9} {answer.unit} ± {_share(answer, name)}{ratio}"


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
    between = "" if verdict.between is None else f" ({' to '.join(_figure(one) for one in verdict.between)})"
    return f"goal of {verdict.subject}: {verdict.goal}; {_figure(verdict.value)}{between}, {word}"


def _of_a_machine(answer: Answer) -> str:
    return f"A goal in {answer.unit} holds for the machine that it was set on"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}" if value < 1000 else f"{value:,.0f}"


def _pairs(pairs: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in pairs.items())
