"""A reply of Cohere's chat, whole or as a stream of events.

Source: docs.cohere.com/reference/chat and /reference/chat-stream. The plan that the model makes before it calls tools
(`tool_plan`) becomes a ThinkingPart whose `extra` is TOOL_PLAN, so that it can go back as what it was. Citations and
the units that are billed are in the answer's `extra`. Events and blocks of a later day are skipped.
"""

from typing import Any

import msgspec

from callboard.actors.wires.cohere_faults import error_in_reply
from callboard.actors.wires.cohere_usage import bill_of, usage_of
from callboard.actors.wires.growing import GrowingReply
from callboard.actors.wires.jsons import items, mapping, object_of, read, string
from callboard.actors.wires.sse import Event
from callboard.actors.wires.wire import WireFault, malformed
from callboard.messages.chat import OpaquePart
from callboard.messages.reply import Answer, Delta, FinishReason

FINISH: dict[str, FinishReason] = {
    "COMPLETE": FinishReason.STOP,
    "STOP_SEQUENCE": FinishReason.STOP,
    "MAX_TOKENS": FinishReason.LENGTH,
    "TOOL_CALL": FinishReason.TOOL_CALLS,
    "ERROR": FinishReason.ERROR,
    "TIMEOUT": FinishReason.ERROR,
}

TOOL_PLAN = {"type": "tool_plan"}
"""`extra` of a ThinkingPart that was a plan."""

_OBJECT = msgspec.json.Decoder(dict[str, Any])


class CohereReply(GrowingReply):
    """The reply as it grows (stream.Growing). It is done at `message-end`: not every stream goes on to `[DONE]`."""

    def __init__(self, provider: str, *, keep_raw: bool = False) -> None:
        super().__init__(provider, keep_raw=keep_raw)
        self._calls: dict[Any, int] = {}

    def whole(self, body: bytes) -> Answer:
        """A plain reply. Raises WireFault."""
        reply = self._object(body)
        message = reply.get("message")
        if not isinstance(message, dict):
            refused = reply.get("error") or string(message)
            raise error_in_reply(self._provider, reply) if refused else self._odd("the reply has no message")
        self._id = string(reply.get("id"))
        blocks = message.get("content")
        for block in [{"text": blocks}] if isinstance(blocks, str) else items(blocks):
            self._content(mapping(block), [])
        self._plan(message.get("tool_plan"), [])
        for number, call in enumerate(items(message.get("tool_calls"))):
            self._open(number, mapping(call), [])
        self._keep("citations", items(message.get("citations")))
        self._end(reply)
        return self.answer()

    def take(self, frame: Event, deltas: list[Delta]) -> None:
        """One event of a stream. Raises WireFault."""
        data = frame.data.strip()
        if frame.type == "error":
            raise error_in_reply(self._provider, object_of(data) or {"message": data.decode("utf-8", "replace")})
        if data and data != b"[DONE]":
            event = self._object(data)
            self._event(event, mapping(event.get("delta")), deltas)

    def _object(self, data: bytes) -> dict[str, Any]:
        members = read(_OBJECT, data, self._provider)
        if self._raw is not None:
            self._raw.append(members)
        return members

    def _odd(self, what: str) -> WireFault:
        return malformed(what, provider=self._provider)

    def _event(self, event: dict[str, Any], delta: dict[str, Any], deltas: list[Delta]) -> None:
        message = mapping(delta.get("message"))
        match event.get("type"):
            case "message-start":
                self._id = string(event.get("id"))
            case "content-start" | "content-delta":
                self._content(mapping(message.get("content")), deltas)
            case "tool-plan-delta":
                self._plan(message.get("tool_plan"), deltas)
            case "tool-call-start":
                self._open(_key(event), mapping(message.get("tool_calls")), deltas)
            case "tool-call-delta":
                self._fill(_key(event), mapping(message.get("tool_calls")), deltas)
            case "citation-start":
                found = message.get("citations")
                self._keep("citations", [found] if isinstance(found, dict) else items(found))
            case "message-end":
                self._end(delta)
                if delta.get("error"):
                    raise error_in_reply(self._provider, {"id": self._id, **delta})
                self.done = True
            case _:  # the ends of blocks, debug, and events of a later day
                pass
        if delta.get("logprobs") is not None:
            self._keep("logprobs", [delta["logprobs"]])

    def _content(self, block: dict[str, Any], deltas: list[Delta]) -> None:
        thought, words = string(block.get("thinking")), string(block.get("text"))
        if thought:
            deltas.append(self._draft.thinking(thought))
        if words:
            deltas.append(self._draft.text(words))
        if block.get("type") not in (None, "text", "thinking"):
            self._draft.whole(OpaquePart(origin=self._provider, block=block))

    def _plan(self, plan: Any, deltas: list[Delta]) -> None:
        if string(plan):
            deltas.append(self._draft.thinking(plan, TOOL_PLAN))

    def _open(self, key: Any, call: dict[str, Any], deltas: list[Delta]) -> None:
        name = string(mapping(call.get("function")).get("name"))
        opened = self._draft.call(string(call.get("id")), name or "")
        deltas.append(opened)
        self._calls[key] = opened.tool_index or 0
        self._fill(key, call, deltas)

    def _fill(self, key: Any, call: dict[str, Any], deltas: list[Delta]) -> None:
        if key not in self._calls:
            raise self._odd("a piece of a tool call that was never started")
        arguments = string(mapping(call.get("function")).get("arguments"))
        if arguments:
            deltas.append(self._draft.arguments(self._calls[key], arguments))

    def _end(self, end: dict[str, Any]) -> None:
        reason, usage = end.get("finish_reason"), end.get("usage")
        self.complete = True
        if reason:
            self._finish = FINISH.get(reason) if isinstance(reason, str) else None
            self._finish = self._finish or FinishReason.OTHER
        self._usage, self._bill = usage_of(usage), bill_of(usage)
        self._keep("logprobs", items(end.get("logprobs")))
        billed = mapping(usage).get("billed_units")
        if billed:
            self._extra["billed_units"] = billed


def _key(event: dict[str, Any]) -> Any:
    """Which tool call an event speaks of."""
    index = event.get("index")
    return index if isinstance(index, int) else None
