"""`runtime.json` beside the store: where the runtime that owns it can be reached."""

import contextlib
from pathlib import Path

import msgspec

FILE = "runtime.json"
_MOST = 16_384


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """What the owner of a store says of itself."""

    socket: str | None
    """The status socket's path; None when there is none."""
    pid: int
    version: str
    why: str | None = None
    """Why there is no socket."""


def announce(store: Path, announcement: Announcement) -> None:
    """Write it in one piece. Raises OSError."""
    fresh = store / f"{FILE}.new"
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600, exist_ok=False)
    fresh.write_bytes(msgspec.json.encode(announcement))
    fresh.replace(store / FILE)


def read(store: Path) -> Announcement | None:
    """What the last owner announced; None when nothing readable is there."""
    try:
        with (store / FILE).open("rb") as file:
            return msgspec.json.decode(file.read(_MOST), type=Announcement)
    except (OSError, msgspec.MsgspecError):
        return None


def withdraw(store: Path) -> None:
    """Take it away; a file that cannot be removed is left."""
    with contextlib.suppress(OSError):
        (store / FILE).unlink(missing_ok=True)
