from typing import Any

import msgspec
import pytest

from callboard.messages.drawing import Tone, drawing, tree_rows
from callboard.messages.status import Blocked, MailboxStatus, NodeStatus, Status

BOX = MailboxStatus(queued=0, waiting=0, accepted=9, delivered=9, skipped=0, dropped=0, refused=0)


def actor(path: str, status: str = "running", **more: Any) -> NodeStatus:
    return NodeStatus(path=path, kind="actor", status=status, incarnation=1, mailbox=BOX, **more)


def at_work(path: str, number: int) -> NodeStatus:
    return NodeStatus(path=f"{path}#{number}", kind="attempt", status="Attempt for 0.5 s")


def supervisor(path: str, *children: NodeStatus) -> NodeStatus:
    return NodeStatus(path=path, kind="supervisor", status="running", incarnation=1, children=children)


def status(*children: NodeStatus, **more: Any) -> Status:
    tree = supervisor("", *children)
    return Status(taken=0, pid=7, version="1.2", uptime=3.0, tree=tree, dead_letters=more.pop("dead", {}), **more)


def test_printed_a_status_is_a_drawing_of_the_tree() -> None:
    alpha = actor("providers/alpha", running=2, facts={"circuits": {"endpoint": "open, 2 in a row"}, "account": "ok"})
    beta = actor("providers/beta", facts={"circuits": {}, "wire": "openai"})
    found = str(status(actor("store"), supervisor("providers", alpha, beta), actor("orchestrator")))
    assert found.splitlines() == [
        "callboard 1.2    running     process 7, up 3.0 s",
        "├─ store         running",
        "├─ providers     running",
        "│  ├─ alpha      running     2 at work, endpoint open, 2 in a row",
        "│  └─ beta       running     circuits closed",
        "└─ orchestrator  running",
    ]


def test_what_waits_and_what_went_wrong_is_told() -> None:
    box = msgspec.structs.replace(BOX, queued=3, waiting=2, skipped=1, dropped=4, refused=5)
    node = NodeStatus(
        path="a", kind="actor", status="restarting", incarnation=2, deferred=6, mailbox=box, last_error="OSError"
    )
    assert tree_rows(status(node))[1].notes == (
        *("incarnation 2", "last error OSError", "6 kept for later"),
        *("3 queued", "2 waiting", "1 skipped", "4 dropped", "5 refused"),
    )


def test_numbers_and_troubles_among_the_facts_are_told() -> None:
    facts = {
        "open_attempts": 2,
        "fills": 0,
        "account": "misconfigured: unauthorized",
        "blocked": {"m": "quota"},
        "refused": ["n"],
    }
    assert tree_rows(status(actor("a", facts=facts)))[1].notes == (
        *("misconfigured: unauthorized", "2 open attempts", "blocked m", "refused n"),
    )


def test_few_of_an_accounts_models_are_named() -> None:
    models = [f"m{number}" for number in range(40)]
    facts = {"circuits": {f"endpoint {name}": "open, 1 in a row" for name in models}, "blocked": models}
    notes = tree_rows(status(actor("a", facts=facts)))[1].notes
    assert notes[3:] == ("endpoint m3 open, 1 in a row", "and 36 more", "blocked m0, m1, m2, m3, and 36 more")


def test_few_of_those_at_work_are_drawn() -> None:
    busy = actor("a", running=9, children=tuple(at_work("a", number) for number in range(9)))
    assert [row.name for row in tree_rows(status(busy), handlers=2)] == ["callboard 1.2", "a", "#0", "#1"]
    assert tree_rows(status(busy), handlers=1)[2].branch == "   └─ "
    assert len(tree_rows(status(busy), handlers=0)) == 2


def test_whoever_blocks_the_loop_is_named_twice() -> None:
    blocked = Blocked(path="providers/alpha", message="Attempt", seconds=2.5)
    found = status(supervisor("providers", actor("providers/alpha")), actor("b"), blocked=blocked)
    assert "THE EVENT LOOP IS STUCK: providers/alpha with Attempt, for 2.5 s" in drawing(found)
    rows = {row.name: row for row in tree_rows(found)}
    assert (rows["alpha"].notes[0], rows["alpha"].tone) == ("BLOCKS THE EVENT LOOP", "bad")
    assert rows["b"].tone == "good"


def test_a_loop_that_is_stuck_outside_any_handler_is_told() -> None:
    blocked = Blocked(path="", message="outside any handler", seconds=0.2)
    assert drawing(status(blocked=blocked)).endswith("THE EVENT LOOP IS STUCK: outside any handler, for 0.2 s")


def test_dead_letters_are_counted_by_reason() -> None:
    assert drawing(status(dead={"it was stopped": 3, "full": 1})).endswith("dead letters: 3 (it was stopped), 1 (full)")


@pytest.mark.parametrize(
    ("state", "circuit", "account", "tone"),
    [
        ("running", "closed", "ok", "good"),
        ("running", "forced closed, until `callboard provider a reset`", "ok", "good"),
        ("running", "half-open", "ok", "busy"),
        ("running", "ramping", "ok", "busy"),
        ("starting", "closed", "ok", "busy"),
        ("running", "open, 1 in a row", "ok", "bad"),
        ("running", "forced open, until `callboard provider a reset`", "ok", "bad"),
        ("running", "closed", "misconfigured", "bad"),
        ("given up", "closed", "ok", "bad"),
        ("starting", "open", "ok", "bad"),
    ],
)
def test_the_worst_of_an_actor_gives_its_tone(state: str, circuit: str, account: str, tone: Tone) -> None:
    facts = {"circuits": {"endpoint": "closed", "endpoint m": circuit}, "account": account}
    assert tree_rows(status(actor("a", state, facts=facts)))[1].tone == tone
