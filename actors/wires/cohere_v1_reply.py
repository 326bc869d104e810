"""A reply of Cohere's chat, version 1, whole or as lines of JSON whose last one holds the whole.

Source: docs.cohere.com/v1/reference/chat and /chat-stream. Tool calls have no ids and are taken when they are whole.
"""

from typing import Any

import msgspec

from callboard.actors.wires.cohere_faults import error_in_reply
from callboard.actors.wires.cohere_reply import FINISH
from callboard.actors.wires.cohere_usage import bill_of, usage_of
from callboard.actors.wires.growing import GrowingReply
from callboard.actors.wires.jsons import items, mapping, read, string
from callboard.actors.wires.made_ids import made
from callboard.actors.wires.ndjson import RecordReader
from callboard.actors.wires.wire import malformed
from callboard.messages.reply import Answer, Delta, FinishReason

_FINISH = FINISH | {"ERROR_TOXIC": FinishReason.CONTENT_FILTER, "ERROR_LIMIT": FinishReason.LENGTH}
_KEPT = ("citations", "documents", "search_queries", "search_results")

_ANY: "msgspec.json.Decoder[Any]" = msgspec.json.Decoder()


class CohereV1Reply(GrowingReply):
    """The reply as it grows (stream.Growing)."""

    def __init__(self, provider: str, *, keep_raw: bool = False) -> None:
        super().__init__(provider, keep_raw=keep_raw)
        self._generation: str | None = None

    def whole(self, body: bytes) -> Answer:
        """A plain reply, or all the lines of a stream. Raises WireFault."""
        lines = RecordReader(len(body))
        frames = lines.feed(body) + lines.close()
        for frame in frames if frames and b'"event_type"' in frames[0] else [body]:
            self.take(frame, [])
        if not self.done:
            raise malformed("the reply has no end", provider=self._provider)
        return self.answer()

    def take(self, frame: bytes, deltas: list[Delta]) -> None:
        """One line of a stream, or a plain reply. Raises WireFault."""
        line = mapping(read(_ANY, frame, self._provider))
        if self._raw is not None:
            self._raw.append(line)
        self._generation = string(line.get("generation_id")) or self._generation
        self._id = string(line.get("response_id")) or self._id or self._generation
        match line.get("event_type"):
            case "text-generation":
                self._say(line, deltas)
            case "tool-calls-generation":
                self._plan(line, deltas)
            case "stream-end":
                self._finished(mapping(line.get("response")), line)
            case None:
                self._plain(line, deltas)
            case _:  # citations and documents come again in the end; debug, and events of a later day
                pass

    def _plain(self, reply: dict[str, Any], deltas: list[Delta]) -> None:
        if "text" not in reply and "finish_reason" not in reply:
            if reply.get("message"):
                raise error_in_reply(self._provider, reply)
            raise malformed("the reply has no text", provider=self._provider)
        if items(reply.get("tool_calls")):
            self._plan(reply, deltas)
        else:
            self._say(reply, deltas)
        self._finished(reply, reply)

    def _say(self, line: dict[str, Any], deltas: list[Delta]) -> None:
        words = string(line.get("text"))
        if words:
            deltas.append(self._draft.text(words))

    def _plan(self, line: dict[str, Any], deltas: list[Delta]) -> None:
        """Calls, and the words beside them: what the model means to do with them."""
        plan = string(line.get("text"))
        if plan:
            deltas.append(self._draft.thinking(plan))
        for number, call in enumerate(map(mapping, items(line.get("tool_calls")))):
            opened = self._draft.call(made(self._generation, number, call), string(call.get("name")) or "")
            arguments = msgspec.json.encode(mapping(call.get("parameters"))).decode()
            deltas += [opened, self._draft.arguments(opened.tool_index or 0, arguments)]

    def _finished(self, reply: dict[str, Any], end: dict[str, Any]) -> None:
        reason = end.get("finish_reason") or reply.get("finish_reason")
        meta = mapping(reply.get("meta"))
        self._usage, self._bill = usage_of(meta), bill_of(meta)
        if reason == "ERROR":
            raise error_in_reply(self._provider, {"message": end.get("error"), **end})
        self.done = self.complete = True
        if reason:
            self._finish = (_FINISH.get(reason) if isinstance(reason, str) else None) or FinishReason.OTHER
        if items(reply.get("tool_calls")) and self._finish is FinishReason.STOP:
            self._finish = FinishReason.TOOL_CALLS
        self._id = string(reply.get("response_id")) or self._id
        self._extra |= {name: reply[name] for name in _KEPT if items(reply.get(name))}
        if mapping(meta.get("billed_units")):
            self._extra["billed_units"] = meta["billed_units"]
