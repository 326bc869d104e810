"""What the steps of a plan amount to, without a connection."""

import json
from typing import Any

import msgspec
import pytest

from callboard.messages.usage import Usage
from callboard.testing.asked import Asked
from callboard.testing.behaviour import Behaviour, InjectedFault
from callboard.testing.openai import OpenAIShape
from callboard.testing.plan import plan
from callboard.testing.quota import Admission
from callboard.testing.script import script
from callboard.testing.shape import Stamp
from callboard.testing.steps import Bill, Body, Close, Drip, End, Hang, Head, Reset, Step, Wait

PLAIN = Asked(kind="chat", digest="d", model="m", input_tokens=10)
STREAM = msgspec.structs.replace(PLAIN, stream=True)
PACE: dict[str, Any] = {
    "latency": (2.0, 2.0),
    "first_token": (3.0, 3.0),
    "between_tokens": (0.5, 0.5),
    "tokens": (4, 4),
}


def steps(asked: Asked, fault: InjectedFault | None = None, **more: Any) -> list[Step]:
    rates = {f"{fault}_rate": 1.0} if fault else {}
    behaviour = msgspec.structs.replace(Behaviour(), **(PACE | rates | more))
    made = plan(behaviour, asked, seed="7", occurrence=1, in_flight=0, admission=Admission())
    return list(script(made, asked, OpenAIShape(), Stamp("a1", 0), ("m",)))


def body(of: list[Step]) -> bytes:
    return b"".join(step.data for step in of if isinstance(step, Body))


def tokens(of: list[Step]) -> int:
    events = [event.removeprefix(b"data: ") for event in body(of).split(b"\n\n") if b"choices" in event]
    return sum(bool(json.loads(event)["choices"][0]["delta"].get("content")) for event in events)


def billed(of: list[Step]) -> Usage:
    return sum((step.usage for step in of if isinstance(step, Bill)), Usage())


def waited(of: list[Step]) -> list[float]:
    return [step.seconds for step in of if isinstance(step, Wait)]


def test_a_plain_reply_is_billed_whole_before_its_wait() -> None:
    made = steps(PLAIN)
    assert made[0] == Bill(Usage(input=10, output=4))
    assert made[1] == Wait(2.0)
    assert made[-1] == End()


def test_a_stream_is_paced_and_billed_token_by_token() -> None:
    made = steps(STREAM)
    assert waited(made) == [2.0, 3.0, 0.5, 0.5, 0.5]
    assert [step.usage for step in made if isinstance(step, Bill)] == [Usage(input=10), *[Usage(output=1)] * 4]
    assert body(made).endswith(b"data: [DONE]\n\n")


def test_a_plain_reply_says_its_length_unless_it_is_chunked() -> None:
    heads = [
        next(step for step in steps(PLAIN, chunked=chunked) if isinstance(step, Head)) for chunked in (False, True)
    ]
    assert dict(heads[0].headers)["content-length"] == str(len(body(steps(PLAIN))))
    assert "content-length" not in dict(heads[1].headers)


@pytest.mark.parametrize("after", [0, 2, 4])
@pytest.mark.parametrize("fault", [InjectedFault.CUT, InjectedFault.TRUNCATE, InjectedFault.STREAM_ERROR])
def test_a_stream_ends_early_after_as_many_tokens_as_were_billed(fault: InjectedFault, after: int) -> None:
    made = steps(STREAM, fault, fault_after=(after, after))
    assert tokens(made) == after
    assert billed(made) == Usage(input=10, output=after)
    assert b"[DONE]" not in body(made)
    assert b'"finish_reason":"stop"' not in body(made)
    assert made[-1] == (Close() if fault is InjectedFault.CUT else End(whole=False))
    assert (b'"error":' in body(made)) is (fault is InjectedFault.STREAM_ERROR)


def test_half_a_body_announces_the_whole_and_then_closes() -> None:
    made = steps(PLAIN, InjectedFault.HALF_BODY)
    head = next(step for step in made if isinstance(step, Head))
    assert len(body(made)) == int(dict(head.headers)["content-length"]) // 2
    assert made[-1] == Close()


def test_malformed_json_is_whole_for_http_and_broken_for_json() -> None:
    made = steps(PLAIN, InjectedFault.MALFORMED)
    head = next(step for step in made if isinstance(step, Head))
    assert len(body(made)) == int(dict(head.headers)["content-length"])
    assert made[-1] == End()
    with pytest.raises(json.JSONDecodeError):
        json.loads(body(made))


@pytest.mark.parametrize("after", [0, 2, 9])
def test_one_event_of_a_malformed_stream_is_broken_and_the_rest_is_whole(after: int) -> None:
    made = steps(STREAM, InjectedFault.MALFORMED, fault_after=(after, after))
    broken = []
    for number, event in enumerate(body(made).split(b"\n\n")[1:5]):
        try:
            json.loads(event.removeprefix(b"data: "))
        except json.JSONDecodeError:
            broken.append(number)
    assert broken == [min(after, 3)]
    assert made[-1] == End()


def test_connection_faults_send_no_status() -> None:
    assert steps(PLAIN, InjectedFault.RESET) == [Wait(2.0), Reset()]
    assert steps(PLAIN, InjectedFault.HANG) == [Hang()]


@pytest.mark.parametrize(("asked", "byte"), [(PLAIN, b" "), (STREAM, b":")])
def test_a_drip_never_ends(asked: Asked, byte: bytes) -> None:
    made = steps(asked, InjectedFault.DRIP, drip_interval=5.0)
    assert isinstance(made[-2], Head)
    assert made[-1] == Drip(byte, 5.0)


def test_an_error_reply_waits_its_latency_and_bills_nothing() -> None:
    made = steps(STREAM, InjectedFault.QUOTA)
    assert made[0] == Wait(2.0)
    assert isinstance(made[1], Head)
    assert made[1].status == 429
    assert "retry-after" not in dict(made[1].headers)
    assert billed(made) == Usage()


def test_the_list_of_models_is_free() -> None:
    made = steps(Asked(kind="models"))
    assert [model["id"] for model in json.loads(body(made))["data"]] == ["m"]
    assert billed(made) == Usage()
