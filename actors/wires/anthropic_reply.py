"""An Anthropic message, whole or as a stream of events.

Source: platform.claude.com/docs/en/api/messages and docs/en/build-with-claude/streaming there. A streamed block is
the block that `content_block_start` sent with the deltas merged in, so that both ways end in the same Block. Events,
blocks and deltas that this version does not know are kept or skipped, never refused: new ones may come at any time.
"""

from typing import Any

import msgspec

from callboard.actors.wires.anthropic_blocks import Block, Piece
from callboard.actors.wires.anthropic_faults import error_in_reply
from callboard.actors.wires.anthropic_usage import bill_of, usage_of
from callboard.actors.wires.jsons import check_parts, mapping, object_of, present, read, string
from callboard.actors.wires.sse import Event
from callboard.actors.wires.wire import malformed
from callboard.messages.reply import Answer, Delta, FinishReason

FINISH: dict[str, FinishReason] = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
    "pause_turn": FinishReason.PAUSE,
    "compaction": FinishReason.PAUSE,
    "refusal": FinishReason.REFUSAL,
}

_EXTRA = ("stop_sequence", "stop_details", "container", "context_management")
"""Members of a message, or of the delta at its end, that the answer keeps."""


class Streamed(msgspec.Struct):
    """Any event; its other members are read only where they are needed."""

    type: Any = None
    index: int | None = None
    delta: Piece | None = None


_STREAMED = msgspec.json.Decoder(Streamed)
_OBJECT = msgspec.json.Decoder(dict[str, Any])


class MessageReply:
    """The reply as it grows (stream.Growing)."""

    def __init__(self, provider: str, origin: str, *, keep_raw: bool = False) -> None:
        self.done = False
        self.complete = False
        self._provider = provider
        self._origin = origin
        self._blocks: list[Block] = []
        self._growing: dict[int, Block] = {}
        """The latest block of each index. An imitation may use one index for all of them."""
        self._calls = 0
        self._id: str | None = None
        self._model: str | None = None
        self._finish: FinishReason | None = None
        self._usage: dict[str, Any] = {}
        self._extra: dict[str, Any] = {}
        self._raw: list[Any] | None = [] if keep_raw else None

    def whole(self, body: bytes) -> Answer:
        """A plain reply. Raises WireFault."""
        message = self._object(body)
        if message.get("type") == "error":
            raise error_in_reply(self._provider, message)
        if not isinstance(message.get("content"), list):
            raise malformed("the reply has no content", provider=self._provider)
        check_parts(len(message["content"]), self._provider)
        self._head(message)
        for index, block in enumerate(map(mapping, message["content"])):
            self._start(index, block, [])
        self._end(message, {})
        return self.answer()

    def take(self, frame: Event, deltas: list[Delta]) -> None:
        """One event of a stream. Raises WireFault."""
        event = read(_STREAMED, frame.data, self._provider)
        if event.type == "content_block_delta":
            self._delta(event, frame.data, deltas)
        if event.type != "content_block_delta" or self._raw is not None:
            self._event(event, self._object(frame.data), deltas)

    def answer(self) -> Answer:
        """What has come so far."""
        raw = self._raw
        blocks = (block.part(self._origin) for block in self._blocks)
        return Answer(
            parts=tuple(part for part in blocks if part is not None),
            finish_reason=self._finish,
            usage=usage_of(self._usage),
            bill=bill_of(self._usage),
            model=self._model,
            id=self._id,
            extra=self._extra or None,
            raw=raw[0] if raw and len(raw) == 1 else raw,
        )

    def _object(self, data: bytes) -> dict[str, Any]:
        members = read(_OBJECT, data, self._provider)
        if self._raw is not None:
            self._raw.append(members)
        return members

    def _event(self, event: Streamed, members: dict[str, Any], deltas: list[Delta]) -> None:
        match event.type:
            case "message_start":
                self._head(mapping(members.get("message")))
            case "content_block_start" if event.index is not None:
                self._start(event.index, mapping(members.get("content_block")), deltas)
            case "content_block_stop" if event.index in self._growing:
                self._growing[event.index].stop(deltas)
            case "message_delta":
                managed = {"context_management": members.get("context_management")}
                self._end(managed | mapping(members.get("delta")), mapping(members.get("usage")))
            case "message_stop":
                self.done = True
            case "error":
                raise error_in_reply(self._provider, members)
            case _:  # ping, and events of a later day
                pass

    def _head(self, message: dict[str, Any]) -> None:
        self._id = string(message.get("id"))
        self._model = string(message.get("model"))
        self._count(mapping(message.get("usage")))

    def _start(self, index: int, block: dict[str, Any], deltas: list[Delta]) -> None:
        check_parts(len(self._blocks) + 1, self._provider)
        call = None
        if block.get("type") == "tool_use":
            call = self._calls
            self._calls += 1
        started = self._growing[index] = Block(block, call)
        self._blocks.append(started)
        started.start(deltas)

    def _delta(self, event: Streamed, data: bytes, deltas: list[Delta]) -> None:
        block = self._growing.get(-1 if event.index is None else event.index)
        if block is None or event.delta is None:
            raise malformed("a delta for a block that was never started", provider=self._provider)
        if not block.add(event.delta, deltas):
            block.merge(mapping(object_of(data).get("delta")))

    def _end(self, delta: dict[str, Any], usage: dict[str, Any]) -> None:
        reason = delta.get("stop_reason")
        if reason:
            self._finish = FINISH.get(reason) if isinstance(reason, str) else None
            self._finish = self._finish or FinishReason.OTHER
            self.complete = True
        self._count(usage)
        self._extra |= {name: delta[name] for name in _EXTRA if delta.get(name)}

    def _count(self, usage: dict[str, Any]) -> None:
        """Counts are cumulative: a later one replaces an earlier one, unless it is null, or smaller: an imitation tells
        at the end of nothing but its output, with zeros beside it."""
        self._usage |= {name: _later(self._usage.get(name), count) for name, count in present(usage).items()}


def _later(before: Any, now: Any) -> Any:
    return max(before, now) if type(before) is type(now) is int else now
