from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.orchestrator.replay import deltas
from callboard.messages.chat import OpaquePart, Part, RefusalPart, TextPart, ThinkingPart, ToolCallPart
from callboard.messages.reply import Answer

texts = st.text("ab ", max_size=3)
parts: st.SearchStrategy[Part] = st.one_of(
    st.builds(TextPart, texts, extra=st.none()),
    st.builds(ThinkingPart, text=texts, extra=st.none()),
    st.builds(ToolCallPart, id=texts, name=texts, arguments=texts, extra=st.none()),
    st.builds(RefusalPart, texts, extra=st.none()),
    st.just(OpaquePart(origin="w", block={})),
)


@given(st.lists(parts, max_size=8))
def test_the_pieces_add_up_to_the_answer(told: list[Part]) -> None:
    answer = Answer(parts=tuple(told), finish_reason=None)
    pieces = list(deltas(answer))
    assert "".join(piece.text for piece in pieces) == "".join(p.text for p in told if isinstance(p, TextPart))
    assert "".join(piece.thinking for piece in pieces) == "".join(p.text for p in told if isinstance(p, ThinkingPart))
    assert "".join(piece.refusal for piece in pieces) == "".join(p.text for p in told if isinstance(p, RefusalPart))
    calls = [part for part in told if isinstance(part, ToolCallPart)]
    found = [piece for piece in pieces if piece.tool_index is not None]
    assert [piece.tool_index for piece in found] == list(range(len(calls)))
    assert [(piece.tool_id, piece.tool_name, piece.arguments) for piece in found] == [
        (call.id, call.name, call.arguments) for call in calls
    ]


@given(st.lists(parts, max_size=8))
def test_no_piece_is_empty(told: list[Part]) -> None:
    for piece in deltas(Answer(parts=tuple(told), finish_reason=None)):
        assert piece.text or piece.thinking or piece.refusal or piece.tool_index is not None
