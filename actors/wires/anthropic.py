"""Anthropic's Messages API, versions 2023-06-01 and 2026-10-21.

Source: platform.claude.com/docs/en/api/overview and docs/en/api/versioning there.
"""

import time
from collections.abc import Callable

from callboard.actors.wires import anthropic_faults
from callboard.actors.wires.anthropic_reply import MessageReply
from callboard.actors.wires.anthropic_request import Version, encode_body
from callboard.actors.wires.events import EventStream
from callboard.actors.wires.jsons import write
from callboard.actors.wires.model_lists import decode_models
from callboard.actors.wires.rate_limits import ANTHROPIC, rate_limits
from callboard.actors.wires.wire import Encoded, Headers, StreamDecoder, read_whole
from callboard.messages.faults import Fault
from callboard.messages.limits import RateLimits
from callboard.messages.models import Model
from callboard.messages.reply import Answer
from callboard.messages.request import Request

BASE_URL = "https://api.anthropic.com/v1"


def origin_of(account: str) -> str:
    """The `origin` of what only this account's server understands, where that is not Anthropic's own."""
    return f"{account}-messages"


class AnthropicMessages:
    """A wire.Wire. `account` is given where another server than Anthropic's speaks the protocol: Anthropic refuses what
    that one has signed. `betas` are the features to ask for by `anthropic-beta`; `utc` gives the time now, in
    nanoseconds since 1970."""

    def __init__(
        self,
        name: str = "anthropic",
        *,
        account: str | None = None,
        version: Version = "2023-06-01",
        betas: tuple[str, ...] = (),
        utc: Callable[[], int] = time.time_ns,
    ) -> None:
        self.name = name
        self._origin = name if account is None else origin_of(account)
        self._version = version
        self._betas = betas
        self._utc = utc

    def headers(self, key: str | None) -> dict[str, str]:
        """The version, and the credential."""
        headers: dict[str, str] = {"anthropic-version": self._version}
        if self._betas:
            headers["anthropic-beta"] = ",".join(self._betas)
        if key is not None:
            headers["x-api-key"] = key
        return headers

    def encode(self, request: Request, model: str, *, stream: bool) -> Encoded:
        """The HTTP request. Raises WireFault, UNSUPPORTED for what Anthropic cannot do."""
        body = encode_body(
            request, model, stream=stream, provider=self.name, origin=self._origin, version=self._version
        )
        headers = {"content-type": "application/json", "accept": "text/event-stream" if stream else "application/json"}
        return Encoded(method="POST", path="/messages", headers=headers, body=write(body, self.name))

    def decode(self, body: bytes, *, keep_raw: bool = False) -> Answer:
        """A plain reply. Raises WireFault."""
        return read_whole(MessageReply(self.name, self._origin, keep_raw=keep_raw), body)

    def decoder(self, *, keep_raw: bool = False) -> StreamDecoder:
        """A decoder for one stream."""
        return EventStream(self.name, MessageReply(self.name, self._origin, keep_raw=keep_raw))

    def fault(self, status: int, headers: Headers, body: bytes) -> Fault:
        """What a reply with a status outside 2xx means. Never raises."""
        return anthropic_faults.fault(self.name, status, headers, body, self._utc)

    def limits(self, headers: Headers) -> RateLimits | None:
        """The `anthropic-ratelimit-…` headers. Never raises."""
        return rate_limits(headers, ANTHROPIC, self._utc())

    def encode_models(self) -> Encoded:
        """`GET /models`, as many as fit a page: Anthropic has far fewer."""
        return Encoded(method="GET", path="/models?limit=1000", headers={"accept": "application/json"}, body=b"")

    def decode_models(self, body: bytes) -> tuple[Model, ...]:
        """The account's models. Raises WireFault."""
        return decode_models(body, self.name)
