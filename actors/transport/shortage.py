"""What this machine has run out of: neither the provider's fault nor the network's."""

import errno
import socket

ADVICE = {
    errno.EMFILE: "this process has as many files and connections open as it may: raise its limit (`ulimit -n`)",
    errno.ENFILE: "this machine has as many files open as it may: raise its limit (Linux: `fs.file-max`)",
    errno.ENOBUFS: "this machine has no room left for the buffers of another connection",
    errno.ENOMEM: "this machine has no memory left for another connection",
    errno.EADDRNOTAVAIL: "this machine has no port left to connect from, or no network of this kind of address",
}


def shortage(error: BaseException | None) -> str | None:
    """What is short and what to do about it, where that is why no connection came about; else None.

    Of several attempts all must have failed for it. A failed name lookup does not say why it failed: it may have been
    for want of a descriptor, so whether there is one is tried.
    """
    match error:
        case None:
            return None
        case socket.gaierror():
            return _shortage_now()
        case OSError() if error.errno:
            return ADVICE.get(error.errno)
        case BaseExceptionGroup():
            found = [shortage(one) for one in error.exceptions]
            return found[-1] if all(found) else None
        case _:
            return shortage(error.__cause__ or error.__context__)  # httpcore raises `from None` what had a cause


def _shortage_now() -> str | None:
    try:
        socket.socket().close()
    except OSError as error:
        return ADVICE.get(error.errno or 0)
    return None
