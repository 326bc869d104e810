"""Which messages of the benchmark wait in a mailbox."""

from collections.abc import Awaitable, Callable

import pytest

from callboard.bench import mailbox
from callboard.bench.harness.options import Options
from callboard.runtime.envelope import Envelope
from callboard.runtime.mailbox import DATA, Delivery, Lane, Mailbox

Waited = list[mailbox.Say | mailbox.Note]


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> Waited:
    """The messages that were in a mailbox once their sender had sent them."""
    found: Waited = []
    put = Mailbox.put

    def noted(self: Mailbox, envelope: Envelope, lane: Lane = DATA) -> Delivery:
        delivery = put(self, envelope, lane)
        if isinstance(envelope.message, mailbox.Say | mailbox.Note) and self.queued:
            found.append(envelope.message)
        return delivery

    monkeypatch.setattr(Mailbox, "put", noted)
    return found


@pytest.mark.parametrize(
    ("measured", "waiting"),
    [
        (lambda: mailbox._actor(640, 64), 0),
        (lambda: mailbox._busy_actor(640, 64), 640),
        (lambda: mailbox._actor_tells(2_000), 0),
        (lambda: mailbox._busy_actor_tells(2_000), 2_000),
    ],
)
async def test_messages_to_a_busy_actor_wait_in_its_mailbox_and_no_others(
    measured: Callable[[], Awaitable[float]], waiting: int, waited: Waited
) -> None:
    await measured()
    assert len(waited) >= waiting if waiting else not waited


@pytest.mark.parametrize("quick", [False, True])
def test_of_pykka_as_many_are_told_as_are_made(quick: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "measured", lambda peer, what, count, clients: count)
    with mailbox.questions(Options(quick=quick, peers=True)) as (alone, crowd, tells):
        for question, told in (
            (alone, "round trips of Pykka"),
            (crowd, "round trips of Pykka"),
            (tells, "tells to Pykka"),
        ):
            assert question.subjects[-1].sample() == question.settings[told]
        assert tells.subjects[-1].sample() % mailbox.BURST == 0
        assert crowd.subjects[-1].sample() % mailbox.CROWD == 0
