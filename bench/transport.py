"""What does a call through the transport cost, beside bare httpx and h11 by hand?

usage: python bench/transport.py [--rounds N] [--quick] [--json FILE] [--markdown FILE] [--svg FILE]

The transport with the OpenAI wire alone, no other actor. TLS needs the `trustme` package, which the extra `dev` has.
"""

import ssl
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from callboard.bench.harness.crowd import crowded
from callboard.bench.harness.httpx_alone import cpu as httpx_cpu
from callboard.bench.harness.options import Options
from callboard.bench.harness.question import Goal, Missing, Question, Subject
from callboard.bench.harness.running import main
from callboard.bench.harness.transports import by_hand, cpu, transport
from callboard.bench.harness.upstream import peak, upstream

AT_ONCE = 64
STREAMS = 16
CROWDS = (64, 1000, 5000)
DELAY = 0.001
"""Seconds for each call in flight, so that all of a crowd wait at the upstream at once."""
ALONE = "limits, budgets, circuits, records: the transport and the wire alone"


@contextmanager
def questions(options: Options) -> Iterator[Sequence[Question]]:
    """Plain, flat, streamed, over TLS, compressed; each against an upstream of its own."""
    calls = options.amount(6400)
    with ExitStack() as stack:
        plain = stack.enter_context(upstream())
        zipped = stack.enter_context(upstream(zipped=True))
        yield [
            _plain(plain, calls),
            _flat(options),
            _streamed(plain, options.amount(160, least=STREAMS)),
            stack.enter_context(_tls(calls)),
            _against_httpx("a call through the transport, gzip", zipped, calls, 0.35),
        ]


def _plain(url: str, calls: int) -> Question:
    return Question(
        name="a call through the transport",
        asks="What does HTTP with encoding and decoding cost?",
        unit="us of CPU",
        settings={"calls a sample": calls, "calls before it, not measured": calls, "in flight": AT_ONCE},
        turned_off=ALONE,
        subjects=(
            Subject("callboard", lambda: cpu(partial(transport, url), calls, AT_ONCE, warm=calls // AT_ONCE)),
            Subject("httpx", lambda: httpx_cpu(url, calls, AT_ONCE)),
            Subject("h11 by hand", lambda: cpu(partial(by_hand, url), calls, AT_ONCE, warm=calls // AT_ONCE)),
        ),
        goals=(
            Goal(subject="callboard", against="httpx", at_most=0.25),
            Goal(subject="callboard", against="h11 by hand", at_most=1.0),
        ),
    )


def _flat(options: Options) -> Question:
    crowds = CROWDS[:2] if options.quick else CROWDS
    subjects = tuple(
        Subject(f"{size} in flight", partial(_crowded, size, max(4 * size, options.amount(6400)))) for size in crowds
    )
    return Question(
        name="the transport's growth",
        asks="How does a call's cost grow with the calls in flight?",
        unit="us of CPU",
        settings={
            "upstream's delay, s": "a thousandth of the calls in flight",
            "calls a sample": "the larger of 4 a worker and 6400",
        },
        turned_off=ALONE,
        subjects=subjects,
        goals=tuple(Goal(subject=one.name, against=subjects[0].name, at_most=1.5) for one in subjects[1:]),
    )


def _crowded(size: int, calls: int) -> float:
    with upstream(delay=DELAY * size) as url:
        spent = cpu(partial(transport, url), calls, size, warm=1, warmed=lambda: peak(url))
        crowded(url, size)
        return spent


def _streamed(url: str, calls: int) -> Question:
    return Question(
        name="a chunk through the transport",
        asks="What does a streamed chunk cost?",
        unit="us of CPU",
        settings={"streams a sample": calls, "at once": STREAMS},
        turned_off=ALONE,
        subjects=(
            Subject("callboard", lambda: cpu(partial(transport, url, streamed=True), calls, STREAMS)),
            Subject("h11 by hand", lambda: cpu(partial(by_hand, url, streamed=True), calls, STREAMS)),
        ),
        goals=(Goal(subject="callboard", against="h11 by hand", at_most=0.8),),
    )


@contextmanager
def _tls(calls: int) -> Iterator[Question]:
    name = "a call through the transport, TLS 1.3"
    try:
        import trustme
    except ImportError:
        yield _missing(name, "the `trustme` package is not installed; the extra `dev` has it")
        return
    authority, context = trustme.CA(), ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    authority.configure_trust(context)
    with tempfile.TemporaryDirectory() as folder:
        cert = Path(folder, "cert.pem")
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(cert))
        with upstream(cert=cert) as url:
            yield _against_httpx(name, url, calls, 0.35, context)


def _missing(name: str, why: str) -> Question:
    def sample() -> float:
        raise Missing(why)

    return Question(
        name=name, asks="What does a call cost?", unit="us of CPU", subjects=(Subject("callboard", sample),)
    )


def _against_httpx(name: str, url: str, calls: int, at_most: float, context: ssl.SSLContext | None = None) -> Question:
    return Question(
        name=name,
        asks="What does a call cost on connections that are kept?",
        unit="us of CPU",
        settings={"calls a sample": calls, "calls before it, not measured": calls, "in flight": AT_ONCE},
        turned_off=ALONE,
        subjects=(
            Subject(
                "callboard",
                lambda: cpu(partial(transport, url, context=context), calls, AT_ONCE, warm=calls // AT_ONCE),
            ),
            Subject("httpx", lambda: httpx_cpu(url, calls, AT_ONCE, context)),
        ),
        goals=(Goal(subject="callboard", against="httpx", at_most=at_most),),
    )


if __name__ == "__main__":
    main(questions)
