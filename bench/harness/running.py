"""From names to answers: what `callboard bench` and each file's own main do."""

import argparse
import importlib
import pkgutil
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeAlias

import callboard.bench
from callboard.bench.harness import telling
from callboard.bench.harness.chart import chart
from callboard.bench.harness.machine import machine
from callboard.bench.harness.options import Options
from callboard.bench.harness.question import Answer, Question, answer

Asking: TypeAlias = Callable[[Options], AbstractContextManager[Sequence[Question]]]
"""A file's `questions`: opens whatever they need for as long as they are asked."""


def names() -> tuple[str, ...]:
    """The files of questions."""
    modules = pkgutil.iter_modules(callboard.bench.__path__)
    return tuple(sorted(module.name for module in modules if not module.ispkg))


def asking(name: str) -> Asking:
    """The questions of one file."""
    found: Asking = importlib.import_module(f"callboard.bench.{name}").questions
    return found


def run(files: Sequence[tuple[str, Asking]], options: Options, command: str) -> int:
    """Ask, print, write down; how many goals were missed."""
    facts = machine()
    print(f"{command}\n{', '.join(f'{name} {value}' for name, value in facts.items())}", flush=True)
    answers: list[Answer] = []
    for _, questions in files:
        with questions(options) as asked:
            for question in asked:
                answers.append(answer(question, options.rounds))
                print("\n".join(telling.lines(answers[-1])), flush=True)
    _write(telling.Report(command=command, machine=facts, answers=tuple(answers)), options)
    return sum(verdict.met is False for one in answers for verdict in one.verdicts)


def _write(report: telling.Report, options: Options) -> None:
    if options.json is not None:
        options.json.write_bytes(telling.json(report))
    if options.markdown is not None:
        options.markdown.write_text(telling.page(report))
    if options.svg is not None:
        options.svg.write_text(chart(report.answers))


def main(questions: Asking) -> None:
    """A file run alone. Ends with 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description="Answer this file's question; see its first lines.")
    parser.add_argument("--rounds", type=int, default=Options().rounds)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--peers", action="store_true")
    for name in ("json", "markdown", "svg"):
        parser.add_argument(f"--{name}", type=Path)
    options = Options(**vars(parser.parse_args()))
    file = Path(sys.argv[0])
    command = shlex.join(["python", f"bench/{file.name}", *sys.argv[1:]])
    sys.exit(1 if run([(file.stem, questions)], options, command) else 0)
