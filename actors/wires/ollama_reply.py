"""A reply of Ollama's chat or generation, whole or as lines: a plain reply is one line that is done.

Source: docs.ollama.com/api/chat and /api/generate. The two differ in where the words are. Tool calls come whole, and
from older servers without ids; such a call gets one (made_ids.py).
"""

from typing import Any

import msgspec

from callboard.actors.wires import made_ids
from callboard.actors.wires.growing import GrowingReply
from callboard.actors.wires.jsons import items, mapping, read, string, tokens
from callboard.actors.wires.ollama_faults import error_in_reply
from callboard.actors.wires.wire import malformed
from callboard.messages.reply import Answer, Delta, FinishReason
from callboard.messages.usage import Usage

FINISH: dict[str, FinishReason] = {"stop": FinishReason.STOP, "length": FinishReason.LENGTH}

_EXTRA = ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration", "context")
"""Kept beside the answer: nanoseconds, and the tokens that go on with a generation when they are sent back."""

_OBJECT = msgspec.json.Decoder(dict[str, Any])


class OllamaReply(GrowingReply):
    """The reply as it grows (stream.Growing)."""

    def whole(self, body: bytes) -> Answer:
        """A plain reply. Raises WireFault."""
        self.take(body, [])
        if not self.done:
            raise malformed("the reply has no message that is done", provider=self._provider)
        return self.answer()

    def take(self, frame: bytes, deltas: list[Delta]) -> None:
        """One line. Raises WireFault."""
        line = read(_OBJECT, frame, self._provider)
        if self._raw is not None:
            self._raw.append(line)
        if line.get("error"):
            raise error_in_reply(self._provider, line["error"])
        self._model = self._model or string(line.get("model"))
        self._message(mapping(line["message"]) if "message" in line else _generated(line), line, deltas)
        self._keep("logprobs", items(line.get("logprobs")))
        if line.get("done") is True:
            self._end(line)

    def _message(self, message: dict[str, Any], line: dict[str, Any], deltas: list[Delta]) -> None:
        thought, words = string(message.get("thinking")), string(message.get("content"))
        if thought:
            deltas.append(self._draft.thinking(thought))
        if words:
            deltas.append(self._draft.text(words))
        for number, call in enumerate(map(mapping, items(message.get("tool_calls")))):
            function = mapping(call.get("function"))
            arguments = msgspec.json.encode(mapping(function.get("arguments"))).decode()
            call_id = string(call.get("id")) or made_ids.made(line.get("created_at"), number, call)
            opened = self._draft.call(call_id, string(function.get("name")) or "")
            deltas += [opened, self._draft.arguments(opened.tool_index or 0, arguments)]

    def _end(self, line: dict[str, Any]) -> None:
        self.done = self.complete = True
        reason = line.get("done_reason")
        if reason:
            self._finish = (FINISH.get(reason) if isinstance(reason, str) else None) or FinishReason.OTHER
        if "prompt_eval_count" in line or "eval_count" in line:
            self._usage = Usage(input=tokens(line.get("prompt_eval_count")), output=tokens(line.get("eval_count")))
        self._extra |= {name: line[name] for name in _EXTRA if name in line}


def _generated(line: dict[str, Any]) -> dict[str, Any]:
    """A line of a generation as the message that a chat's would hold."""
    return {"content": line.get("response"), "thinking": line.get("thinking"), "tool_calls": line.get("tool_calls")}
