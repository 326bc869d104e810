import gc

from callboard.testing.garbage import collected


class Held:
    """Something that may hold itself."""

    def __init__(self) -> None:
        self.other: Held | None = None


def test_only_what_holds_itself_is_garbage_for_the_collector() -> None:
    with collected() as garbage:
        one, alone = Held(), Held()
        one.other = one
        del one, alone
    assert [type(found) for found in garbage if isinstance(found, Held)] == [Held]
    assert gc.isenabled()
