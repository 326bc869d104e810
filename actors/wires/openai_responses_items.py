"""One item of a response: what it is worth as deltas while it grows, and as parts."""

from typing import Any

from callboard.actors.wires.jsons import items, mapping, string
from callboard.messages.chat import OpaquePart, Part, RefusalPart, TextPart, ThinkingPart, ToolCallPart
from callboard.messages.reply import Delta

Members = dict[str, Any]

_REFUSAL = "response.refusal.delta"
MOST_ENDS = 4
"""Of one item that are heeded: its own, that of the response, and what a gateway repeats."""


class Item:
    """An item as it grows. `number` is which of the reply's calls it is, should it be one."""

    def __init__(self, told: Members, number: int, deltas: list[Delta]) -> None:
        self._ends = 0
        self._told = told
        self._number = number
        self._pieces: list[str] = []
        self._refusal: list[str] = []
        if told.get("type") == "function_call":
            name, call_id = string(told.get("name")) or "", _call_id(told, number)
            deltas.append(Delta(tool_index=number, tool_id=call_id, tool_name=name))

    def grow(self, kind: str, piece: str, deltas: list[Delta]) -> None:
        """The next piece, by the type of its event."""
        if kind == _REFUSAL:
            self._refusal.append(piece)
            deltas.append(Delta(refusal=piece))
        elif self._told.get("type") in ("message", "reasoning", "function_call"):
            self._pieces.append(piece)
            deltas.append(self._delta(piece))

    def end(self, told: Members, deltas: list[Delta]) -> None:
        """The item in full. What no piece brought is told now."""
        if self._ends == MOST_ENDS:
            return
        self._ends += 1
        came = "".join(self._pieces)
        self._told = {**self._told, **told}
        said = _said(self._told)
        self._pieces = [came or said]
        if said and not came:
            deltas.append(self._delta(said))
        elif came and not said:
            self._told = self._rebuilt()
        refused = _refused(self._told)
        if refused and not self._refusal:
            self._refusal = [refused]
            deltas.append(Delta(refusal=refused))

    @property
    def ended(self) -> bool:
        """Whether its end has come."""
        return self._ends > 0

    def parts(self, origin: str) -> list[Part]:
        """What it is worth. A message's `phase` goes back with its text and so becomes a part of its own."""
        told = self._told if self.ended else self._rebuilt()
        match told.get("type"):
            case "message":
                phase = told.get("phase")
                header = [OpaquePart(origin=origin, block={"type": "message", "phase": phase})] if phase else []
                return [*header, *(part for block in _content(told) for part in _shown(block, origin))]
            case "reasoning":
                return [_thought(told, origin)]
            case "function_call":
                return [_call(told, self._number, origin)]
            case _:
                return [OpaquePart(origin=origin, block=told)]

    @property
    def searches(self) -> int:
        """How often the web was searched for it; opening a page of what was found is no search."""
        action = mapping(self._told.get("action"))
        if self._told.get("type") != "web_search_call" or action.get("type", "search") != "search":
            return 0
        return 1

    def notes(self, name: str) -> list[Any]:
        """The members of its texts that have no name here: annotations, log probabilities."""
        if self._told.get("type") != "message":
            return []
        return [note for block in _content(self._told) for note in items(block.get(name))]

    def _delta(self, piece: str) -> Delta:
        match self._told.get("type"):
            case "message":
                return Delta(text=piece)
            case "reasoning":
                return Delta(thinking=piece)
            case _:
                return Delta(tool_index=self._number, arguments=piece)

    def _rebuilt(self) -> Members:
        """The item made of its pieces, where its end did not come or held nothing."""
        came, refusal = "".join(self._pieces), "".join(self._refusal)
        match self._told.get("type"):
            case "message":
                text = [{"type": "output_text", "text": came}] if came else []
                refused = [{"type": "refusal", "refusal": refusal}] if refusal else []
                return self._told | {"content": text + refused}
            case "reasoning":
                return self._told | {"summary": [{"type": "summary_text", "text": came}] if came else []}
            case "function_call":
                return self._told | {"arguments": came}
            case _:
                return self._told


def _content(told: Members) -> list[Members]:
    return [mapping(block) for block in items(told.get("content"))]


def _said(told: Members) -> str:
    """The item's own words, as its deltas would have told them."""
    match told.get("type"):
        case "message":
            return "".join(string(block.get("text")) or "" for block in _content(told) if _is_text(block))
        case "reasoning":
            return _thinking(told)
        case "function_call":
            return string(told.get("arguments")) or ""
        case _:
            return ""


def _refused(told: Members) -> str:
    return "".join(string(block.get("refusal")) or "" for block in _content(told) if block.get("type") == "refusal")


def _is_text(block: Members) -> bool:
    return block.get("type") in ("output_text", "text")


def _shown(block: Members, origin: str) -> list[Part]:
    text, refusal = string(block.get("text")), string(block.get("refusal"))
    if _is_text(block):
        return [TextPart(text)] if text else []
    if block.get("type") == "refusal":
        return [RefusalPart(refusal)] if refusal else []
    return [OpaquePart(origin=origin, block=block)]


def _thinking(told: Members) -> str:
    shown = [*items(told.get("summary")), *items(told.get("content"))]
    return "".join(string(mapping(block).get("text")) or "" for block in shown)


def _thought(told: Members, origin: str) -> ThinkingPart:
    """Its id stays behind: an id refers to what the server stored, and would ask for the ids of its neighbours."""
    kept = {name: told[name] for name in ("summary", "content") if told.get(name)}
    redacted = string(told.get("encrypted_content"))
    return ThinkingPart(text=_thinking(told), redacted=redacted, origin=origin, extra=kept or None)


def _call(told: Members, number: int, origin: str) -> ToolCallPart:
    space = string(told.get("namespace"))
    return ToolCallPart(
        id=_call_id(told, number),
        name=string(told.get("name")) or "",
        arguments=string(told.get("arguments")) or "{}",
        origin=origin,
        extra={"namespace": space} if space else None,
    )


def _call_id(told: Members, number: int) -> str:
    return string(told.get("call_id")) or string(told.get("id")) or f"call_{number}"
