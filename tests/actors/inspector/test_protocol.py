from decimal import Decimal
from typing import Any

import msgspec
import pytest

from callboard.actors.inspector.protocol import (
    Unintelligible,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
)
from callboard.messages.accounting import CallRow, LatencyRow, UsageReport, UsageRow
from callboard.messages.inspecting import (
    CommandDone,
    InspectorRequest,
    InspectorResponse,
    ProviderCommand,
    RequestRefused,
    StatusAnswer,
    StatusQuery,
    UsageAnswer,
    UsageQuery,
)
from callboard.messages.status import Blocked, NodeStatus, Status
from callboard.messages.usage import Usage

REQUESTS: list[InspectorRequest] = [
    StatusQuery(),
    UsageQuery(),
    ProviderCommand(provider="alpha", command="open", now=True),
    ProviderCommand(provider="alpha", command="reset"),
]
TREE = NodeStatus(path="", kind="supervisor", status="running", facts={"circuits": {"endpoint": "open"}})
STATUS = Status(
    taken=1,
    pid=2,
    version="3",
    uptime=4.0,
    tree=TREE,
    dead_letters={"x": 1},
    blocked=Blocked(path="a", message="B", seconds=1.5),
)
REPORT = UsageReport(
    models=(UsageRow(day="2026-01-01", provider="p", model="m", usage=Usage(input=3), cost=Decimal("0.000001")),),
    calls=(CallRow(day="2026-01-01", tag="t", user="u"),),
    latency=(LatencyRow(provider="p", model="m", buckets=(0, 1)),),
)
RESPONSES: list[InspectorResponse] = [
    StatusAnswer(STATUS),
    UsageAnswer(REPORT),
    CommandDone("done"),
    RequestRefused("no\nway"),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=repr)
def test_a_request_is_one_line_and_arrives_as_it_was(request_: InspectorRequest) -> None:
    line = encode_request(request_)
    assert line.index(b"\n") == len(line) - 1
    assert decode_request(line) == request_


@pytest.mark.parametrize("response", RESPONSES, ids=lambda response: type(response).__name__)
def test_a_response_is_one_line_and_arrives_as_it_was(response: InspectorResponse) -> None:
    line = encode_response(response)
    assert line.index(b"\n") == len(line) - 1
    assert decode_response(line) == response


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"GET / HTTP/1.1",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"type": "secret-word"}',
        b'{"type": "status", "secret-word": 1}',
        b'{"type": "provider", "provider": "a", "command": "secret-word"}',
        b'{"type": "provider", "provider": 1, "command": "open"}',
        b'{"type": "provider", "command": "open"}',
        b"[" * 4000,
        b'{"type": ' + b"[" * 4000,
    ],
)
def test_rubbish_is_refused_and_not_repeated(line: bytes) -> None:
    with pytest.raises(Unintelligible) as error:
        decode_request(line)
    assert "secret-word" not in str(error.value)
    with pytest.raises(Unintelligible):
        decode_response(line)


def test_a_fact_that_json_does_not_know_is_told_by_its_type() -> None:
    class Strange:
        pass

    facts: dict[str, Any] = {"odd": Strange()}
    status = msgspec.structs.replace(STATUS, tree=msgspec.structs.replace(TREE, facts=facts))
    answer = decode_response(encode_response(StatusAnswer(status)))
    assert isinstance(answer, StatusAnswer)
    assert answer.status.tree.facts == {"odd": "Strange"}
