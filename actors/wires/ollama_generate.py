"""Ollama's generation of text from one prompt, as another wire at the same server: `wire = "ollama-generate"`.

Source: docs.ollama.com/api/generate. `suffix`, `template`, `raw` and `context` go by `extra`; the `context` of the
reply is in the answer's `extra`.
"""

from typing import Any

from callboard.actors.wires.jsons import present
from callboard.actors.wires.ollama import Ollama
from callboard.actors.wires.ollama_request import manner, said
from callboard.actors.wires.wire import Encoded, unsupported
from callboard.messages.request import Request


class OllamaGenerate(Ollama):
    """A wire.EmbeddingWire for `POST /generate`: the user's one message, instructions above it, and nothing else."""

    def encode(self, request: Request, model: str, *, stream: bool) -> Encoded:
        """The HTTP request. Raises WireFault, UNSUPPORTED for a conversation or tools."""
        members = {"model": model, **_prompt(request, self.name), "stream": stream}
        return self._post("/generate", members | manner(request, self.name), _accepted(stream))


def _accepted(stream: bool) -> str:
    return "application/x-ndjson" if stream else "application/json"


def _prompt(request: Request, provider: str) -> dict[str, Any]:
    if request.tools:
        raise unsupported(provider, "tools in /generate")
    *above, last = request.messages
    if last.role != "user" or any(message.role not in ("system", "developer") for message in above):
        raise unsupported(provider, "more than instructions and one message of the user's in /generate")
    shown = said(last.parts, provider)
    system = "\n\n".join(message.text for message in above) if above else None
    return present({"prompt": shown["content"], "images": shown["images"], "system": system})
