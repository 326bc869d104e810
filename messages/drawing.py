"""A status as a drawing: rows for whoever colours them, text for whoever prints it."""

from collections.abc import Iterator
from typing import Literal, TypeAlias

import msgspec

from callboard.messages.status import NodeStatus, Status

Tone: TypeAlias = Literal["good", "busy", "bad", "quiet"]
FEW = 4
"""Circuits, or models, of one account that are named."""
HANDLERS = 3
"""Handlers drawn below one actor; the rest are counted."""

_TONES: dict[str, Tone] = {"running": "good", "given up": "bad", "restarting": "bad"}
_CIRCUIT_TONES: dict[str, Tone] = {"half-open": "busy", "ramping": "busy", "open": "bad", "forced open": "bad"}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the drawing."""

    branch: str
    """What stands before the name to draw the tree."""
    name: str
    state: str
    notes: tuple[str, ...]
    tone: Tone


def drawing(status: Status) -> str:
    """The tree as text, with circuits, queues, whoever blocks the event loop, and dead letters."""
    rows = tree_rows(status)
    width = max(len(row.branch + row.name) for row in rows)
    lines = [f"{row.branch + row.name:{width}}  {row.state:10}  {', '.join(row.notes)}".rstrip() for row in rows]
    return "\n".join([*lines, *remarks(status)])


def tree_rows(status: Status, *, handlers: int = HANDLERS) -> list[Row]:
    """The tree, a row for each node; at most `handlers` of those at work below one actor."""
    tree = status.tree
    top = Row(
        branch="",
        name=f"callboard {status.version}",
        state=tree.status,
        notes=(f"process {status.pid}", f"up {status.uptime:.1f} s", *_notes(tree)),
        tone=_TONES.get(tree.status, "busy"),
    )
    return [top, *_below(tree, "", status, handlers)]


def remarks(status: Status) -> list[str]:
    """What belongs to no node."""
    said = []
    if status.blocked is not None:
        blocked = status.blocked
        where = f"{blocked.path} with {blocked.message}" if blocked.path else blocked.message
        said.append(f"THE EVENT LOOP IS STUCK: {where}, for {blocked.seconds:.1f} s")
    if status.clock_behind >= 1:
        said.append(
            f"THE WALL CLOCK WAS SET BACK by {status.clock_behind:,.0f} s: dates stand still until it has caught up"
        )
    if status.dead_letters:
        said.append("dead letters: " + ", ".join(f"{count} ({why})" for why, count in status.dead_letters.items()))
    return said


def _below(node: NodeStatus, stem: str, status: Status, handlers: int) -> Iterator[Row]:
    shown = _shown(node, handlers)
    for index, child in enumerate(shown):
        last = index == len(shown) - 1
        yield _row(child, stem + ("└─ " if last else "├─ "), status)
        yield from _below(child, stem + ("   " if last else "│  "), status, handlers)


def _shown(node: NodeStatus, handlers: int) -> list[NodeStatus]:
    lasting = [child for child in node.children if child.kind != "attempt"]
    at_work = [child for child in node.children if child.kind == "attempt"]
    return lasting + at_work[:handlers]


def _row(node: NodeStatus, branch: str, status: Status) -> Row:
    if node.kind == "attempt":
        return Row(branch=branch, name="#" + node.path.rpartition("#")[2], state=node.status, notes=(), tone="quiet")
    blocks = status.blocked is not None and status.blocked.path == node.path
    return Row(
        branch=branch,
        name=node.path.rpartition("/")[2],
        state=node.status,
        notes=(*(("BLOCKS THE EVENT LOOP",) if blocks else ()), *_notes(node)),
        tone="bad" if blocks else _tone(node),
    )


def _tone(node: NodeStatus) -> Tone:
    tones = {_CIRCUIT_TONES.get(state.partition(",")[0], "good") for state in _circuits(node).values()}
    tones.add(_TONES.get(node.status, "busy"))
    if (node.facts or {}).get("account", "ok") != "ok":
        tones.add("bad")
    order: tuple[Tone, ...] = ("bad", "busy")
    return next((tone for tone in order if tone in tones), "good")


def _notes(node: NodeStatus) -> Iterator[str]:
    if node.incarnation > 1:
        yield f"incarnation {node.incarnation}"
    if node.last_error is not None:
        yield f"last error {node.last_error}"
    for count, what in ((node.running, "at work"), (node.deferred, "kept for later")):
        if count:
            yield f"{count} {what}"
    yield from _mailbox(node)
    yield from _facts(node)


def _mailbox(node: NodeStatus) -> Iterator[str]:
    if node.mailbox is not None:
        for name in ("queued", "waiting", "skipped", "dropped", "refused"):
            count = getattr(node.mailbox, name)
            if count:
                yield f"{count} {name}"


def _facts(node: NodeStatus) -> Iterator[str]:
    facts = node.facts or {}
    if facts.get("account", "ok") != "ok":
        yield str(facts["account"])
    moved = [f"{key} {state}" for key, state in _circuits(node).items() if state != "closed"]
    yield from _few(moved) or (["circuits closed"] if "circuits" in facts else [])
    for name, value in facts.items():
        if isinstance(value, int) and value:
            yield f"{value} {name.replace('_', ' ')}"
    for name in ("blocked", "refused"):
        if facts.get(name):
            yield f"{name} {', '.join(_few(list(map(str, facts[name]))))}"


def _few(told: list[str]) -> list[str]:
    """An account may have hundreds of models, and a row is to be read; `--json` has them all."""
    return told if len(told) <= FEW else [*told[:FEW], f"and {len(told) - FEW} more"]


def _circuits(node: NodeStatus) -> dict[str, str]:
    circuits = (node.facts or {}).get("circuits")
    return circuits if isinstance(circuits, dict) else {}
