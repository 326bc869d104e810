"""OpenAI's chat completions, and every server that imitates them.

To add a provider, read this file and openai_server.py: a wire is a name, an encoder, two decoders and a reading of
faults and limits, each in a file of its own. A provider that speaks this protocol needs only a row in presets.py.

Source: platform.openai.com/docs/api-reference/chat.
"""

import time
from collections.abc import Callable

from callboard.actors.wires.events import EventStream
from callboard.actors.wires.openai_reply import ChatReply
from callboard.actors.wires.openai_request import OPENAI, Quirks, encode_body
from callboard.actors.wires.openai_server import OpenAIServer
from callboard.actors.wires.rate_limits import OPENAI as HEADERS
from callboard.actors.wires.rate_limits import Names
from callboard.actors.wires.wire import Encoded, StreamDecoder, read_whole
from callboard.messages.reply import Answer
from callboard.messages.request import Request

BASE_URL = "https://api.openai.com/v1"


class OpenAIChat(OpenAIServer):
    """A wire.EmbeddingWire for `POST /chat/completions`.

    `account` is given where the server is none that is known by its name: what it alone understands, such as the
    signatures of tool calls, goes back to that account, and others refuse it.
    """

    def __init__(
        self,
        name: str = "openai",
        *,
        quirks: Quirks = OPENAI,
        rate_limits: Names = HEADERS,
        account: str | None = None,
        utc: Callable[[], int] = time.time_ns,
    ) -> None:
        super().__init__(name, quirks=quirks, rate_limits=rate_limits, utc=utc)
        self._origin = name if account is None else f"{account}-chat"

    def encode(self, request: Request, model: str, *, stream: bool) -> Encoded:
        """The HTTP request. Raises WireFault, UNSUPPORTED for what the server cannot do."""
        body = encode_body(request, model, stream=stream, provider=self.name, origin=self._origin, quirks=self._quirks)
        return self._post("/chat/completions", body, stream=stream)

    def decode(self, body: bytes, *, keep_raw: bool = False) -> Answer:
        """A plain reply. Raises WireFault."""
        return read_whole(self._reply(keep_raw), body)

    def decoder(self, *, keep_raw: bool = False) -> StreamDecoder:
        """A decoder for one stream."""
        return EventStream(self.name, self._reply(keep_raw))

    def _reply(self, keep_raw: bool) -> ChatReply:
        dollars, usual = self._quirks.dollars, self._quirks.usual_tiers
        return ChatReply(self.name, self._origin, keep_raw=keep_raw, dollars=dollars, usual_tiers=usual)
