"""How another process asks the runtime that owns a store."""

import os
import socket
from pathlib import Path

from callboard.actors.inspector.announcement import Announcement, read
from callboard.actors.inspector.protocol import MOST_ANSWERED, Unintelligible, decode_response, encode_request
from callboard.messages.inspecting import InspectorRequest, InspectorResponse

PATIENCE = 15.0
"""Seconds without a byte of the answer. A stuck runtime says so well before."""
_PIECE = 65_536


class InspectorError(Exception):
    """The base of both. The sentence says what to do."""


class NotRunning(InspectorError):
    """No runtime has this store, or none that can be asked."""


class NoAnswer(InspectorError):
    """A runtime has this store but gave no answer that can be understood."""


def ask(store: Path, request: InspectorRequest, patience: float = PATIENCE) -> InspectorResponse:
    """Ask the runtime that owns the store in this folder. Raises NotRunning and NoAnswer."""
    announcement = read(store)
    if announcement is None:
        raise NotRunning(f"no runtime is running on {store}; --store names the folder of another one")
    if announcement.socket is None:
        raise NotRunning(_without_socket(store, announcement))
    with _connect(store, announcement.socket, patience) as connection:
        try:
            connection.sendall(encode_request(request))
            return decode_response(_line(connection))
        except (OSError, Unintelligible) as error:
            raise NoAnswer(
                f"process {announcement.pid} (callboard {announcement.version}) gave no answer: {error}"
            ) from None


def _connect(store: Path, path: str, patience: float) -> socket.socket:
    if not hasattr(socket, "AF_UNIX"):
        raise NotRunning("this system has no Unix sockets, so no other process can be asked")
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(patience)
    try:
        connection.connect(path)
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        raise NotRunning(f"no runtime is running on {store}; the last one did not end in order") from None
    except OSError as error:
        connection.close()
        raise NoAnswer(f"{path}: the status socket cannot be reached: {error}") from None
    return connection


def _line(connection: socket.socket) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while size <= MOST_ANSWERED:
        piece = connection.recv(_PIECE)
        pieces.append(piece)
        size += len(piece)
        if not piece or piece.endswith(b"\n"):
            return b"".join(pieces)
    raise Unintelligible(f"it is longer than {MOST_ANSWERED} bytes")


def _without_socket(store: Path, announcement: Announcement) -> str:
    try:
        os.kill(announcement.pid, 0)
    except ProcessLookupError:
        return f"no runtime is running on {store}; the last one did not end in order"
    except OSError:
        pass
    return f"process {announcement.pid} has {store}, but cannot be asked: {announcement.why}"
