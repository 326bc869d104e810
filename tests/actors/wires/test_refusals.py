"""What every wire makes of refusals and framings that are in no recording."""

from email.utils import formatdate

import pytest
from tests.actors.wires.bodies import FAULTS, STREAMED
from tests.actors.wires.test_decoders_fuzz import WIRES, written

from callboard.actors.wires.anthropic import AnthropicMessages
from callboard.actors.wires.cohere import Cohere
from callboard.actors.wires.cohere_v1 import CohereV1
from callboard.actors.wires.faults import Complaint
from callboard.actors.wires.gemini import Gemini
from callboard.actors.wires.ollama import Ollama
from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.openai_responses import OpenAIResponses
from callboard.actors.wires.wire import Wire

NOW = 1_800_000_000
AT_NOON: dict[str, Wire] = {
    "openai": OpenAIChat(utc=lambda: NOW * 10**9),
    "responses": OpenAIResponses(utc=lambda: NOW * 10**9),
    "anthropic": AnthropicMessages(utc=lambda: NOW * 10**9),
    "gemini": Gemini(utc=lambda: NOW * 10**9),
    "cohere": Cohere(utc=lambda: NOW * 10**9),
    "cohere-v1": CohereV1(utc=lambda: NOW * 10**9),
    "ollama": Ollama(utc=lambda: NOW * 10**9),
}
PROSE = {"error": "upstream is down"}
EVENTS = [name for name in WIRES if not name.startswith("ollama") and name != "cohere-v1"]

each = pytest.mark.parametrize("name", AT_NOON)


@each
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": formatdate(NOW + 90, usegmt=True)}, 90),
        ({"retry-after": formatdate(NOW - 90, usegmt=True)}, 0),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503, 529])
def test_how_long_to_wait_is_read_in_seconds_or_as_a_date(
    name: str, headers: dict[str, str], seconds: float | None, status: int
) -> None:
    fault = AT_NOON[name].fault(status, headers, written(PROSE))
    assert (fault.retry_after, fault.status) == (seconds, status)
    limits = AT_NOON[name].limits(headers)
    assert (None if limits is None else limits.retry_after) == seconds


@each
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (500, "server"),
        (502, "server"),
        (504, "server"),
        (503, "overloaded"),
        (529, "overloaded"),
        (429, "rate_limited"),
        (408, "timed_out"),
    ],
)
@pytest.mark.parametrize(
    "body",
    [b"", b"<html><title>502 Bad Gateway</title></html>", written(PROSE), b"upstream is down", b"\xff\xfe"],
    ids=["empty", "page", "json", "prose", "rubbish"],
)
def test_a_server_that_fails_is_told_by_its_status_whatever_it_says(
    name: str, status: int, kind: str, body: bytes
) -> None:
    fault = AT_NOON[name].fault(status, {}, body)
    assert (fault.kind, fault.status) == (kind, status)
    assert "<" not in fault.message
    assert fault.message


@each
def test_a_credential_in_the_words_of_a_refusal_is_hidden(name: str) -> None:
    for body in ({"error": {"message": "bad key sk-abcdefgh12345678"}}, {"message": "bad key sk-abcdefgh12345678"}):
        assert "abcdefgh" not in AT_NOON[name].fault(401, {}, written(body)).message


@each
@pytest.mark.parametrize("said", ["prompt is too long: {}", "'{}' is bad: prompt is too long"])
def test_a_refusal_that_repeats_a_long_prompt_is_told_apart(name: str, said: str) -> None:
    body = written({"error": {"message": said.format("calls in a row " * 600_000)}})
    assert AT_NOON[name].fault(400, {}, body).kind == "context_too_long"


def test_of_a_long_message_the_ends_are_searched_and_nobody_is_held_up() -> None:
    assert len(Complaint(message="calls in a row " * 600_000).searched) < 40_000


@each
@pytest.mark.parametrize("told", ["a" * 101, "\\" * 60_000, "see the diary of your safe", ""])
def test_a_header_that_holds_no_id_is_none(name: str, told: str) -> None:
    ids = ("request-id", "x-request-id", "x-debug-trace-id", "x-generation-id", "apim-request-id")
    assert AT_NOON[name].fault(400, dict.fromkeys(ids, told), b"{}").request_id is None


@pytest.mark.parametrize("name", EVENTS)
def test_comments_ids_retries_and_data_in_several_lines_change_nothing(name: str) -> None:
    plain, dressed = b"", b"retry: 3000\n\n: keep-alive\n\n:\n\n"
    good = STREAMED[name] if name in ("completions", "vertex") else STREAMED[name][:-1]
    for number, event in enumerate(event for event in good if "promptFeedback" not in event):
        named = f"event: {event['type']}\n".encode() if "type" in event else b""
        text = written(event)
        first, comma, rest = text.partition(b", ")
        lines = b"data: " + first + comma + (b"\ndata: " + rest if comma else b"")
        plain += named + b"data: " + text + b"\n\n"
        dressed += b": waiting\n" + f"id: {number}\n".encode() + named + lines + b"\n: waiting\n\n"
    answers = []
    for body in (plain, dressed, dressed.replace(b"\n", b"\r\n")):
        decoder = WIRES[name].decoder()
        deltas = [delta for start in range(0, len(body), 11) for delta in decoder.feed(body[start : start + 11])]
        answers.append((decoder.close(), deltas))
    assert answers[0] == answers[1] == answers[2]


def test_a_spend_limit_and_a_daily_quota_are_no_rate_limits() -> None:
    spent = AT_NOON["anthropic"].fault(429, {}, written(FAULTS[1]))
    daily = AT_NOON["gemini"].fault(429, {}, written(FAULTS[2]))
    monthly = AT_NOON["cohere"].fault(429, {}, b'{"message": "limited to 1000 API calls / month"}')
    assert {fault.kind for fault in (spent, daily, monthly)} == {"quota_exhausted"}
    assert all(fault.resets_at is not None and fault.resets_at > NOW * 10**9 for fault in (spent, daily, monthly))
