"""What hides the words of a conversation."""

import pytest

from callboard.messages.base import Veiled
from callboard.messages.chat import RefusalPart, TextPart, ThinkingPart, ToolCallPart, ToolResultPart
from callboard.messages.embedding import EmbeddingRequest
from callboard.messages.images import Image, ImageAnswer, ImageRequest
from callboard.messages.reply import Answer, Delta
from callboard.messages.reranking import RerankRequest

SECRET = "sesame"
HOLDERS = [
    TextPart(SECRET),
    RefusalPart(SECRET),
    ThinkingPart(text=SECRET),
    ToolCallPart(id="1", name="f", arguments=SECRET),
    ToolResultPart(id="1", content=SECRET),
    Delta(text=SECRET),
    Answer(parts=(TextPart(SECRET),), finish_reason=None),
    EmbeddingRequest(model="m", inputs=(SECRET,)),
    RerankRequest(model="m", query=SECRET, documents=(SECRET,)),
    ImageRequest(model="m", prompt=SECRET),
    ImageAnswer(images=(Image(url=SECRET, revised_prompt=SECRET),), text=SECRET),
]


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)
def test_words_never_appear_in_a_repr(holder: Veiled) -> None:
    assert SECRET not in repr(holder)
    assert SECRET not in str(list(holder.__rich_repr__()))
