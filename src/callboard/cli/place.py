"""Which store a command speaks of."""

from pathlib import Path

from callboard import config
from callboard.sections import StoreConfig

CONFIGURATION = Path("callboard.toml")


def store_path(wanted: Path | None) -> Path:
    """The store that was named, else that of `callboard.toml` here, else the usual one. Raises ConfigError."""
    if wanted is not None:
        return wanted.absolute()
    if CONFIGURATION.exists():
        return (CONFIGURATION.parent / config.decode(CONFIGURATION).store.path).absolute()
    return Path(StoreConfig().path).absolute()
