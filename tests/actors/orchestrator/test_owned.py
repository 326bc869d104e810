from typing import Any

import pytest

from callboard.actors.orchestrator.owned import copied, owned
from callboard.messages.chat import OpaquePart, TextPart
from callboard.messages.embedding import EmbeddingAnswer
from callboard.messages.reply import Answer, FinishReason


def answer(*parts: Any, **members: Any) -> Answer:
    return Answer(parts=parts or (TextPart("So."),), finish_reason=FinishReason.STOP, **members)


def test_whatever_of_it_is_changed_the_original_is_not() -> None:
    def made() -> Answer:
        parts = (TextPart("So.", extra={"a": [{}]}), OpaquePart(origin="o", block={"b": {}}), TextPart("Plain."))
        return answer(*parts, extra={"c": [{"d": 1}]}, raw=[{"e": []}])

    original = made()
    own = owned(original)
    assert own == original
    assert isinstance(own, Answer)
    own.parts[0].extra["a"][0]["x"] = 1  # type: ignore[union-attr,index]
    own.parts[1].block["b"]["x"] = 1  # type: ignore[union-attr]
    own.extra["c"][0]["d"] = 2  # type: ignore[index]
    own.raw[0]["e"].append(1)
    assert original == made()


@pytest.mark.parametrize("plain", [answer(), answer(extra={}), EmbeddingAnswer(vectors=((1.0,),))], ids=str)
def test_an_answer_that_nobody_can_change_is_not_copied(plain: Any) -> None:
    assert owned(plain) is plain


def test_no_depth_is_too_deep() -> None:
    deep: dict[str, Any] = {}
    innermost = deep
    for _ in range(100_000):
        innermost["a"] = innermost = {}
    found = copied(deep)
    for _ in range(100_000):
        found = found["a"]
    assert found == {}
    assert found is not innermost
