"""A question, who is measured to answer it, and the answer.

Every subject is measured in turn, round after round (A B A B), so that whatever else the machine does strikes all
alike. A ratio is taken of the two samples of each round, and told as the median of those.
"""

import statistics
from collections.abc import Callable, Iterator

import msgspec

from callboard.bench.harness.failing import shown
from callboard.runtime.leaf import interrupted

SPEEDS = ("us ", "ms ", "records a second")
"""How the units begin that depend on how fast the machine is."""


class Missing(Exception):
    """A subject cannot be measured here; the sentence says why. It is reported, never left out in silence."""


class Subject(msgspec.Struct, frozen=True):
    """One thing to measure: each call of `sample` gives one figure in the question's unit. It may raise Missing."""

    name: str
    sample: Callable[[], float]
    note: str = ""
    """What a reader has to know to read its figures rightly."""


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """A bound on a subject: on its ratio to `against`, or, without that, on its median in the unit itself."""

    subject: str
    against: str | None = None
    at_most: float | None = None
    at_least: float | None = None
    always: bool = False
    """It bounds every sample in the unit, not only the median."""

    def __post_init__(self) -> None:
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError("a goal has one of `at_most` and `at_least`")
        if self.always and self.against:
            raise ValueError("a goal for every sample is in the unit, not `against` another subject")

    def worst(self, samples: tuple[float, ...]) -> float:
        """The sample that is farthest on the bad side."""
        return max(samples) if self.at_most is not None else min(samples)

    def met(self, value: float) -> bool:
        """Whether a ratio or median is within it."""
        return value <= self.at_most if self.at_most is not None else value >= (self.at_least or 0.0)

    def told(self, unit: str) -> str:
        """In words; `unit` is the question's."""
        bound = f"<= {self.at_most:g}" if self.at_most is not None else f">= {self.at_least:g}"
        return f"{bound} of {self.against}" if self.against else f"{bound} {unit}{', always' * self.always}"


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked. The first subject is the one that the others are held against, if they are."""

    name: str
    asks: str
    unit: str
    subjects: tuple[Subject, ...]
    goals: tuple[Goal, ...] = ()
    settings: dict[str, str | int | float] = {}
    turned_off: str = "nothing"
    """What a subject was spared that a user would not be."""
    once: bool = False
    """One sample has to do: it takes minutes, or never differs."""
    compared: bool = True
    """Not where a ratio to the first would say nothing: it is near zero, or another kind of thing."""

    def __post_init__(self) -> None:
        names = [subject.name for subject in self.subjects]
        if len(set(names)) < len(names):
            raise ValueError(f"two subjects of {self.name!r} have one name: their samples would be one's")
        for goal in self.goals:
            for name in {goal.subject, goal.against or goal.subject} - set(names):
                raise ValueError(f"a goal of {self.name!r} is for {name!r}, which is no subject of it")


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One goal held against what was measured. `value` None: there was nothing to compare."""

    goal: str
    subject: str
    value: float | None
    between: tuple[float, float] | None = None
    """The smallest and the largest ratio of a round, where there are several."""
    met: bool | None
    """None as well where it is not judged."""
    judged: bool = True
    """False for a quick run: its samples are too small to tell."""
    machine: bool = False
    """It bounds a speed in the unit, and so holds for the machine that it was set on."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Every sample of every subject, in the order in which they were taken."""

    name: str
    asks: str
    unit: str
    settings: dict[str, str | int | float]
    turned_off: str
    samples: dict[str, tuple[float, ...]]
    missing: dict[str, str]
    """Subjects that could not be measured, or not to the end, and why."""
    verdicts: tuple[Verdict, ...]
    failed: dict[str, str] = {}
    """Subjects, or what came before them, that broke, and the error. What a subject gave before that counts."""
    interrupted: bool = False
    """The user ended it before every sample was taken."""
    notes: dict[str, str] = {}
    """Of subjects: what a reader has to know to read their figures rightly."""
    compared: bool = True
    """Whether the others are held against the first."""

    def median(self, subject: str) -> float | None:
        """In the unit; None without samples."""
        samples = self.samples.get(subject)
        return statistics.median(samples) if samples else None

    def spread(self, subject: str) -> float | None:
        """Half the distance between the smallest and the largest sample, as a share of the median; None of one."""
        samples, middle = self.samples.get(subject, ()), self.median(subject)
        return (max(samples) - min(samples)) / 2 / abs(middle) if len(samples) > 1 and middle else None

    @property
    def reference(self) -> str | None:
        """The first subject that was measured; None where it is no measure for the others."""
        return next(iter(self.samples), None) if self.compared else None

    def ratios(self, subject: str, against: str | None = None) -> tuple[float, ...]:
        """A subject's samples in those of `against`, by default the reference, round by round."""
        theirs = self.samples.get(against or self.reference or "", ())
        return tuple(one / other for one, other in zip(self.samples.get(subject, ()), theirs, strict=False) if other)

    def ratio(self, subject: str, against: str | None = None) -> float | None:
        """The median of these; None without any."""
        ratios = self.ratios(subject, against)
        return statistics.median(ratios) if ratios else None


