"""The body of Cohere's chat, version 1, as a Request: what cohere_v1.py writes, read back.

Source: docs.cohere.com/v1/reference/chat. Calls and results of tools in the history have no ids and stay unread.
"""

from typing import Any

from callboard.actors.wires.cohere_request import SAMPLING
from callboard.actors.wires.inbound import Members, members_of, sampling
from callboard.messages.chat import ChatMessage
from callboard.messages.request import Output, Request
from callboard.messages.validate import InvalidRequest

_ROLES: dict[str, Any] = {"SYSTEM": "system", "USER": "user", "CHATBOT": "assistant"}


def decode_request(body: bytes) -> Request:
    """The Request, `model` as it is written there; whether it asks for a stream is left to the caller.

    Raises InvalidRequest for what cannot be taken apart; validate.check judges the rest.
    """
    members = members_of(body)
    members.take("stream")
    before = tuple(_said(said) for said in members.objects("chat_history"))
    return Request(
        model=members.take("model"),
        messages=(*before, ChatMessage("user", members.text("message"))),
        sampling=sampling(members, SAMPLING),
        output=_output(members),
        extra=members.rest(),
    )


def _said(said: Members) -> ChatMessage:
    role = _ROLES.get(said.text("role").upper())
    if role is None:
        raise InvalidRequest(said.at("role"), f"expected one of {', '.join(_ROLES)}")
    if said.peek("tool_calls") == []:
        said.take("tool_calls")
    return ChatMessage(role, said.text("message"), extra=said.rest())


def _output(members: Members) -> Output | None:
    match members.peek("response_format"):
        case {"type": "json_object", "schema": schema, **more}:
            output = Output(schema=schema)
        case {"type": "json_object", **more}:
            output = Output(kind="json")
        case _:
            return None
    if not more:
        members.take("response_format")
    return output
