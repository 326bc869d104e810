"""Reading requests that were written for a provider, member by member; what has no name here is left over as `extra`.

Values are taken as they come: messages/validate.py judges them. Only what cannot be taken apart is refused here.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from callboard.actors.wires.jsons import UNREADABLE, present
from callboard.messages.request import Sampling
from callboard.messages.validate import InvalidRequest

T = TypeVar("T")


class Members:
    """A JSON object that is taken apart by name. `where` is its place in the request, for errors."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise InvalidRequest(where, "expected an object")
        self._left = present(value)
        self._where = where

    def take(self, name: str) -> Any:
        """The member, or None when it is absent or null."""
        return self._left.pop(name, None)

    def object(self, name: str) -> "Members":
        """The member as an object of its own; an absent one is empty."""
        value = self.take(name)
        return Members({} if value is None else value, self.at(name))

    def objects(self, name: str) -> list["Members"]:
        """The member as a list of objects; an absent one is empty."""
        values = self.take(name)
        if values is None:
            return []
        if not isinstance(values, list):
            raise InvalidRequest(self.at(name), "expected a list")
        return [Members(value, f"{self.at(name)}[{number}]") for number, value in enumerate(values)]

    def text(self, name: str) -> str:
        """The member as a string."""
        value = self.take(name)
        if not isinstance(value, str):
            raise InvalidRequest(self.at(name), "expected a string")
        return value

    def peek(self, name: str) -> Any:
        """The member, left where it is."""
        return self._left.get(name)

    def put(self, name: str, value: Any) -> None:
        """Puts back what is left of a member; None is nothing."""
        if value is not None:
            self._left[name] = value

    def at(self, name: str) -> str:
        """Where a member is."""
        return f"{self._where}.{name}" if self._where else name

    def rest(self) -> dict[str, Any] | None:
        """What nobody took; None when that is nothing."""
        return self._left or None


def members_of(body: bytes) -> Members:
    """The request's members. Raises InvalidRequest when the body is not a JSON object."""
    try:
        return Members(msgspec.json.decode(body), "")
    except UNREADABLE:
        raise InvalidRequest("body", "expected a JSON object") from None


def sampling(body: Members, names: dict[str, str]) -> Sampling:
    """The members of Sampling. `names`: what the protocol calls them, and what Sampling does."""
    taken = {field: value for name, field in names.items() if (value := body.take(name)) is not None}
    stop = taken.get("stop")
    if isinstance(stop, str | list):
        taken["stop"] = (stop,) if isinstance(stop, str) else tuple(stop)
    return Sampling(**taken)


def tuple_of(read: Callable[[Members], T], members: list[Members]) -> tuple[T, ...]:
    """Each of the members, read."""
    return tuple(read(member) for member in members)
