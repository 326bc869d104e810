"""What a provider remembers between requests: its rate limits, and what it was asked before."""

from collections import Counter

from callboard.testing.asked import Asked
from callboard.testing.behaviour import Behaviour
from callboard.testing.plan import Plan, plan
from callboard.testing.quota import Admission, Buckets, admit


class Account:
    """Decides each request's fate. Nothing here waits or looks at a clock."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._asked: Counter[str] = Counter()
        self._buckets: dict[str | None, Buckets] = {}

    def decide(self, behaviour: Behaviour, asked: Asked, *, limits: str | None, in_flight: int, now: int) -> Plan:
        """The plan for a request.

        `limits` names the rate limits that it falls under, `now` is monotonic nanoseconds, `in_flight` the number of
        other requests in hand.
        """
        self._asked[asked.digest] += 1
        return plan(
            behaviour,
            asked,
            seed=self._seed,
            occurrence=self._asked[asked.digest],
            in_flight=in_flight,
            admission=self._admit(behaviour, asked, limits, now),
        )

    def _admit(self, behaviour: Behaviour, asked: Asked, limits: str | None, now: int) -> Admission:
        if asked.kind == "models":
            return Admission()
        written = (asked.max_tokens or behaviour.tokens[1]) if asked.kind == "chat" else asked.images
        most = asked.input_tokens + written
        buckets = self._buckets.get(limits, Buckets())
        self._buckets[limits], admission = admit(buckets, behaviour, most, now)
        return admission
