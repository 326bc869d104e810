"""Where the loop of one incarnation waits for messages, and how others make it go on.

running ──wait──> parked ──wake, fail──> woken ──> running
"""

import trio


class Parking:
    """One task's place. `task` is there while it waits, and until it goes on once it was woken."""

    def __init__(self) -> None:
        self.task: trio.lowlevel.Task | None = None
        self._woken = False
        self._failure: BaseException | None = None

    @trio.lowlevel.enable_ki_protection
    async def wait(self) -> None:
        """Until it is woken. Raises what `fail` was given.

        Ctrl-C waits meanwhile: who was taken for waiting when he no longer is would be woken elsewhere.
        """
        self.task = trio.lowlevel.current_task()

        def leave(_: object) -> trio.lowlevel.Abort:
            self.task = None
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(leave)
        self.task, self._woken = None, False
        if self._failure is not None:
            raise self._failure

    def wake(self) -> None:
        """Let it go on, once, if it waits."""
        if self.task is not None and not self._woken:
            self._woken = True
            trio.lowlevel.reschedule(self.task)

    def fail(self, error: BaseException) -> None:
        """Let it go on with this error; from now on nobody takes it for waiting. It must be waiting."""
        self.wake()
        self.task, self._failure = None, error
