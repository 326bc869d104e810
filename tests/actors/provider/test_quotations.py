import json
import random
import string
from typing import Any

import pytest
from tests.proportion import in_proportion

from callboard.actors.provider.quotations import OVERLAP, PART, Quotations, parts
from callboard.actors.wires.redact import BOUND, HIDDEN, redact
from callboard.messages.faults import Fault, FaultKind

DIARY = 'Dear diary,\ntoday I "lost" the keys of\tthe safe in C:\\new\\house and nobody knows. Größe: 7 Ä.'
MODEL = "accounts/fireworks/models/llama-v3p1-405b-instruct"


def told(message: str, body: bytes, **more: Any) -> Fault:
    quotations = Quotations(Fault(kind=FaultKind.INVALID_REQUEST, message=message, **more), MODEL)
    for part in parts(body):
        quotations.look_at(part)
    return quotations.left_out()


def sent(text: str) -> bytes:
    """A request as wires write it: UTF-8, without spaces."""
    members = {
        "model": MODEL,
        "messages": [{"role": "user", "content": text}],
        "parallel_tool_calls": False,
        "max_completion_tokens": 5,
        "stream_options": {"include_usage": True},
        "tools": [{"function": {"name": "get_weather_tomorrow", "parameters": {"additionalProperties": False}}}],
    }
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (f"Invalid content: '{DIARY}'", f"Invalid content: '{HIDDEN}.'"),
        ("Invalid content: 'Dear diary, today I \"lost\" th…", f"Invalid content: '{HIDDEN}…"),
        (f"Got {json.dumps({'content': DIARY})}", f'Got {{"content": "{HIDDEN}."}}'),
        ("Got " + json.dumps(json.dumps({"a": DIARY}, ensure_ascii=False)), f'Got "{{\\"a\\": \\"{HIDDEN}.\\"}}"'),
        ("Neither 'Dear diary, today I lost the' nor 'and nobody knows. Größe'", f"Neither '{HIDDEN}' nor '{HIDDEN}'"),
        ("DEAR DIARY   TODAY\u00a0I LOST THE KEYS!", f"{HIDDEN}!"),
        ("lost the\\u0026 keys\\u0027 of\\nthe \\u0022safe in C", HIDDEN),
        ("['today', 'I', 'lost', 'the', 'keys', 'of', 'the']", f"['{HIDDEN}']"),
    ],
    ids=["whole", "cut", "JSON", "JSON in JSON", "twice", "other spaces", "other escapes", "in words"],
)  # fmt: skip
def test_what_a_provider_quotes_of_the_request_is_left_out_however_it_is_written(said: str, left: str) -> None:
    assert told(redact(said), sent(DIARY)).message == redact(left)


def test_other_scripts_are_left_out_as_well() -> None:
    secret = "今天我把保险箱的钥匙弄丢了"
    assert told(f"内容无效:{secret}。", sent(f"亲爱的日记,{secret}!")).message == f"内容无效:{HIDDEN}。"


def test_a_piece_of_a_tools_arguments_is_left_out() -> None:
    arguments = json.dumps({"note": "the safe opens\nwith my birthday"})
    assert (
        told("cannot read 'safe opens with my birthday\"}'", sent(arguments)).message == f"cannot read '{HIDDEN}\"}}'"
    )


@pytest.mark.parametrize(
    "said",
    [
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 200000 tokens.",
        f"The model `{MODEL}` does not exist or you do not have access to it.",
        "Unsupported parameter: 'max_completion_tokens' is not supported with parallel_tool_calls.",
        "Invalid schema for function 'get_weather_tomorrow': 'additionalProperties' must be false.",
        "stream_options.include_usage: is not permitted here",
        "Invalid content: 'Dear diary' is no way to begin",
    ],
)
def test_a_providers_own_words_stay_and_so_do_the_names_of_what_is_wrong(said: str) -> None:
    assert told(said, sent(DIARY)).message == said


def test_a_long_word_of_the_callers_is_left_out() -> None:
    url = "https://files.example/private/correct-horse-battery"
    assert told(f"cannot fetch {url}", sent(url)).message == f"cannot fetch {HIDDEN}"


def test_a_code_and_an_id_hold_no_quotation_either() -> None:
    fault = told("no", sent(DIARY), code="and nobody knows. Größe: 7 Ä", request_id="lost the keys of the safe")
    assert (fault.message, fault.code, fault.request_id) == ("no", HIDDEN, HIDDEN)


def test_a_quotation_is_found_wherever_it_stands_in_a_long_request() -> None:
    secret = "the keys lie under the third stone from the left"
    for place in range(PART - 60, PART + OVERLAP + 60, 7):
        assert secret not in told(f"bad: {secret}", sent("." * place + secret + "." * PART)).message


def test_time_is_in_proportion_to_what_was_sent_whatever_was_said() -> None:
    chance = random.Random(3)
    prose = "".join(chance.choice(string.ascii_lowercase + "  ") for _ in range(1_000_000))
    pieces = "".join(f"{prose[at : at + 19]}!Q" for at in range(0, 10_000, 400))
    for said, text in [
        (prose[500_000:], prose),
        (pieces, prose),
        ("a" * BOUND, "aaaaaaaa " * 100_000),
        ("aaaaaaaab" * 60, "aaaaaaaa\n\\" * 100_000),
    ]:
        in_proportion(lambda size, said=said, text=text: told(said[:BOUND], sent(text[:size])), len(text))  # type: ignore[misc]
