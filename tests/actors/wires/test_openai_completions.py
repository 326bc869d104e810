import json
from typing import Any

import pytest

from callboard.actors.wires.openai_completions import OpenAICompletions
from callboard.actors.wires.openai_request import Quirks
from callboard.actors.wires.wire import Wire, WireFault
from callboard.messages.chat import ImagePart, TextPart, assistant, system, user
from callboard.messages.reply import Delta
from callboard.messages.request import Output, Request, Sampling, Thinking, Tool
from callboard.messages.usage import Usage

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def sent(wire: OpenAICompletions | None = None, *, stream: bool = False, **members: Any) -> dict[str, Any]:
    request = Request(**{"model": "fast", "messages": (user("once"),), **members})
    encoded = (wire or OpenAICompletions()).encode(request, "davinci", stream=stream)
    assert encoded.path == "/completions"
    body: dict[str, Any] = json.loads(encoded.body)
    return body


def chunk(text: Any, finish: str | None = None, index: int = 0, **members: Any) -> dict[str, Any]:
    return {
        "id": "cmpl-1",
        "model": "davinci",
        "choices": [{"text": text, "index": index, "finish_reason": finish}],
    } | members


def framed(*chunks: dict[str, Any]) -> bytes:
    return b"".join(f"data: {json.dumps(one)}\n\n".encode() for one in chunks)


def test_it_is_a_wire_and_the_users_text_is_the_prompt() -> None:
    wire: Wire = OpenAICompletions("vllm")
    assert wire.name == "vllm"
    assert sent() == {"model": "davinci", "prompt": "once"}
    assert sent(messages=(user("on", "ce"),))["prompt"] == "once"


def test_sampling_keeps_its_names_and_log_probabilities_are_a_number() -> None:
    sampling = Sampling(max_tokens=9, temperature=0.5, stop=("x",), seed=1, logprobs=True, top_logprobs=4)
    assert sent(sampling=sampling, user="ann", extra={"echo": True}) == {
        "model": "davinci", "prompt": "once", "max_tokens": 9, "temperature": 0.5, "stop": ["x"], "seed": 1,
        "logprobs": 4, "user": "ann", "echo": True,
    }  # fmt: skip
    assert sent(sampling=Sampling(logprobs=True))["logprobs"] == 0


def test_a_stream_asks_for_usage_and_a_bound_is_sent_where_the_server_wants_one() -> None:
    assert sent(stream=True)["stream_options"] == {"include_usage": True}
    quirks = Quirks(default_max_tokens=7, stream_usage=False)
    body = sent(OpenAICompletions(quirks=quirks), stream=True)
    assert (body["max_tokens"], body["stream"], "stream_options" in body) == (7, True, False)


@pytest.mark.parametrize(
    "members",
    [
        {"messages": (system("s"), user("u"))},
        {"messages": (assistant("a"),)},
        {"messages": (user(ImagePart(url="https://example.org/a.png")),)},
        {"tools": (Tool(name="f"),)},
        {"output": Output(kind="json")},
        {"thinking": Thinking(effort="low")},
        {"sampling": Sampling(top_k=3)},
    ],
)
def test_all_that_is_not_text_is_refused_before_anything_is_sent(members: dict[str, Any]) -> None:
    with pytest.raises(WireFault) as caught:
        sent(**members)
    assert caught.value.fault.kind == "unsupported"


def test_a_plain_reply_is_its_first_text() -> None:
    body = chunk(" upon", "length", usage=USAGE)
    body["choices"].append({"text": "other", "index": 1})
    answer = OpenAICompletions().decode(json.dumps(body).encode(), keep_raw=True)
    assert answer.parts == (TextPart(" upon"),)
    assert (answer.finish_reason, answer.id, answer.model, answer.raw) == ("length", "cmpl-1", "davinci", body)
    assert answer.usage == Usage(input=3, output=2)


def test_a_reason_of_a_later_day_is_other_and_log_probabilities_are_kept() -> None:
    body = chunk("a", "tired")
    body["choices"][0]["logprobs"] = {"tokens": ["a"]}
    answer = OpenAICompletions().decode(json.dumps(body).encode())
    assert (answer.finish_reason, answer.extra) == ("other", {"logprobs": [{"tokens": ["a"]}]})


@pytest.mark.parametrize("cut", range(1, 220, 7))
def test_a_split_anywhere_gives_the_same_text(cut: int) -> None:
    body = framed(chunk(" up"), chunk("on"), chunk("", "stop"), {"choices": [], "usage": USAGE}) + b"data: [DONE]\n\n"
    decoder = OpenAICompletions().decoder()
    deltas = decoder.feed(body[:cut]) + decoder.feed(body[cut:])
    assert deltas == [Delta(text=" up"), Delta(text="on")]
    assert decoder.done
    answer = decoder.close()
    assert (answer.parts, answer.finish_reason, answer.usage) == (
        (TextPart(" upon"),),
        "stop",
        Usage(input=3, output=2),
    )


def test_a_stream_may_end_after_its_reason_but_not_before() -> None:
    for chunks, ends in (((chunk("a"), chunk("", "stop")), True), ((chunk("a"),), False)):
        decoder = OpenAICompletions().decoder()
        decoder.feed(framed(*chunks))
        if ends:
            assert decoder.close().finish_reason == "stop"
            continue
        with pytest.raises(WireFault) as caught:
            decoder.close()
        assert caught.value.fault.kind == "interrupted"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{}", "malformed_reply"),
        (b"<html>", "malformed_reply"),
        (b'{"choices": 7}', "malformed_reply"),
        (b'{"error": {"code": "insufficient_quota", "message": "no"}}', "quota_exhausted"),
    ],
)
def test_a_reply_without_a_text_is_a_fault(body: bytes, kind: str) -> None:
    with pytest.raises(WireFault) as caught:
        OpenAICompletions().decode(body)
    assert caught.value.fault.kind == kind
