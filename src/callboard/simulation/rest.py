"""What a runtime may still hold while nobody calls: nothing."""

from collections.abc import Iterable, Iterator

from callboard.messages.budgeting import BudgetRow
from callboard.messages.status import NodeStatus, Status

_NOTHING = ("in_flight", "waiting", "open_attempts", "fills", "lost_entries", "failed_commits")
"""Facts that are 0 at rest, of whichever actor tells them."""


def held(status: Status) -> list[str]:
    """A sentence for each thing that is still held; empty at rest."""
    return [sentence for node in _actors(status.tree) for sentence in _held(node)]


def budgets(rows: Iterable[BudgetRow]) -> Iterator[str]:
    """Nothing is set aside at rest, and no hard limit is passed."""
    for row in rows:
        where = f"budget {row.name} ({row.scope or 'all'}, {row.window})"
        if row.reserved:
            yield f"{where}: {row.reserved} dollars are set aside"
        if row.hard and row.remaining < 0:
            yield f"{where}: {row.cost} dollars were spent of {row.limit}"


def _actors(node: NodeStatus) -> Iterator[NodeStatus]:
    if node.kind == "actor":
        yield node
    for child in node.children:
        if child.kind != "attempt":
            yield from _actors(child)


def _held(node: NodeStatus) -> Iterator[str]:
    if node.status != "running":
        yield f"{node.path} is {node.status}"
    facts = node.facts or {}
    counts = {"running": node.running, "deferred": node.deferred, **{name: facts.get(name, 0) for name in _NOTHING}}
    if node.mailbox is not None:
        box = node.mailbox
        counts |= {"queued": box.queued, "senders waiting": box.waiting}
        if box.accepted != box.delivered + box.skipped + box.dropped + box.queued:
            yield f"{node.path}: its mailbox accepted {box.accepted}, which are not {box}"
    for name, count in counts.items():
        if count:
            yield f"{node.path}: {count} {name}"
