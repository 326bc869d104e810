"""What the failures of an HTTP exchange mean."""

import httpx

from callboard.actors.provider.deadline import Timeouts, no_connection, timed_out
from callboard.actors.transport.errors import (
    ConnectFailed,
    ConnectionLost,
    DestinationRefused,
    Disconnected,
    HostNotFound,
    NothingLeft,
    Redirected,
    RequestInvalid,
    TlsFailed,
    TooLarge,
)
from callboard.actors.wires.redact import redact
from callboard.messages.faults import Fault, FaultKind


def never_sent(error: httpx.HTTPError) -> bool:
    """Whether the provider cannot have seen the request."""
    return isinstance(
        error,
        httpx.ConnectError
        | httpx.ConnectTimeout
        | httpx.PoolTimeout
        | httpx.ProxyError
        | httpx.UnsupportedProtocol
        | RequestInvalid
        | DestinationRefused,
    )


def fault_of(error: httpx.HTTPError, timeouts: Timeouts, *, replying: bool) -> Fault:
    """What a transport's failure means; `replying`: whether the reply's head had come."""
    match error:
        case httpx.PoolTimeout():
            return no_connection()
        case httpx.ConnectTimeout():
            return timed_out("connect", timeouts.connect)
        case httpx.TimeoutException() if replying:
            return timed_out("between bytes", timeouts.between_bytes)
        case httpx.TimeoutException():
            return timed_out("first byte", timeouts.first_byte)
        case httpx.DecodingError():
            return _malformed("the reply's compression is broken")
        case Redirected():
            message = "the provider redirects; set base_url to where it points"
            return Fault(kind=FaultKind.NOT_FOUND, status=error.status, message=message)
        case TooLarge():
            return _malformed("the reply is larger than the transport's bounds")
        case httpx.LocalProtocolError():
            return Fault(kind=FaultKind.INTERNAL, message=f"the request cannot be sent: {error}")
        case _ if replying:
            return Fault(kind=FaultKind.INTERRUPTED, message=f"the reply was cut ({type(error).__name__})")
        case httpx.RemoteProtocolError() if not isinstance(error, Disconnected) and "disconnected" not in str(error):
            return _malformed("the reply is not HTTP")
        case httpx.ProxyError():
            return Fault(kind=FaultKind.CONNECTION, message=f"the proxy refuses: {redact(str(error))}")
        case NothingLeft():
            return Fault(kind=FaultKind.INTERNAL, message=f"no connection to {error}")
        case HostNotFound() | ConnectFailed() | TlsFailed():
            return Fault(kind=FaultKind.CONNECTION, message=f"no connection to {error}")
        case ConnectionLost() | Disconnected():
            return Fault(kind=FaultKind.CONNECTION, message=f"the connection was lost: {error}")
        case _:  # another transport's words may name a proxy's password
            return Fault(kind=FaultKind.CONNECTION, message=f"no connection ({type(error).__name__})")


def _malformed(message: str) -> Fault:
    return Fault(kind=FaultKind.MALFORMED_REPLY, message=message)
