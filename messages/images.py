"""Images that a model makes."""

from typing import Any

from callboard.messages.base import Veiled
from callboard.messages.reply import Receipt, Result
from callboard.messages.request import Work


class ImageRequest(Work, frozen=True, kw_only=True):
    """Images to make from a description."""

    prompt: str
    count: int = 1
    size: str | None = None
    """In the provider's own words: width x height such as `1024x1536`, or an aspect ratio such as `3:2`."""
    quality: str | None = None
    """In the provider's own word, such as `high`."""

    def __repr__(self) -> str:
        return f"ImageRequest({self.model!r}, {self.count} images)"


class Image(Veiled, frozen=True, kw_only=True):
    """One image: its bytes, or where the provider keeps it for a while."""

    data: bytes | None = None
    url: str | None = None
    media_type: str | None = None
    """Such as `image/png`; None when the provider did not say."""
    revised_prompt: str | None = None
    """What the provider made of the prompt before it drew."""


class ImageAnswer(Result, frozen=True, kw_only=True, tag="image"):
    """The images."""

    images: tuple[Image, ...]
    text: str = ""
    """What the model said beside them."""

    def reply(self, **receipt: Any) -> "Images":
        """As the base."""
        return Images(images=self.images, text=self.text, **receipt)


class Images(Receipt, frozen=True, kw_only=True):
    """The images."""

    images: tuple[Image, ...]
    text: str = ""
    """What the model said beside them."""

    def __repr__(self) -> str:
        return self._told(f"{len(self.images)} images")
