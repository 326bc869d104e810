import json
from typing import Any

import pytest

from callboard.actors.wires.cohere_v1 import CohereV1
from callboard.actors.wires.cohere_v1_inbound import decode_request
from callboard.messages.validate import InvalidRequest, check

HISTORY = [{"role": "System", "message": "s"}, {"role": "User", "message": "a"}, {"role": "Chatbot", "message": "b"}]


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"chat_history": HISTORY},
        {"p": 0.5, "k": 3, "stop_sequences": ["x"], "raw_prompting": True},
        {"response_format": {"type": "json_object", "schema": {"type": "object"}}},
        {"response_format": {"type": "json_object"}, "stream": True},
    ],
)
def test_a_request_read_and_written_again_is_the_same(members: dict[str, Any]) -> None:
    body = {"model": "m", "message": "hi", "stream": False, **members}
    request = decode_request(json.dumps(body).encode())
    check(request)
    assert json.loads(CohereV1().encode(request, "m", stream=body["stream"]).body) == body


def test_a_role_is_known_however_it_is_written_and_an_empty_list_of_calls_is_nothing() -> None:
    history = [{"role": "CHATBOT", "message": "b", "tool_calls": []}]
    request = decode_request(json.dumps({"model": "m", "message": "hi", "chat_history": history}).encode())
    assert (request.messages[0].role, request.messages[0].extra) == ("assistant", None)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"{}", "message"),
        (b"rubbish", "body"),
        (b'{"message": "hi", "chat_history": [{"role": "TOOL"}]}', "chat_history[0].role"),
    ],
)
def test_what_cannot_be_taken_apart_is_refused_by_its_place(body: bytes, where: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        decode_request(body)
    assert where in str(refused.value)
