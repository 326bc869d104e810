"""`callboard bench`: the benchmarks, by name."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer


def bench(  # noqa: PLR0917 - typer reads the options from here
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="Questions, of those above; all when none is named."),
    ] = None,
    peers: Annotated[
        bool,
        typer.Option(
            "--peers",
            help="Measure what users would otherwise take as well, in `call`, `chunk` and `mailbox`. "
            "Each is installed with pip in an environment of its own, in the user's cache folder.",
        ),
    ] = False,
    rounds: Annotated[int, typer.Option(min=1, help="Samples of each subject, taken in turn.")] = 5,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="A tenth of the work, goals not judged: to see that it runs, not for figures."),
    ] = False,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write every sample there, after each question.")
    ] = None,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page there.")] = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw a chart there.")] = None,
) -> None:
    """Measure what a supervised call costs here. Beside its reference, in the same run.

    Needs no key: the provider is a small server on this machine. Only `weight` and --peers use the network, to install.

    \b
    call           a plain call, 64 and 1 in flight
    chunk          a chunk of a streamed reply, among others and alone
    growth         calls with thousands in flight, and the memory of one
    mailbox        an ask and a tell to an actor
    single_flight  a thousand identical calls at once
    cache_hit      a reply from the cache, among a million, warm and cold
    ledger         records made durable; what kill -9 loses of them
    limiter        letting the next one through while thousands wait
    open_circuit   a call past a provider whose circuit is open
    restart        from a crash to the next answer; a circuit's refusal
    transport      HTTP alone, with TLS and gzip
    weight         importing and installing
    soak           memory, objects and descriptors in forty minutes of traffic

    Ends with 1 when a goal was missed or could not be judged, or something could not be measured to the end, a peer
    that could not be installed included. The last lines tell each.
    """
    from callboard.bench.harness.options import Options
    from callboard.bench.harness.running import asking, names, refused, run

    unknown = set(files or ()) - set(names())
    if unknown:
        raise typer.BadParameter(f"{min(unknown)!r} is no question; there are {', '.join(names())}")
    options = Options(rounds=rounds, quick=quick, peers=peers, json=json, markdown=markdown, svg=svg)
    if why := refused(options):
        raise typer.BadParameter(why)
    command = shlex.join(["callboard", *sys.argv[1:]])
    if run([(name, asking(name)) for name in files or names()], options, command):
        raise typer.Exit(1)
