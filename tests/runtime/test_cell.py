"""The lasting half of an actor: what becomes of messages that come too late."""

from typing import Any

import trio

from callboard.messages.base import Tell
from callboard.runtime.actor import Actor
from callboard.runtime.envelope import Envelope, Message
from callboard.runtime.supervision.spec import ActorSpec, SupervisorSpec
from callboard.runtime.system import System


class Note(Tell, frozen=True):
    """Anything."""


class TellsItselfAtTheEnd(Actor):
    """Reports to itself when it is too late for that."""

    def receive(self, message: Message, envelope: Envelope) -> None:
        """Take it in."""

    async def stop(self) -> None:
        """One more report, which nobody will handle."""
        self.me.report(Note())


async def test_an_actors_own_late_report_is_no_dead_letter_but_anothers_is(autojump_clock: Any) -> None:
    spec = ActorSpec(name="a", factory=TellsItselfAtTheEnd)
    system = System(SupervisorSpec(name="root", children=(spec,)))
    async with trio.open_nursery() as nursery:
        await nursery.start(system.run)
        system.stop()
    assert system.dead_letters.counts() == {}
    assert not system.ref("a").tell(Note())
    assert system.dead_letters.counts() == {"it was stopped": 1}
