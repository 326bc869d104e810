"""The status socket's protocol: one line of JSON asks, one line answers. Pure."""

import msgspec

from callboard.messages.inspecting import InspectorRequest, InspectorResponse

MOST_ASKED = 4_096
"""Bytes of a request's line."""
MOST_ANSWERED = 64 * 1024 * 1024
"""Bytes of an answer's line that a client takes."""

_requests: msgspec.json.Decoder[InspectorRequest] = msgspec.json.Decoder(InspectorRequest)
_responses: msgspec.json.Decoder[InspectorResponse] = msgspec.json.Decoder(InspectorResponse)


class Unintelligible(Exception):
    """The line is none of this protocol's. The sentence repeats nothing of it."""


def encode_request(request: InspectorRequest) -> bytes:
    """The line that asks."""
    return msgspec.json.encode(request) + b"\n"


def decode_request(line: bytes) -> InspectorRequest:
    """What is asked. Raises Unintelligible."""
    try:
        return _requests.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Unintelligible(
            'this is no request; send one line such as {"type": "status"}, {"type": "usage"} or '
            '{"type": "provider", "provider": "NAME", "command": "open"}'
        ) from None


def encode_response(response: InspectorResponse) -> bytes:
    """The line that answers. A value that JSON does not know is told by its type's name."""
    return msgspec.json.encode(response, enc_hook=lambda value: type(value).__name__) + b"\n"


def decode_response(line: bytes) -> InspectorResponse:
    """What is answered. Raises Unintelligible."""
    try:
        return _responses.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Unintelligible("the answer is none of this version's") from None
