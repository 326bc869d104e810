"""OpenAI's Responses, as OpenAI, Azure, xAI, DeepSeek and OpenRouter speak it.

A turn is a list of items: messages, reasoning, calls of functions and of the server's own tools. Reasoning goes back
in its encrypted form, and the server's own items as they came, to this account's Responses and to nobody else.

Source: platform.openai.com/docs/api-reference/responses.
"""

import time
from collections.abc import Callable

from callboard.actors.wires.events import EventStream
from callboard.actors.wires.openai_request import OPENAI, Quirks
from callboard.actors.wires.openai_responses_reply import ResponsesReply
from callboard.actors.wires.openai_responses_request import encode_body
from callboard.actors.wires.openai_server import OpenAIServer
from callboard.actors.wires.rate_limits import OPENAI as HEADERS
from callboard.actors.wires.rate_limits import Names
from callboard.actors.wires.wire import Encoded, StreamDecoder, read_whole
from callboard.messages.reply import Answer
from callboard.messages.request import Request


def origin_of(account: str) -> str:
    """The `origin` of what only the Responses of this account understand: the same server's chat does not."""
    return f"{account}-responses"


class OpenAIResponses(OpenAIServer):
    """A wire.EmbeddingWire for `POST /responses`.

    `stateless` asks the server to store nothing, and for reasoning in its encrypted form when the request asks for
    reasoning or the model reasons unasked; the request's `extra` goes before it. `account` tells servers of one name
    apart: an organisation or a resource of Azure's cannot read what another has encrypted, and refuses it.
    """

    def __init__(
        self,
        name: str = "openai",
        *,
        quirks: Quirks = OPENAI,
        rate_limits: Names = HEADERS,
        account: str | None = None,
        stateless: bool = True,
        utc: Callable[[], int] = time.time_ns,
    ) -> None:
        super().__init__(name, quirks=quirks, rate_limits=rate_limits, utc=utc)
        self._stateless = stateless
        self._origin = origin_of(account or name)

    def encode(self, request: Request, model: str, *, stream: bool) -> Encoded:
        """The HTTP request. Raises WireFault, UNSUPPORTED for what the protocol has no name for."""
        body = encode_body(request, model, provider=self.name, origin=self._origin, stateless=self._stateless)
        return self._post("/responses", body | {"stream": True} if stream else body, stream=stream)

    def decode(self, body: bytes, *, keep_raw: bool = False) -> Answer:
        """A plain reply. Raises WireFault."""
        return read_whole(ResponsesReply(self.name, self._origin, keep_raw=keep_raw), body)

    def decoder(self, *, keep_raw: bool = False) -> StreamDecoder:
        """A decoder for one stream."""
        return EventStream(self.name, ResponsesReply(self.name, self._origin, keep_raw=keep_raw))
