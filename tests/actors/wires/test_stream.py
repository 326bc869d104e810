import json
import random

import pytest

from callboard.actors.wires.anthropic import AnthropicMessages
from callboard.actors.wires.cohere import Cohere
from callboard.actors.wires.gemini import Gemini
from callboard.actors.wires.lines import LineReader
from callboard.actors.wires.ollama import Ollama
from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.openai_reply import ChatReply
from callboard.actors.wires.openai_responses import OpenAIResponses
from callboard.actors.wires.sse import EventReader
from callboard.actors.wires.stream import ReplyStream
from callboard.actors.wires.wire import StreamDecoder, Wire, WireFault, malformed
from callboard.messages.reply import Answer, Delta

WIRES: tuple[Wire, ...] = (OpenAIChat(), AnthropicMessages())


def text(words: str) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": words}}]}).encode() + b"\n\n"


ERROR = b'data: {"error": {"message": "broken", "code": 500}}\n\n'


def test_an_error_comes_after_the_deltas_before_it_wherever_the_bytes_are_split() -> None:
    stream = text("a") + text("b") + ERROR + text("never")
    for seed in range(40):
        chance = random.Random(seed)
        places = sorted(chance.randrange(len(stream)) for _ in range(3))
        decoder, deltas = OpenAIChat().decoder(), []
        with pytest.raises(WireFault, match="broken"):
            for start, end in zip([0, *places], [*places, len(stream)], strict=True):
                deltas += decoder.feed(stream[start:end])
            decoder.close()
        assert [delta.text for delta in deltas] == ["a", "b"]


def test_an_error_with_deltas_before_it_sets_done_and_is_raised_by_whatever_comes_next() -> None:
    for next_step in ("feed", "close"):
        decoder = OpenAIChat().decoder()
        assert decoder.feed(text("a") + ERROR) == [Delta(text="a")]
        assert decoder.done
        with pytest.raises(WireFault, match="broken"):
            decoder.feed(text("b")) if next_step == "feed" else decoder.close()


def test_a_fault_is_raised_again_by_every_later_call_and_partial_still_answers() -> None:
    decoder = OpenAIChat().decoder()
    decoder.feed(text("a"))
    for step in (lambda: decoder.feed(ERROR), lambda: decoder.feed(text("b")), decoder.close):
        with pytest.raises(WireFault, match="broken"):
            step()
    assert [part.text for part in decoder.partial().parts if hasattr(part, "text")] == ["a"]


def test_an_event_that_never_ends_is_malformed_and_bounded() -> None:
    decoder = ReplyStream("openai", EventReader(limit=100), ChatReply("openai", "openai"))
    with pytest.raises(WireFault) as caught:
        for _ in range(20):
            decoder.feed(b"data: " + b"x" * 10)
    assert caught.value.fault.kind == "malformed_reply"
    assert caught.value.fault.message == "a line is longer than 100 bytes"


def test_an_error_in_a_last_frame_without_its_end_is_that_error() -> None:
    decoder = OpenAIChat().decoder()
    decoder.feed(ERROR.strip())
    with pytest.raises(WireFault, match="broken"):
        decoder.close()


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: str(wire.name))
def test_an_empty_stream_is_interrupted(wire: Wire) -> None:
    with pytest.raises(WireFault) as caught:
        wire.decoder().close()
    assert caught.value.fault.kind == "interrupted"
    assert caught.value.fault.provider == wire.name


class Lines:
    """A reply in lines of JSON, as Ollama sends it: the machinery is the same."""

    def __init__(self) -> None:
        self.done = False
        self.complete = False
        self.words: list[str] = []

    def take(self, frame: bytes, deltas: list[Delta]) -> None:
        try:
            line = json.loads(frame)
        except ValueError:
            raise malformed("not JSON") from None
        self.words.append(line["text"])
        deltas.append(Delta(text=line["text"]))
        self.done = line["done"]

    def answer(self) -> Answer:
        return Answer(parts=(), finish_reason=None, id="".join(self.words))


def test_any_framing_fits() -> None:
    decoder: StreamDecoder = ReplyStream("ollama", LineReader(), Lines())
    assert decoder.feed(b'{"text": "a", "done": false}\n{"text"') == [Delta(text="a")]
    assert decoder.feed(b': "b", "done": true}\nrubbish\n') == [Delta(text="b")]
    assert decoder.close().id == "ab"


@pytest.mark.parametrize(
    ("data", "working"),
    [
        (b": comment\n\n", False),
        (b'event: ping\ndata: {"type": "ping"}\n\n', False),
        (b'data: {"type": "content_block_stop"', False),
        (b'data: {"type": "content_block_stop", "index": 0}\n\n', True),
        (b'data: {"type": "ping"}\n\ndata: {"type": "message_start", "message": {}}\n\n', True),
    ],
)
def test_whatever_is_no_ping_shows_that_the_model_is_at_work(data: bytes, working: bool) -> None:
    decoder = AnthropicMessages().decoder()
    decoder.feed(b'data: {"type": "message_start", "message": {}}\n\n')
    assert decoder.feed(data) == []
    assert decoder.working is working


@pytest.mark.parametrize(
    ("wire", "data", "working"),
    [
        (OpenAIResponses(), 'data: {"type": "keepalive", "sequence_number": 3}\n\n', False),
        (OpenAIResponses(), 'data: {"type": "response.web_search_call.searching"}\n\n', True),
        (OpenAIChat(), ": OPENROUTER PROCESSING\n\n", False),
        (OpenAIChat(), 'data: {"choices": [{"delta": {"reasoning_details": [{"data": "x"}]}}]}\n\n', True),
        (Gemini(), 'data: {"candidates": [{"content": {"parts": [{"executableCode": {"code": "1"}}]}}]}\n\n', True),
        (Gemini(), "data: ", False),
        (Cohere(), 'data: {"type": "citation-start", "delta": {"message": {}}}\n\n', True),
        (Ollama(), "\n", False),
        (Ollama(), '{"message": {"content": ""}, "done": false}\n', True),
    ],
)
def test_work_without_a_word_is_told_from_pings_at_every_service(wire: Wire, data: str, working: bool) -> None:
    decoder = wire.decoder()
    assert decoder.feed(data.encode()) == []
    assert decoder.working is working
