"""Where the status socket lies. Pure but for `private_folder`.

It lies in a folder that only its owner may enter, because a socket's own mode is not honoured everywhere; and not
beside the store, because a socket's whole path may take no more than 107 bytes.
"""

import hashlib
import os
import stat
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

LONGEST_PATH = 103 if sys.platform == "darwin" else 107
"""Bytes of a socket's path: `sun_path` less its closing zero."""
_NAME_BYTES = 8
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class NoPlace(Exception):
    """There can be no socket; the sentence says why."""


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """What decides on the place."""

    user: int
    runtime: str | None
    """$XDG_RUNTIME_DIR, where the system keeps a folder for the user's sockets."""
    temporary: str

    @classmethod
    def of(cls, environ: Mapping[str, str], user: int, temporary: str) -> "Host":
        """From the environment. A runtime directory that is not absolute does not count (XDG base directories)."""
        runtime = environ.get("XDG_RUNTIME_DIR")
        return cls(user=user, runtime=runtime if runtime and runtime.startswith("/") else None, temporary=temporary)


def folders(host: Host) -> tuple[Path, ...]:
    """The folders that may hold the sockets, the best first."""
    shared = Path(host.temporary) / f"callboard-{host.user}"
    return (shared,) if host.runtime is None else (Path(host.runtime) / "callboard", shared)


def socket_name(store: Path) -> str:
    """A short name for the store's socket; the same however the path to the store is written."""
    whole = os.fsencode(os.path.realpath(store))
    return hashlib.blake2b(whole, digest_size=_NAME_BYTES).hexdigest() + ".sock"


def short_enough(path: Path) -> bool:
    """Whether a socket can have this path."""
    return len(os.fsencode(path)) <= LONGEST_PATH


def private_folder(candidates: Iterable[Path], name: str, user: int) -> Path:
    """The first folder that is nobody else's and short enough for `name`; made if need be.

    Raises NoPlace with what is wrong with each.
    """
    refused: list[str] = []
    for folder in candidates:
        why = _prepare(folder, user) if short_enough(folder / name) else "the socket's path would be too long"
        if why is None:
            return folder
        refused.append(f"{folder}: {why}")
    raise NoPlace("; ".join(refused))


def _prepare(folder: Path, user: int) -> str | None:
    """Make the folder, or say why it cannot be used."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        return fault(folder.lstat(), user)
    except OSError as error:
        return error.strerror or type(error).__name__


def fault(found: os.stat_result, user: int) -> str | None:
    """What is wrong with a folder that was found there; None when it is the user's own and closed to others."""
    if not stat.S_ISDIR(found.st_mode):
        return "is not a folder"
    if found.st_uid != user:
        return f"belongs to user {found.st_uid}, not to {user}"
    if found.st_mode & _OTHERS:
        return f"is open to others (mode {stat.S_IMODE(found.st_mode):04o}); it should be 0700"
    return None
