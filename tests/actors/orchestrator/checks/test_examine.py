from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from callboard.actors.orchestrator.checks.examine import HookFailed, examine
from callboard.messages.chat import Part, TextPart, ThinkingPart
from callboard.messages.hooks import Sanitiser
from callboard.messages.reply import Reply
from callboard.messages.usage import Usage


def reply(*parts: Part | str) -> Reply:
    return Reply(
        id="c",
        parts=tuple(TextPart(part) if isinstance(part, str) else part for part in parts),
        finish_reason=None,
        usage=Usage(),
        cost=None,
        provider="p",
        model="m",
        cached=False,
        attempts=(),
        started=datetime.fromtimestamp(0, UTC),
        duration=0.0,
    )


def short(reply: Reply) -> str | None:
    return None if len(reply.text) < 5 else "it is long"


def test_a_reply_that_passes_comes_out_as_it_was() -> None:
    given = reply("four")
    assert examine(given, [short]) is given


def test_the_first_check_that_fails_says_why() -> None:
    assert examine(reply("fives"), [lambda _: None, short, lambda _: "later"]) == "it is long"


def test_a_sanitiser_changes_text_alone_and_before_the_next_hook_sees_it() -> None:
    told = examine(reply(ThinkingPart(text=" x "), " four ", "  "), [Sanitiser(str.strip), short])
    assert isinstance(told, Reply)
    assert told.parts == (ThinkingPart(text=" x "), TextPart("four"), TextPart(""))


def test_the_order_counts() -> None:
    assert examine(reply(" four "), [short, Sanitiser(str.strip)]) == "it is long"


def test_a_hook_that_raises_is_told_by_its_name() -> None:
    def broken(reply: Reply) -> str | None:
        raise KeyError(reply.text)

    with pytest.raises(HookFailed, match=r"^the check broken raised KeyError$") as caught:
        examine(reply("secret"), [broken])
    assert isinstance(caught.value.__cause__, KeyError), "so that its author finds where"


async def waits(reply: Reply) -> None: ...


@pytest.mark.parametrize(
    ("check", "given"),
    [
        (lambda reply: True, "the check <lambda> gave a bool"),
        (lambda reply: 5, "the check <lambda> gave an int"),
        (lambda reply: reply, "the check <lambda> gave a Reply"),
        (waits, "the check waits gave a coroutine"),
        (partial(lambda given, reply: given, False), "the check partial gave a bool"),
    ],
)
def test_a_check_that_gives_no_verdict_is_told_by_its_name_and_what_was_expected(check: Any, given: str) -> None:
    with pytest.raises(HookFailed) as caught:
        examine(reply("secret"), [check])
    assert str(caught.value) == f"{given}; expected None, or a sentence that says why the reply will not do"


def test_a_sanitiser_that_gives_no_text_or_raises_is_told_by_its_name() -> None:
    def forgets(text: str) -> Any:
        return None

    with pytest.raises(HookFailed, match=r"^the sanitiser forgets gave None; expected the text as it is to be"):
        examine(reply("secret"), [Sanitiser(forgets)])
    with pytest.raises(HookFailed, match=r"^the sanitiser index raised ValueError$"):
        examine(reply("secret"), [Sanitiser("text".index)])  # type: ignore[arg-type]
