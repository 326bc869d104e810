"""From names to answers: what `callboard bench` and each file's own main do."""

import argparse
import importlib
import logging
import pkgutil
import shlex
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import TypeAlias

import callboard.bench
from callboard.bench.harness import peers, telling, writing
from callboard.bench.harness.descriptors import as_many_as_allowed
from callboard.bench.harness.failing import sentence
from callboard.bench.harness.machine import machine
from callboard.bench.harness.options import Options
from callboard.bench.harness.question import Answer, Question, answer, unanswered
from callboard.bench.harness.terminating import as_interrupt
from callboard.process import abandon_output, never_fail_to_encode
from callboard.runtime.leaf import interrupted

Asking: TypeAlias = Callable[[Options], AbstractContextManager[Sequence[Question]]]
"""A file's `questions`: opens whatever they need for as long as they are asked."""

INTERRUPTED = 130
"""The exit code after Ctrl-C."""


def names() -> tuple[str, ...]:
    """The files of questions."""
    modules = pkgutil.iter_modules(callboard.bench.__path__)
    return tuple(sorted(module.name for module in modules if not module.ispkg))


def asking(name: str) -> Asking:
    """The questions of one file."""
    found: Asking = importlib.import_module(f"callboard.bench.{name}").questions
    return found


def run(files: Sequence[tuple[str, Asking]], options: Options, command: str) -> int:
    """Ask; print and write down after each question, and at the end what fell short: how many lines that took.

    A question that breaks costs none of the others, nor does a file that cannot be written: it is tried again after
    each. Raises KeyboardInterrupt, at SIGTERM as well, once what was measured is written; OSError, at the end, for a
    file that is not.
    """
    as_many_as_allowed()
    facts = machine()
    print(f"{command}\n{', '.join(f'{name} {value}' for name, value in facts.items())}", flush=True)
    answers: list[Answer] = []
    unwritten: OSError | None = None
    with as_interrupt(), closing(_answers(files, options)) as found:
        for one in found:
            answers.append(one)
            try:
                made_of = peers.versions(one.samples)
                facts |= made_of
                print(
                    "\n".join((*telling.lines(one), *(f"  {peer}: {what}" for peer, what in made_of.items()))),
                    flush=True,
                )
            finally:
                report = telling.Report(command=command, machine=facts, answers=tuple(answers))
                unwritten = writing.write(report, options)
            if one.interrupted:
                break
    print("\n".join(telling.ending(answers)), flush=True)
    if unwritten:
        raise unwritten
    if any(one.interrupted for one in answers):
        raise KeyboardInterrupt
    return len(telling.shortfalls(answers))


def refused(options: Options) -> str | None:
    """Why nothing is measured like this; told before anything is."""
    if not __debug__:
        return "with -O Python leaves out the assertions that what is measured was really done"
    if options.rounds < 1:
        return "--rounds is less than 1"
    return writing.refused(options)


def _answers(files: Sequence[tuple[str, Asking]], options: Options) -> Generator[Answer, None, None]:
    for name, questions in files:
        try:
            with questions(options) as asked:
                for question in asked:
                    yield answer(question, options.rounds, judge=not options.quick)
        except BaseException as error:
            if not isinstance(error, Exception) and not interrupted(error):
                raise
            yield unanswered(name, error)


def main(questions: Asking) -> None:
    """A file run alone. Ends with 1 when anything fell short, as `callboard bench` does, 130 when interrupted."""
    never_fail_to_encode()
    parser = argparse.ArgumentParser(
        description=sys.modules[questions.__module__].__doc__,
        usage=argparse.SUPPRESS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=Options().rounds, help="samples of each subject")
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the work, goals not judged: to see that it runs"
    )
    parser.add_argument("--peers", action="store_true", help="measure what users would otherwise take; installs it")
    for name in ("json", "markdown", "svg"):
        parser.add_argument(f"--{name}", type=Path, metavar="FILE", help="written after each question")
    options = Options(**vars(parser.parse_args()))
    if why := refused(options):
        parser.error(why)
    logging.getLogger("callboard").setLevel(logging.ERROR)
    file = Path(sys.argv[0])
    command = shlex.join(["python", f"bench/{file.name}", *sys.argv[1:]])
    try:
        sys.exit(1 if run([(file.stem, questions)], options, command) else 0)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except OSError as error:
        abandon_output()
        sys.exit(1 if isinstance(error, BrokenPipeError) else f"{file}: {sentence(error)}")
