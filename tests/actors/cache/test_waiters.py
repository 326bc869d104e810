"""Those who wait for one fill, against a plain list of them."""

from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.cache.waiters import Waiter, Waiters
from callboard.messages.calls import Attempt
from callboard.messages.chat import user
from callboard.messages.request import Request

ATTEMPT = Attempt(id="a-1", call="a", request=Request(model="m", messages=(user("hi"),)), model="m")
STEPS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.integers(0, 9), st.booleans()), max_size=60)


@given(STEPS)
def test_first_most_patient_and_most_urgent_are_those_of_who_is_left(steps: list[tuple[int, int, int, bool]]) -> None:
    left = [Waiter(0, 3, 1, ATTEMPT)]
    waiters = Waiters(left[0])
    for id_, (deadline, priority, which, leaves) in enumerate(steps, 1):
        if leaves and len(left) > 1:
            waiters.remove(left.pop(which % len(left)).id)
        else:
            left.append(Waiter(id_, deadline, priority, ATTEMPT))
            waiters.add(left[-1])
        assert (list(waiters), len(waiters), waiters.first) == (left, len(left), left[0])
        assert waiters.deadline == max(one.deadline for one in left)
        assert waiters.priority == min(one.priority for one in left)
