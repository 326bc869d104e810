"""Two attempts at the same thing: the second begins when the first is late, and the first answer ends both."""

from collections.abc import Awaitable, Callable

import trio

from callboard.messages.calls import Attempted, Candidate

Ended = list[tuple[Candidate, Attempted]]


async def race(
    attempt: Callable[[Candidate, int], Awaitable[Attempted]],
    first: Candidate,
    patience: float,
    second: Callable[[], Candidate | None],
    ended: Ended,
) -> Candidate | None:
    """Who came second, if anybody. All attempts that end are added to `ended`, whatever ends the race, in that order;
    whoever is missing was cancelled.

    After `patience` seconds `second` is asked, once, who is to be tried as well. A fault ends nothing: the other
    attempt may still answer. `attempt` takes the candidate and its number, 1 or 2.
    """
    entered = 1
    other: Candidate | None = None
    async with trio.open_nursery() as nursery:

        @trio.lowlevel.enable_ki_protection
        async def enter(candidate: Candidate, number: int) -> None:
            attempted = await attempt(candidate, number)
            ended.append((candidate, attempted))
            if attempted.answer is not None or len(ended) == entered:
                nursery.cancel_scope.cancel()

        nursery.start_soon(enter, first, 1)
        await trio.sleep(patience)
        other = second()
        if other is not None:
            entered = 2
            nursery.start_soon(enter, other, 2)
    return other
