"""An account's own secrets taken out of what its provider says. Pure.

`redact` knows how keys look; a provider that quotes a credential in other words has to be given what was sent to it.
"""

import re
from collections.abc import Iterator

import msgspec

from callboard.actors.provider.account import Account
from callboard.actors.wires.redact import HIDDEN
from callboard.messages.faults import Fault, FaultKind

SHORTEST = 8
"""Characters of a secret. Less is a stand-in, such as `ollama`, and would be found within common words."""

_SECRET = re.compile(r"auth|key|token|secret|pass|cookie|credential|session|signature", re.IGNORECASE)
"""Names of headers whose values nobody may see."""
_CUT = "…"
"""How `redact` ends a text that it has bounded."""


def without_secrets(fault: Fault, account: Account) -> Fault:
    """The fault with the account's key, and the values of its secret headers, hidden wherever they stand."""
    for secret in sorted(_secrets(account), key=len, reverse=True):
        fault = msgspec.structs.replace(
            fault,
            message=_without(fault.message, secret),
            code=fault.code and _without(fault.code, secret),
            request_id=fault.request_id and _without(fault.request_id, secret),
        )
    return fault


def keyless(fault: Fault, account: Account) -> Fault:
    """A refusal where no key was sent says so: that is nearly always why."""
    if fault.kind is not FaultKind.UNAUTHORIZED or _sends_credential(account):
        return fault
    return msgspec.structs.replace(fault, message=f"{fault.message} (no key was sent: name its variable in `key_env`)")


def _sends_credential(account: Account) -> bool:
    """As its key or in a header of its own."""
    return account.key is not None or any(map(_SECRET.search, account.headers))


def _secrets(account: Account) -> Iterator[str]:
    """Whole values and their words: a provider quotes `Bearer KEY` without the first."""
    for value in (account.key or "", *(value for name, value in account.headers.items() if _SECRET.search(name))):
        yield from (secret for secret in {value, *value.split()} if len(secret) >= SHORTEST)


def _without(text: str, secret: str) -> str:
    """A bounded text may end in the middle of the secret."""
    text = text.replace(secret, HIDDEN)
    for length in range(len(secret) - 1, SHORTEST - 1, -1):
        if text.endswith(secret[:length] + _CUT):
            return text[: -length - 1] + HIDDEN + _CUT
    return text
