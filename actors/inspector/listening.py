"""Opens and removes the status socket's file. Call only while holding the store's owner lock: only then is a socket
that was left behind known to be nobody's.
"""

import contextlib
import os
import socket
import tempfile
from collections.abc import Iterable
from pathlib import Path

from callboard.actors.inspector.place import Host, NoPlace, folders, private_folder, socket_name

BACKLOG = 64


def this_host() -> Host:
    """The machine and user that this process runs as. Raises NoPlace where there are no Unix sockets."""
    if not hasattr(socket, "AF_UNIX"):
        raise NoPlace("this system has no Unix sockets, so no other process can ask this one")
    return Host.of(os.environ, os.getuid(), tempfile.gettempdir())


def listen(store: Path, host: Host) -> tuple[socket.socket, Path]:
    """Listen for whoever asks after this store. Raises NoPlace when there can be no socket."""
    name = socket_name(store)
    try:
        return _bind(folders(host), name, host.user)
    except FileNotFoundError:  # another process has just removed the empty folder
        return _bind(folders(host), name, host.user)
    except OSError as error:
        raise NoPlace(f"the status socket cannot be opened: {error}") from error


def remove(path: Path) -> None:
    """Take the socket's file away, and its folder if no other is in it."""
    with contextlib.suppress(OSError):
        path.unlink()
        path.parent.rmdir()


def _bind(candidates: Iterable[Path], name: str, user: int) -> tuple[socket.socket, Path]:
    path = private_folder(candidates, name, user) / name
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener, path
