"""What does a streamed chunk cost through the whole runtime, 16 streams at once?

usage: python bench/chunk.py [--rounds N] [--quick] [--peers] [--json FILE] [--markdown FILE] [--svg FILE]
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from callboard.bench.harness import client
from callboard.bench.harness.options import Options
from callboard.bench.harness.peers import peers
from callboard.bench.harness.question import Goal, Question, Subject
from callboard.bench.harness.running import main
from callboard.bench.harness.upstream import CHUNKS, upstream

STREAMS = 16


@contextmanager
def questions(options: Options) -> Iterator[Sequence[Question]]:
    """One, against one upstream."""
    calls = options.amount(10 * STREAMS, least=STREAMS)
    goals = (
        Goal(subject="callboard", at_most=15),
        Goal(subject="callboard", against="openai", at_most=1 / 7),
        Goal(subject="callboard", against="litellm", at_most=1 / 28),
    )
    with upstream() as url:
        yield [
            Question(
                name="a streamed chunk",
                asks="What does a chunk of a streamed reply cost through the whole runtime?",
                unit="us of CPU",
                settings={"streams a sample": calls, "at once": STREAMS, "chunks a stream": CHUNKS},
                subjects=(
                    Subject("callboard", lambda: client.cpu(url, client.streamed, calls, STREAMS)),
                    *peers(options, url, calls=max(STREAMS, calls // 4), at_once=STREAMS, stream=True),
                ),
                goals=goals if options.peers else goals[:1],
            )
        ]


if __name__ == "__main__":
    main(questions)
