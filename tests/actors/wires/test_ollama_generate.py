import json
from typing import Any

import pytest

from callboard.actors.wires.ollama_generate import OllamaGenerate
from callboard.actors.wires.wire import WireFault
from callboard.messages.chat import ImagePart, assistant, system, user
from callboard.messages.request import Request, Sampling, Tool

WIRE = OllamaGenerate()


def sent(*messages: Any, **members: Any) -> dict[str, Any]:
    request = Request(model="m", messages=messages, **members)
    encoded = WIRE.encode(request, "m", stream=True)
    assert (encoded.path, encoded.headers["accept"]) == ("/generate", "application/x-ndjson")
    body: dict[str, Any] = json.loads(encoded.body)
    return body


def test_instructions_and_one_prompt_are_sent_with_their_options() -> None:
    picture = ImagePart(data=b"x", media_type="image/png")
    body = sent(system("a"), system("b"), user("hi", picture), sampling=Sampling(max_tokens=3), extra={"suffix": "s"})
    assert body == {
        "model": "m",
        "prompt": "hi",
        "images": ["eA=="],
        "system": "a\n\nb",
        "stream": True,
        "options": {"num_predict": 3},
        "suffix": "s",
    }


@pytest.mark.parametrize(
    ("messages", "members"),
    [
        ((user("a"), assistant("b"), user("c")), {}),
        ((user("a"), assistant("b")), {}),
        ((user("a"),), {"tools": (Tool(name="t"),)}),
    ],
)
def test_conversations_and_tools_are_refused(messages: Any, members: Any) -> None:
    with pytest.raises(WireFault) as refused:
        sent(*messages, **members)
    assert refused.value.fault.kind == "unsupported"


def test_a_stream_of_words_and_reasoning_is_read_with_its_context() -> None:
    lines = [{"response": "", "thinking": "hm"}, {"response": "Hel"}, {"response": "lo"}]
    end = {
        "response": "",
        "done": True,
        "done_reason": "length",
        "context": [1],
        "eval_count": 2,
        "prompt_eval_count": 1,
    }
    decoder = WIRE.decoder()
    deltas = decoder.feed(b"".join(json.dumps(line).encode() + b"\n" for line in [*lines, end]))
    assert ([delta.thinking for delta in deltas], [delta.text for delta in deltas]) == (
        ["hm", "", ""],
        ["", "Hel", "lo"],
    )
    answer = decoder.close()
    assert (answer.finish_reason, answer.extra) == ("length", {"context": [1]})
    assert answer.usage is not None
    assert answer.usage.total == 3


def test_an_error_in_the_middle_comes_after_the_words_before_it() -> None:
    decoder = WIRE.decoder()
    assert [
        delta.text for delta in decoder.feed(b'{"response":"Hel"}\n{"error":"the model runner has stopped"}\n')
    ] == ["Hel"]
    with pytest.raises(WireFault, match="the model runner has stopped") as failed:
        decoder.close()
    assert failed.value.fault.kind == "server"
