"""`callboard ask`: one question, one answer."""

import sys
from functools import partial
from typing import Annotated

import msgspec
import trio
import typer

from callboard import opening
from callboard.asking import Options
from callboard.board import Board
from callboard.config import Resolved
from callboard.errors import ConfigError, InvalidRequest, StoreOwned
from callboard.messages.reply import Reply

APART = "this call is outside that process's budgets and limits and recorded nowhere"
"""What is said of a call while another process has the store."""


def ask(
    prompt: Annotated[str, typer.Argument(help="What to ask; - reads it from the standard input.")],
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="provider/model, or an alias of callboard.toml.")
    ] = None,
    system: Annotated[str | None, typer.Option("--system", "-s", help="How the model is to behave.")] = None,
    stream: Annotated[bool, typer.Option("--stream", help="Write the answer as it comes.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Write the whole reply as JSON; with --stream its pieces.")
    ] = False,
) -> None:
    """Ask a model. It is found in callboard.toml, or by keys in the environment.

    Beside a running runtime the call is made outside its budgets and limits and recorded nowhere, which is told.
    """
    resolved = opening.load(None)
    question = asked(prompt)
    options: Options = {} if system is None else {"system": system}
    trio.run(partial(_ask, resolved, question, model or usual_model(resolved), options, stream=stream, json=json))


def asked(prompt: str) -> str:
    """The question itself. Raises InvalidRequest when there is none, or none that can be read."""
    question = _input() if prompt == "-" else prompt
    if not question.strip():
        raise InvalidRequest("the question is empty")
    return question


def _input() -> str:
    if sys.stdin is None:
        raise InvalidRequest("the question is to come from the standard input, which is closed")
    try:
        text = sys.stdin.read()
        text.encode()  # in some locales what is no text is read all the same, as halves of surrogate pairs
        return text
    except UnicodeError:
        raise InvalidRequest(f"what the standard input has is not text in {sys.stdin.encoding}") from None


def usual_model(resolved: Resolved) -> str:
    """The model to ask when none is named: the first alias, else a known provider's example. Raises ConfigError."""
    for alias in resolved.config.models:
        return alias
    for provider in resolved.providers:
        if provider.config.base_url is None:
            return f"{provider.name}/{provider.preset.example}"
    names = ", ".join(provider.name for provider in resolved.providers)
    raise ConfigError(f"{resolved.source}: no model to ask; say --model provider/model, with one of {names}")


def in_memory(resolved: Resolved) -> Resolved:
    """The same, with a store that is gone afterwards."""
    replace = msgspec.structs.replace
    store = replace(resolved.config.store, mode="memory")
    return replace(resolved, config=replace(resolved.config, store=store))


async def _ask(resolved: Resolved, question: str, model: str, options: Options, *, stream: bool, json: bool) -> None:
    answer = _streamed if stream else _whole
    try:
        async with opening.open(resolved) as board:
            await answer(board, question, model, options, json=json)
    except StoreOwned as error:
        typer.echo(f"callboard: {error}; {APART}", err=True)
        async with opening.open(in_memory(resolved)) as board:
            await answer(board, question, model, options, json=json)


async def _whole(board: Board, question: str, model: str, options: Options, *, json: bool) -> None:
    reply = await board.generate(question, model=model, **options)
    typer.echo(msgspec.json.encode(reply) if json else reply.text)
    _tell_cost(reply, json=json)


async def _streamed(board: Board, question: str, model: str, options: Options, *, json: bool) -> None:
    begun = False
    try:
        async with board.stream(question, model=model, **options) as stream:
            async for delta in stream:
                begun = True
                typer.echo(msgspec.json.encode(delta) if json else delta.text, nl=json)
    finally:
        if begun and not json:
            typer.echo()
    if json:
        typer.echo(msgspec.json.encode(stream.reply))
    _tell_cost(stream.reply, json=json)


def _tell_cost(reply: Reply, *, json: bool) -> None:
    if not json and sys.stdout.isatty():
        typer.secho(summary(reply), err=True, dim=True)


def summary(reply: Reply) -> str:
    """Who answered, what it took and what it cost, in a line."""
    cost = "price unknown" if reply.cost is None else f"${reply.cost:.6f}"
    tokens = f"{reply.usage.input_total} tokens in, {reply.usage.output_total} out"
    cached = ", from the cache" if reply.cached else ""
    return f"{reply.provider}/{reply.model}{cached} · {tokens} · {cost} · {reply.duration:.1f} s"
