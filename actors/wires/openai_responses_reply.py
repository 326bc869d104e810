"""A response, whole or as a stream of events.

Every item is announced, grows by pieces and is told again in full when it ends; that last telling is the answer.
Items are known by their `output_index`, else by their id: servers leave out one or the other.

Source: platform.openai.com/docs/api-reference/responses-streaming.
"""

from typing import Any

import msgspec

from callboard.actors.wires.jsons import check_parts, items, mapping, object_of, read, string, tokens
from callboard.actors.wires.openai_bill import bill_of
from callboard.actors.wires.openai_faults import error_in_reply
from callboard.actors.wires.openai_responses_items import Item
from callboard.actors.wires.openai_usage import responses_usage_of
from callboard.actors.wires.searches import searched
from callboard.actors.wires.sse import Event
from callboard.actors.wires.wire import WireFault, malformed
from callboard.messages.chat import Part, ToolCallPart
from callboard.messages.reply import Answer, Delta, FinishReason
from callboard.messages.usage import Usage

PIECES = {
    "response.output_text.delta": "message",
    "response.refusal.delta": "message",
    "response.reasoning_text.delta": "reasoning",
    "response.reasoning_summary_text.delta": "reasoning",
    "response.function_call_arguments.delta": "function_call",
}
"""The events that bring a piece, and of what kind of item."""

INCOMPLETE = {
    "max_output_tokens": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "content_filter": FinishReason.CONTENT_FILTER,
}
"""Why a response is incomplete."""


class StreamEvent(msgspec.Struct):
    """One event. Which members it has depends on its type."""

    type: Any = None
    output_index: Any = None
    item_id: Any = None
    item: Any = None
    delta: Any = None
    response: Any = None
    error: Any = None
    code: Any = None
    message: Any = None


_EVENT = msgspec.json.Decoder(StreamEvent)
_ANY: "msgspec.json.Decoder[Any]" = msgspec.json.Decoder()


