"""The `async with` block of something that is read in it: misuse is told, where it would wait for ever."""


class Block:
    """Entered once, read while it lasts, left once. `what` names it for the reader, as in `board.stream(...)`."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._entered = self._left = False

    def enter(self) -> None:
        """Raises RuntimeError the second time."""
        if self._entered:
            raise RuntimeError(f"{self._what} is entered once; make another one")
        self._entered = True

    def inside(self) -> None:
        """Raises RuntimeError unless it was entered and not left."""
        if not self._entered:
            raise RuntimeError(f"{self._what} does nothing before it is entered: async with {self._what} as it: ...")
        if self._left:
            raise RuntimeError(f"{self._what} was left; it is read inside its block")

    def leave(self) -> None:
        """From now on nothing can be read."""
        self._left = True
