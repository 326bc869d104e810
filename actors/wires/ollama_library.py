"""The models on Ollama's machine: which are in memory, what they are, fetching and removing them.

Source: docs.ollama.com/api/ps, /show-model-details, /pull and /delete. Which there are is ollama.Ollama's
`encode_models`.
"""

from typing import Any

import msgspec

from callboard.actors.wires.jsons import items, mapping, read, string, tokens
from callboard.actors.wires.lines import TooLong
from callboard.actors.wires.ndjson import RecordReader
from callboard.actors.wires.ollama_faults import error_in_reply
from callboard.actors.wires.wire import Encoded, WireFault, malformed
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.local_models import LocalModel, PullProgress, RunningModel

_OBJECT = msgspec.json.Decoder(dict[str, Any])


class OllamaLibrary:
    """The half of a wire.LibraryWire that is not chat."""

    name: str

    def encode_running(self) -> Encoded:
        """`GET /ps`: the models in memory."""
        return Encoded(method="GET", path="/ps", headers={"accept": "application/json"}, body=b"")

    def decode_running(self, body: bytes) -> tuple[RunningModel, ...]:
        """The models in memory. Raises WireFault."""
        listed = read(_OBJECT, body, self.name).get("models")
        if not isinstance(listed, list):
            raise malformed("the reply holds no list of models", provider=self.name)
        entries = ((string(entry.get("model")) or string(entry.get("name")), entry) for entry in map(mapping, listed))
        return tuple(
            RunningModel(
                id=name,
                size=_count(entry, "size"),
                size_gpu=_count(entry, "size_vram"),
                expires=string(entry.get("expires_at")),
                context=_count(entry, "context_length"),
            )
            for name, entry in entries
            if name
        )

    def encode_show(self, model: str) -> Encoded:
        """`POST /show`: what a model is."""
        return _encoded("POST", "/show", {"model": model})

    def decode_show(self, body: bytes) -> LocalModel:
        """What a model is. Raises WireFault."""
        shown = read(_OBJECT, body, self.name)
        details, facts = mapping(shown.get("details")), mapping(shown.get("model_info"))
        return LocalModel(
            family=string(details.get("family")),
            parameters=string(details.get("parameter_size")),
            quantization=string(details.get("quantization_level")),
            context=_count(facts, f"{facts.get('general.architecture')}.context_length"),
            capabilities=tuple(filter(None, map(string, items(shown.get("capabilities"))))),
            raw=shown,
        )

    def encode_pull(self, model: str) -> Encoded:
        """`POST /pull`: fetches a model; the reply is a stream."""
        return _encoded("POST", "/pull", {"model": model, "stream": True}, accept="application/x-ndjson")

    def pull_decoder(self) -> "PullReader":
        """A reader for the progress of one download."""
        return PullReader(self.name)

    def encode_delete(self, model: str) -> Encoded:
        """`DELETE /delete`: removes a model. A reply with a 2xx status holds nothing."""
        return _encoded("DELETE", "/delete", {"model": model})


class PullReader:
    """One download's progress. Feed it bytes as they come, split anywhere."""

    def __init__(self, provider: str = "ollama") -> None:
        self.done = False
        """Whether the model is here."""
        self._provider = provider
        self._lines = RecordReader()

    def feed(self, data: bytes) -> list[PullProgress]:
        """What these bytes tell. Raises WireFault on an error inside the stream, whatever came before it, or on
        rubbish."""
        try:
            return [self._progress(line) for line in self._lines.feed(data)]
        except TooLong as error:
            raise malformed(str(error), provider=self._provider) from None

    def close(self) -> list[PullProgress]:
        """What the last line tells, if it lacked its end. Raises WireFault(INTERRUPTED) when the model is not here."""
        last = [self._progress(line) for line in self._lines.close() if line.rstrip().endswith(b"}")]
        if not self.done:
            message = "the download ended before the model was here"
            raise WireFault(Fault(kind=FaultKind.INTERRUPTED, message=message, provider=self._provider))
        return last

    def _progress(self, data: bytes) -> PullProgress:
        line = read(_OBJECT, data, self._provider)
        if line.get("error"):
            raise error_in_reply(self._provider, line["error"])
        status = string(line.get("status")) or ""
        self.done = self.done or status == "success"
        return PullProgress(
            status=status,
            digest=string(line.get("digest")),
            completed=_count(line, "completed"),
            total=_count(line, "total"),
        )


def _count(entry: dict[str, Any], name: str) -> int | None:
    return tokens(entry[name]) if name in entry else None


def _encoded(method: str, path: str, members: dict[str, Any], *, accept: str = "application/json") -> Encoded:
    headers = {"content-type": "application/json", "accept": accept}
    return Encoded(method=method, path=path, headers=headers, body=msgspec.json.encode(members))