def answer(question: Question, rounds: int, *, judge: bool = True) -> Answer:
    """Take `rounds` samples of each subject, in turn; fewer of one that breaks, and of all when the user interrupts."""
    rounds = 1 if question.once else rounds
    taken = _Taken()
    taken.all(_in_turn(question, rounds))
    found = Answer(
        name=question.name,
        asks=question.asks,
        unit=question.unit,
        settings={**question.settings, "rounds": rounds},
        turned_off=question.turned_off,
        samples={name: tuple(values) for name, values in taken.samples.items()},
        missing=taken.missing,
        verdicts=(),
        failed=taken.failed,
        interrupted=taken.interrupted,
        notes={subject.name: subject.note for subject in question.subjects if subject.note},
        compared=question.compared,
    )
    return msgspec.structs.replace(found, verdicts=tuple(_verdict(goal, found, judge) for goal in question.goals))


def unanswered(name: str, error: BaseException) -> Answer:
    """What there is to say of a file that broke before its questions were asked, or after."""
    return Answer(
        name=name,
        asks="The questions of this file could not all be asked.",
        unit="–",
        settings={},
        turned_off="nothing",
        samples={},
        missing={},
        verdicts=(),
        failed={} if interrupted(error) else {"what it needs": shown(error)},
        interrupted=interrupted(error),
    )


class _Taken:
    """What was measured so far."""

    def __init__(self) -> None:
        self.samples: dict[str, list[float]] = {}
        self.missing: dict[str, str] = {}
        self.failed: dict[str, str] = {}
        self.interrupted = False

    def all(self, subjects: Iterator[Subject]) -> None:
        """A sample of each, for as long as the user lets it."""
        for subject in subjects:
            if subject.name in self.missing or subject.name in self.failed:
                continue
            try:
                self._one(subject)
            except BaseException as error:
                if not interrupted(error):
                    raise
                self.interrupted = True
                return

    def _one(self, subject: Subject) -> None:
        try:
            sample = subject.sample()
        except Missing as reason:
            self.missing[subject.name] = str(reason)
        except Exception as error:
            self.failed[subject.name] = shown(error)
        else:
            self.samples.setdefault(subject.name, []).append(sample)


def _in_turn(question: Question, rounds: int) -> Iterator[Subject]:
    for _ in range(rounds):
        yield from question.subjects


def _verdict(goal: Goal, found: Answer, judge: bool) -> Verdict:
    samples = found.samples.get(goal.subject)
    if goal.against:
        value = found.ratio(goal.subject, goal.against)
    else:
        value = goal.worst(samples) if goal.always and samples else found.median(goal.subject)
    met = goal.met(value) if judge and value is not None else None
    return Verdict(
        goal=goal.told(found.unit),
        subject=goal.subject,
        value=value,
        between=_extremes(found.ratios(goal.subject, goal.against)) if goal.against else None,
        met=met,
        judged=judge,
        machine=goal.against is None and found.unit.startswith(SPEEDS),
    )


def _extremes(ratios: tuple[float, ...]) -> tuple[float, float] | None:
    return (min(ratios), max(ratios)) if len(ratios) > 1 else None
