"""A recording and its transcript, which a stream sends in pieces."""

from typing import Any

_GROWING = ("data", "transcript")


class Recording:
    """What a reply's `audio` has told so far."""

    def __init__(self) -> None:
        self._told: dict[str, Any] = {}
        self._pieces: dict[str, list[str]] = {}

    def add(self, audio: dict[str, Any]) -> None:
        """The whole, or the next piece."""
        for name, value in audio.items():
            if value and name in _GROWING and isinstance(value, str):
                self._pieces.setdefault(name, []).append(value)
            elif value:
                self._told.setdefault(name, value)

    def whole(self) -> dict[str, Any]:
        """Its members, as a plain reply would have them."""
        return self._told | {name: "".join(pieces) for name, pieces in self._pieces.items()}
