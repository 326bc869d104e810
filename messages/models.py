"""What providers offer."""

import msgspec


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """One model of one provider."""

    provider: str
    id: str
    name: str | None = None
    context: int | None = None
    """Tokens; None when the provider does not say."""
    max_output: int | None = None
    """Tokens; None when the provider does not say."""

    @property
    def ref(self) -> str:
        """The name to call it by: `provider/model`."""
        return f"{self.provider}/{self.id}"