class ResponsesReply:
    """The reply as it grows (stream.Growing)."""

    def __init__(self, provider: str, origin: str, *, keep_raw: bool = False) -> None:
        self.done = False
        self.complete = False
        self._provider = provider
        self._origin = origin
        self._items: list[Item] = []
        self._known: dict[int | str, Item] = {}
        self._calls = 0
        self._head: dict[str, Any] = {}
        self._usage: Usage | None = None
        self._raw: list[Any] | None = [] if keep_raw else None

    def whole(self, body: bytes) -> Answer:
        """A plain reply. Raises WireFault."""
        response = mapping(read(_ANY, body, self._provider))
        self._keep(body)
        self._close(response)
        if not isinstance(response.get("output"), list):
            raise malformed("the reply has no output", provider=self._provider)
        for told in map(mapping, response["output"]):
            self._open(told, None, []).end(told, [])
        return self.answer()

    def take(self, frame: Event, deltas: list[Delta]) -> None:
        """One event of a stream. Raises WireFault."""
        data = frame.data.strip()
        if not data or data == b"[DONE]":
            return
        if frame.type == "error":
            told = object_of(data)
            raise self._failed(told.get("error") or told or data.decode("utf-8", "replace"))
        event = read(_EVENT, data, self._provider)
        self._keep(data)
        kind = string(event.type) or frame.type
        if kind in PIECES:
            self._piece(kind, event, deltas)
            return
        match kind:
            case "response.output_item.added" | "response.output_item.done":
                self._item(event, deltas, ended=kind.endswith("done"))
            case "response.created" | "response.in_progress":
                self._head = mapping(event.response)
            case "response.completed" | "response.incomplete" | "response.done":  # done: older gateways
                self._end(mapping(event.response), deltas)
                self.done = True
            case "response.failed":
                self._close(self._head | mapping(event.response) | {"status": "failed"})
            case "error":
                raise self._failed(event.error or {"code": event.code, "message": event.message})

    def answer(self) -> Answer:
        """What has come so far."""
        parts = tuple(part for item in self._items for part in item.parts(self._origin))
        notes = [note for item in self._items for note in item.notes("annotations")]
        logprobs = [note for item in self._items for note in item.notes("logprobs")]
        extra = {"annotations": notes, "logprobs": logprobs}
        return Answer(
            parts=parts,
            finish_reason=self._finish(parts),
            bill=bill_of(self._head.get("usage"), self._head.get("service_tier"), dollars=False),
            usage=searched(self._usage, self._searches()),
            model=string(self._head.get("model")),
            id=string(self._head.get("id")),
            extra={name: value for name, value in extra.items() if value} or None,
            raw=self._raw[0] if self._raw and len(self._raw) == 1 else self._raw,
        )

    def _searches(self) -> int:
        """As the server counts them, which may search several times for an item; else its items."""
        told = mapping(mapping(self._head.get("tool_usage")).get("web_search"))
        if "num_requests" in told:
            return tokens(told["num_requests"])
        return sum(item.searches for item in self._items)

    def _keep(self, data: bytes) -> None:
        if self._raw is not None:
            self._raw.append(read(_ANY, data, self._provider))

    def _failed(self, error: Any) -> WireFault:
        return error_in_reply(self._provider, error or {"message": "the response failed without a reason"})

    def _piece(self, kind: str, event: StreamEvent, deltas: list[Delta]) -> None:
        piece = string(event.delta)
        item = self._find(event.output_index, event.item_id)
        if item is None and PIECES[kind] != "function_call":
            item = self._open({"type": PIECES[kind], "id": event.item_id}, event.output_index, deltas)
        if item is not None and piece is not None:
            item.grow(kind, piece, deltas)

    def _item(self, event: StreamEvent, deltas: list[Delta], *, ended: bool) -> None:
        told = mapping(event.item)
        item = self._find(event.output_index, told.get("id")) or self._open(told, event.output_index, deltas)
        if ended:
            item.end(told, deltas)

    def _end(self, response: dict[str, Any], deltas: list[Delta]) -> None:
        """The response in full. Its items count where their own ends were not told."""
        self._close(response)
        if self._items and all(item.ended for item in self._items):
            return
        seen: list[Item] = []
        for index, told in enumerate(map(mapping, items(response.get("output")))):
            found = self._find(index, None) or self._find(None, told.get("id"))
            item = self._open(told, index, deltas) if found is None or found in seen else found
            seen.append(item)
            if not item.ended:
                item.end(told, deltas)

    def _close(self, response: dict[str, Any]) -> None:
        """The response in full, less its items. Raises WireFault when it failed, which may have cost something too."""
        self._head = response
        self._usage = responses_usage_of(response.get("usage"))
        if response.get("error") or response.get("status") == "failed":
            raise self._failed(response.get("error"))

    def _find(self, index: Any, item_id: Any) -> Item | None:
        """By index where there is one: at xAI two items may share an id."""
        key = index if type(index) is int else item_id
        return self._known.get(key) if isinstance(key, int | str) else None

    def _open(self, told: dict[str, Any], index: Any, deltas: list[Delta]) -> Item:
        check_parts(len(self._items) + 1, self._provider)
        item = Item(told, self._calls, deltas)
        self._calls += told.get("type") == "function_call"
        self._items.append(item)
        if type(index) is int:
            self._known[index] = item
        if isinstance(told.get("id"), str):
            self._known[told["id"]] = item
        return item

    def _finish(self, parts: tuple[Part, ...]) -> FinishReason | None:
        match self._head.get("status"):
            case "completed" if any(isinstance(part, ToolCallPart) for part in parts):
                return FinishReason.TOOL_CALLS
            case "completed":
                return FinishReason.STOP
            case "incomplete":
                reason = mapping(self._head.get("incomplete_details")).get("reason")
                return INCOMPLETE.get(str(reason), FinishReason.OTHER)
            case "failed" | "cancelled":
                return FinishReason.ERROR
            case _:
                return None
