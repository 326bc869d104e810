"""What a simulated model says: made from the seed and the request alone."""

import random
from base64 import b64encode

import msgspec

from callboard.messages.reply import FinishReason
from callboard.messages.usage import Usage
from callboard.testing.asked import Asked
from callboard.testing.behaviour import Behaviour
from callboard.testing.example import example
from callboard.testing.png import png

# fmt: off
_WORDS = (
    "the", "a", "this", "every", "one", "light", "water", "stage", "evening", "small", "quiet", "river",
    "answer", "question", "door", "window", "actor", "call", "cue", "curtain", "line", "scene", "house",
    "garden", "winter", "summer", "morning", "letter", "voice", "story", "reason", "moves", "opens",
    "follows", "carries", "begins", "waits", "holds", "turns", "before", "after", "under", "beside",
    "because", "while", "and", "then", "often", "slowly", "clearly", "almost", "again",
)
# fmt: on
_TOKEN_CHARACTERS = 4


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A whole reply, in tokens."""

    pieces: tuple[str, ...]
    """The tokens of the text, or of the tool call's arguments as JSON text; of images, each in base64."""
    finish: FinishReason
    tool: str | None = None
    """The name of the tool called; None for a text."""
    input_tokens: int
    cached_tokens: int = 0
    """The part of `input_tokens` that was read from the provider's cache."""

    @property
    def text(self) -> str:
        """All pieces joined."""
        return "".join(self.pieces)

    @property
    def input_usage(self) -> Usage:
        """What the provider bills for reading the request."""
        return Usage(input=self.input_tokens - self.cached_tokens, cached_read=self.cached_tokens)

    @property
    def usage(self) -> Usage:
        """What the provider bills for the whole."""
        return self.input_usage + Usage(output=len(self.pieces))


def say(asked: Asked, behaviour: Behaviour, seed: str) -> Said:
    """The reply to a request to a model. The same seed and request give the same words, plain or streamed.

    Raises ValueError when the request's schema is no JSON Schema.
    """
    draw = random.Random(f"{seed}/{asked.digest}/words")
    if asked.kind != "chat":
        return Said(pieces=_images(asked, draw), finish=FinishReason.STOP, input_tokens=asked.input_tokens)
    whole = _pieces(asked, behaviour, draw)
    kept = whole[: asked.max_tokens]
    if len(kept) < len(whole):
        finish = FinishReason.LENGTH
    else:
        finish = FinishReason.TOOL_CALLS if asked.tool else FinishReason.STOP
    return Said(
        pieces=kept,
        finish=finish,
        tool=asked.tool.name if asked.tool else None,
        input_tokens=asked.input_tokens,
        cached_tokens=int(asked.input_tokens * behaviour.cached_share),
    )


def _pieces(asked: Asked, behaviour: Behaviour, draw: random.Random) -> tuple[str, ...]:
    schema = asked.tool.schema if asked.tool else asked.schema
    if schema is None:
        return _prose(draw.randint(*behaviour.tokens), draw)
    made = example({"type": "object", **schema} if asked.tool else schema, draw)
    text = msgspec.json.encode(made).decode()
    return tuple(text[at : at + _TOKEN_CHARACTERS] for at in range(0, len(text), _TOKEN_CHARACTERS))


def _images(asked: Asked, draw: random.Random) -> tuple[str, ...]:
    return tuple(b64encode(png(draw.randbytes(3))).decode() for _ in range(asked.images))


def _prose(tokens: int, draw: random.Random) -> tuple[str, ...]:
    pieces = []
    left = 0
    for index in range(tokens):
        word = draw.choice(_WORDS)
        if left == 0:
            left = draw.randint(6, 12)
            word = word.capitalize()
        left -= 1
        stop = "." if left == 0 or index == tokens - 1 else ""
        pieces.append(f"{' ' if index else ''}{word}{stop}")
    return tuple(pieces)
