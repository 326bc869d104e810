from datetime import UTC, datetime

from callboard.actors.orchestrator.key import reads, writes
from callboard.actors.orchestrator.repair import repaired
from callboard.messages.chat import Part, TextPart, ThinkingPart, ToolCallPart, user
from callboard.messages.reply import Reply
from callboard.messages.request import Request, Sampling
from callboard.messages.usage import Usage


def reply(*parts: Part) -> Reply:
    return Reply(
        id="c",
        parts=parts,
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


def test_the_conversation_goes_on_with_the_bad_reply_and_the_reason() -> None:
    request = Request(model="x", messages=(user("A number?"),), sampling=Sampling(temperature=0))
    found = repaired(request, reply(ThinkingPart(text="hm"), TextPart("seven")), "it is no number")
    assert [(one.role, one.text) for one in found.messages[:2]] == [("user", "A number?"), ("assistant", "seven")]
    assert found.messages[2].role == "user"
    assert "it is no number" in found.messages[2].text
    assert found.sampling == request.sampling
    assert not (reads(found) or writes(found))


def test_a_reply_without_text_is_told_as_such() -> None:
    call = ToolCallPart(id="1", name="f")
    found = repaired(Request(model="x", messages=(user("?"),)), reply(call), "no tools, please")
    assert found.messages[1].text == "(nothing)"
