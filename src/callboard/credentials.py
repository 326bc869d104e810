"""Where a provider's key comes from, and whether it can be sent. No sentence here quotes one."""

import re
from collections.abc import Mapping
from pathlib import Path

from callboard.errors import ConfigError

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def find(
    where: str, environ: Mapping[str, str], *, key: str | None, key_env: str | None, usual: str | None
) -> str | None:
    """The key as it stands in the configuration, or in the variable `key_env`, or in the `usual` one of the service.

    None when none of them is named. Raises ConfigError.
    """
    if key is not None:
        if key_env is not None:
            raise ConfigError(f"{where}.key: expected either key or key_env, got both")
        return _sendable(key, f"{where}.key")
    variable = key_env or usual
    if not variable:
        return None
    if not _VARIABLE.fullmatch(variable):
        raise ConfigError(
            f"{where}.key_env: expected a variable's name, of letters, digits and _; the key is its value"
        )
    found = environ.get(variable, "").strip()
    if not found:
        raise ConfigError(f"{where}: no credential; expected the environment variable {variable}, or one in .env")
    return _sendable(found, f"{where}: the variable {variable}")


def dotenv(folder: Path) -> dict[str, str]:
    """What the folder's `.env` sets; nothing when there is none. Raises ConfigError."""
    path = folder / ".env"
    if not path.is_file():
        return {}
    from dotenv import dotenv_values

    try:
        return filled({name: value or "" for name, value in dotenv_values(path, interpolate=False).items()})
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({type(error).__name__}); expected NAME=value lines") from None


def filled(variables: Mapping[str, str]) -> dict[str, str]:
    """Those that hold something: one that is empty counts as not set."""
    return {name: value for name, value in variables.items() if value.strip()}


def _sendable(key: str, where: str) -> str:
    if not key:
        raise ConfigError(f"{where}: expected a key, got nothing")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ConfigError(f"{where}: expected a key, got characters that no header can hold; was it copied whole?")
    return key
