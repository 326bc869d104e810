"""What does a streamed chunk cost through the whole runtime, 16 streams at once?

usage: python bench/chunk.py [--rounds N] [--quick] [--peers] [--json FILE] [--markdown FILE] [--svg FILE]

Once as fast as the upstream can send, several chunks in one read; and once as models send, each chunk alone, fifty a
second, the streams' chunks at different times, so that every chunk takes a wake-up. Chunks with text are counted.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from callboard.bench.harness import client
from callboard.bench.harness.options import Options
from callboard.bench.harness.peers import peers
from callboard.bench.harness.question import Goal, Question, Subject
from callboard.bench.harness.running import main
from callboard.bench.harness.upstream import CHUNKS, TOGETHER, upstream

STREAMS = 16
GOALS = (
    Goal(subject="callboard", at_most=15),
    Goal(subject="callboard", against="openai", at_most=1 / 7),
    Goal(subject="callboard", against="litellm", at_most=1 / 28),
)
PACE = 0.02
PACED_CHUNKS = 100


@contextmanager
def questions(options: Options) -> Iterator[Sequence[Question]]:
    """Both, each against an upstream of its own."""
    with upstream() as fast, upstream(pace=PACE, chunks=PACED_CHUNKS) as paced:
        yield [_together(fast, options), _alone(paced, options)]


def _together(url: str, options: Options) -> Question:
    calls = options.amount(10 * STREAMS, least=STREAMS)
    return Question(
        name="a streamed chunk",
        asks="What does a chunk of a streamed reply cost through the whole runtime, when they come as fast as can be?",
        unit="us of CPU",
        settings={
            "streams a sample": calls,
            "at once": STREAMS,
            "chunks a stream": CHUNKS,
            "chunks a write": TOGETHER,
            **({"streams of a peer": max(STREAMS, calls // 4)} if options.peers else {}),
        },
        subjects=_subjects(url, options, calls, CHUNKS, of_a_peer=max(STREAMS, calls // 4)),
        goals=GOALS if options.peers else GOALS[:1],
        turned_off=client.TURNED_OFF,
    )


def _alone(url: str, options: Options) -> Question:
    calls = options.amount(4 * STREAMS, least=STREAMS)
    return Question(
        name="a streamed chunk that comes alone",
        asks="What does a chunk cost when each takes a wake-up, as from a model?",
        unit="us of CPU",
        settings={
            "streams a sample": calls,
            "at once": STREAMS,
            "chunks a stream": PACED_CHUNKS,
            "seconds between them": PACE,
            **({"streams of a peer": STREAMS} if options.peers else {}),
        },
        subjects=_subjects(url, options, calls, PACED_CHUNKS, of_a_peer=STREAMS),
        turned_off=client.TURNED_OFF,
    )


def _subjects(url: str, options: Options, calls: int, chunks: int, *, of_a_peer: int) -> tuple[Subject, ...]:
    return (
        Subject("callboard", lambda: client.cpu(url, client.streamed(chunks), calls, STREAMS)),
        *peers(options, url, calls=of_a_peer, at_once=STREAMS, chunks=chunks),
    )


if __name__ == "__main__":
    main(questions)
