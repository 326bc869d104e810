"""Checks, repairs, features and chains through the whole runtime."""

import traceback
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import pytest

import callboard
from callboard import checks
from callboard.testing import Behaviour

Opening = Callable[..., AbstractAsyncContextManager[Any]]
ALPHA, BETA = "alpha/sim-small", "beta/sim-small"


def not_alpha(reply: callboard.Reply) -> str | None:
    return "not you" if reply.provider == "alpha" else None


async def test_a_reply_that_fails_a_check_is_asked_elsewhere(autojump_clock: object, world: Opening) -> None:
    async with world() as w:
        reply = await w.board.generate("Why?", model="any", checks=[not_alpha, checks.Sanitiser(str.upper)])
        assert (reply.provider, [one.outcome for one in reply.attempts]) == ("beta", ["fault", "ok"])
        assert reply.text == reply.text.upper() != ""


async def test_a_rejected_reply_opens_no_circuit(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": Behaviour()}) as w:
        for _ in range(3):
            with pytest.raises(callboard.CallError) as caught:
                await w.board.generate("Why?", model=ALPHA, checks=["json"], attempts=3)
            assert caught.value.fault.kind is callboard.FaultKind.REJECTED
        assert w.moves == []


async def test_a_repair_is_one_more_attempt_at_the_same_model(autojump_clock: object, world: Opening) -> None:
    async with world() as w:
        first: list[str] = []

        def second(reply: callboard.Reply) -> str | None:
            first.append(reply.text)
            return None if len(first) == 2 else "say it better"

        reply = await w.board.generate("Why?", model="any", checks=[second], repair=True)
        assert (reply.provider, len(w["alpha"].log), len(w["beta"].log)) == ("alpha", 2, 0)
        assert w["alpha"].log[1].usage.input_total > w["alpha"].log[0].usage.input_total


async def test_a_schema_is_checked(autojump_clock: object, world: Opening) -> None:
    pytest.importorskip("jsonschema")
    async with world() as w:
        schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
        output = callboard.Output(schema=schema)
        reply = await w.board.generate("A number?", model="any", output=output, checks=["schema"])
        assert reply.text.startswith("{")
        with pytest.raises(callboard.CallError, match=r"rejected: it does not follow the schema: \$ breaks `type`"):
            await w.board.generate("?", model="any", output=output, checks=[checks.Schema({"type": "array"})])


async def test_a_schema_that_makes_no_sense_is_refused_before_anything_is_sent_also_where_the_alias_wants_it_checked(
    autojump_clock: object, world: Opening
) -> None:
    pytest.importorskip("jsonschema")
    output = callboard.Output(schema={"type": "nonsense"})
    async with world(models={"strict": {"candidates": [ALPHA], "checks": ["schema"]}}) as w:
        with pytest.raises(callboard.CallError, match="checks: the JSON Schema makes no sense at") as caught:
            await w.board.generate("A number?", model="strict", output=output)
        assert caught.value.fault.kind is callboard.FaultKind.INVALID_REQUEST
        assert len(w["alpha"].log) == 0


async def test_a_buffered_stream_falls_back_from_its_middle_and_says_nothing_twice(
    autojump_clock: object, world: Opening
) -> None:
    cut = Behaviour(cut_rate=1, fault_after=(3, 3))
    async with world({"alpha": cut, "beta": Behaviour()}) as w:
        async with w.board.stream("Why?", model="any", buffer=True) as stream:
            text = "".join([delta.text async for delta in stream])
        assert (stream.reply.provider, text) == ("beta", stream.reply.text)
        assert text


async def test_a_stream_with_checks_is_buffered(autojump_clock: object, world: Opening) -> None:
    async with world() as w:
        async with w.board.stream("Why?", model="any", checks=[not_alpha]) as stream:
            text = "".join([delta.text async for delta in stream])
        assert (stream.reply.provider, text) == ("beta", stream.reply.text)


@pytest.mark.parametrize("wrong", ["json", ["jason"], [1], ["length:.."], 7])
async def test_checks_that_are_none_are_told_before_anything_is_sent(world: Opening, wrong: Any) -> None:
    async with world() as w:
        with pytest.raises(callboard.InvalidRequest, match=r"^checks: "):
            await w.board.generate("Why?", model="any", checks=wrong)
        assert len(w["alpha"].log) == 0


class Waits:
    async def __call__(self, reply: callboard.Reply) -> None: ...


async def waits(given: object) -> None: ...


@pytest.mark.parametrize("wrong", [waits, partial(waits), Waits(), partial(Waits()), checks.Sanitiser(waits)])  # type: ignore[arg-type]
async def test_a_hook_that_would_wait_is_refused_before_anything_is_sent(world: Opening, wrong: Any) -> None:
    async with world() as w:
        with pytest.raises(callboard.InvalidRequest, match=r"^checks: \w+ is async; a check or .* cannot wait$"):
            await w.board.generate("Why?", model="any", checks=[wrong])
        with pytest.raises(callboard.InvalidRequest, match=r"^checks: \w+ is async"):
            w.board.stream("Why?", model="any", checks=[wrong])
        assert len(w["alpha"].log) == 0


async def plain(board: callboard.Board, check: Any) -> None:
    await board.generate("Why?", model=ALPHA, checks=[check])


async def streamed(board: callboard.Board, check: Any) -> None:
    async with board.stream("Why?", model=ALPHA, checks=[check]) as stream:
        await stream.collect()


def broken(reply: callboard.Reply) -> None:
    raise ZeroDivisionError(reply.text)


@pytest.mark.parametrize("way", [plain, streamed])
async def test_a_check_that_breaks_ends_its_call_and_its_author_is_shown_where(
    autojump_clock: object, world: Opening, way: Callable[..., Awaitable[None]]
) -> None:
    async with world() as w:
        with pytest.raises(callboard.CallError, match="internal: the check broken raised ZeroDivisionError") as caught:
            await way(w.board, broken)
        assert caught.value.fault.kind is callboard.FaultKind.INTERNAL
        cause = caught.value.__cause__
        assert isinstance(cause, ZeroDivisionError)
        assert traceback.extract_tb(cause.__traceback__)[-1].name == "broken"
        assert [(row.calls, row.faults) for row in w.board.usage().calls] == [(1, 1)]


async def test_a_check_that_breaks_on_what_is_kept_ends_its_call_as_well(
    autojump_clock: object, world: Opening
) -> None:
    async with world() as w:
        await w.board.generate("Why?", model=ALPHA, cache="use")
        with pytest.raises(callboard.CallError, match="internal: the check broken raised ZeroDivisionError") as caught:
            await w.board.generate("Why?", model=ALPHA, cache="only", checks=[broken])
        assert isinstance(caught.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize("way", [plain, streamed])
async def test_a_check_that_gives_no_verdict_ends_its_call_and_the_call_is_recorded(
    autojump_clock: object, world: Opening, way: Callable[..., Awaitable[None]]
) -> None:
    async with world() as w:
        with pytest.raises(callboard.CallError, match="internal: the check <lambda> gave a bool; ") as caught:
            await way(w.board, lambda reply: True)
        assert (caught.value.fault.kind, len(caught.value.attempts)) == (callboard.FaultKind.INTERNAL, 1)
        assert [(row.calls, row.faults) for row in w.board.usage().calls] == [(1, 1)]


async def test_an_alias_brings_its_checks_and_chains(autojump_clock: object, world: Opening) -> None:
    models = {
        "strict": {"candidates": [ALPHA], "checks": ["length:100000.."]},
        "careful": {"candidates": [ALPHA], "on": {"content_blocked": [BETA], "rejected": [BETA]}},
        "all": ["careful"],
    }
    async with world(models=models) as w:
        with pytest.raises(callboard.CallError, match="expected at least 100000"):
            await w.board.generate("Why?", model="strict", attempts=2)
        reply = await w.board.generate("Why?", model="careful", checks=[not_alpha])
        assert reply.provider == "beta"
        assert (await w.board.generate("Why?", model="all")).provider == "alpha"


async def test_a_candidate_that_lacks_what_is_needed_is_skipped_and_the_story_says_so(
    autojump_clock: object, world: Opening
) -> None:
    features = {ALPHA: {"tools": False, "context": 500}}
    async with world(features=features) as w:
        reply = await w.board.generate("Why?", model="any", tools=[callboard.Tool(name="f")])
        assert (reply.provider, len(w["alpha"].log)) == ("beta", 0)
        assert (reply.attempts[0].outcome, reply.attempts[0].reason) == ("skipped", "the model takes no tools")
        assert (await w.board.generate("word" * 600, model="any")).provider == "beta"
        assert (await w.board.generate("Why?", model="any")).provider == "alpha"
        with pytest.raises(callboard.CallError) as caught:
            await w.board.generate("word" * 600, model=ALPHA)
        assert caught.value.fault.kind is callboard.FaultKind.CONTEXT_TOO_LONG
