"""What may be said of a run of benchmarks."""

from pathlib import Path

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured, and where the answers go."""

    rounds: int = 5
    quick: bool = False
    """A tenth of the work, goals not judged: to see that it runs, not for figures."""
    peers: bool = False
    """Measure the libraries that users would otherwise take as well, each in an environment of its own."""
    json: Path | None = None
    markdown: Path | None = None
    svg: Path | None = None

    def amount(self, full: int, *, least: int = 1) -> int:
        """How much of something to do: all of it, or a tenth when quick."""
        return max(least, full // 10) if self.quick else full
