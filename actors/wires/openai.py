"""OpenAI's chat completions, and every server that imitates them.

To add a provider, read this file: a wire is a name, an encoder, two decoders and a reading of faults and limits, each
in a file of its own. A provider that speaks this protocol needs only another name and its Quirks.

Source: platform.openai.com/docs/api-reference/chat.
"""

import time
from collections.abc import Callable

from callboard.actors.wires import openai_faults
from callboard.actors.wires.jsons import write
from callboard.actors.wires.model_lists import decode_models
from callboard.actors.wires.openai_reply import ChatReply
from callboard.actors.wires.openai_request import OPENAI, Quirks, encode_body
from callboard.actors.wires.rate_limits import OPENAI as HEADERS
from callboard.actors.wires.rate_limits import rate_limits
from callboard.actors.wires.sse import EventReader
from callboard.actors.wires.stream import ReplyStream
from callboard.actors.wires.wire import Encoded, Headers, StreamDecoder
from callboard.messages.faults import Fault
from callboard.messages.limits import RateLimits
from callboard.messages.models import Model
from callboard.messages.reply import Answer
from callboard.messages.request import Request

BASE_URL = "https://api.openai.com/v1"


class OpenAIChat:
    """A wire.Wire. `utc` gives the time now, in nanoseconds since 1970, to count from when a header names a date."""

    def __init__(self, name: str = "openai", *, quirks: Quirks = OPENAI, utc: Callable[[], int] = time.time_ns) -> None:
        self.name = name
        self._quirks = quirks
        self._utc = utc

    def headers(self, key: str | None) -> dict[str, str]:
        """The credential, for servers that want one."""
        return {} if key is None else {"authorization": f"Bearer {key}"}

    def encode(self, request: Request, model: str, *, stream: bool) -> Encoded:
        """The HTTP request. Raises WireFault, UNSUPPORTED for what the server cannot do."""
        body = encode_body(request, model, stream=stream, provider=self.name, quirks=self._quirks)
        headers = {"content-type": "application/json", "accept": "text/event-stream" if stream else "application/json"}
        return Encoded(method="POST", path="/chat/completions", headers=headers, body=write(body, self.name))

    def decode(self, body: bytes, *, keep_raw: bool = False) -> Answer:
        """A plain reply. Raises WireFault."""
        return ChatReply(self.name, keep_raw=keep_raw).whole(body)

    def decoder(self, *, keep_raw: bool = False) -> StreamDecoder:
        """A decoder for one stream."""
        return ReplyStream(self.name, EventReader(), ChatReply(self.name, keep_raw=keep_raw))

    def fault(self, status: int, headers: Headers, body: bytes) -> Fault:
        """What a reply with a status outside 2xx means. Never raises."""
        return openai_faults.fault(self.name, status, headers, body, self._utc)

    def limits(self, headers: Headers) -> RateLimits | None:
        """The `x-ratelimit-…` headers. Never raises."""
        return rate_limits(headers, HEADERS, self._utc())

    def encode_models(self) -> Encoded:
        """`GET /models`."""
        return Encoded(method="GET", path="/models", headers={"accept": "application/json"}, body=b"")

    def decode_models(self, body: bytes) -> tuple[Model, ...]:
        """The account's models. Raises WireFault."""
        return decode_models(body, self.name)
