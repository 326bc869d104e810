"""What the provider has forbidden, and until when: for the whole account (None) or one model. Pure.

A *pause* is a rate limit's Retry-After, which is waited for; a *quota* is used up, which is refused at once.
"""

import msgspec

from callboard.messages.faults import Fault, FaultKind
from callboard.messages.limiting import Reserve
from callboard.runtime.clock import NEVER

Scope = str | None
"""A model, or None for the whole account."""
MODELS = 512
"""Models of which one kind of block is kept at most: callers may name any."""


class Block(msgspec.Struct, frozen=True):
    """Nothing before `until`, in monotonic nanoseconds; None, which only a quota has, until an operator lifts it."""

    until: int | None
    quota: bool
    why: str

    def __post_init__(self) -> None:
        if self.until is None and not self.quota:
            raise ValueError("a pause ends some time: it needs `until`")

    def over(self, now: int) -> bool:
        """Whether it has passed."""
        return self.until is not None and self.until <= now

    def outlasts(self, other: "Block") -> bool:
        """Whether it ends later."""
        return other.until is not None and (self.until is None or self.until > other.until)

    def told(self, now: int, account: str) -> str:
        """For a person."""
        if self.until is None:
            return f"{self.why}, until an operator lifts it: `callboard provider {account} reset`"
        return f"{self.why}, for {(self.until - now) / 1e9:g} s"

    def strikes(self, scope: Scope, wish: Reserve) -> bool:
        """Whether, standing for this scope, it leaves the wish no time."""
        in_scope = scope is None or scope == wish.model
        return in_scope and (self.quota or self.until is None or self.until >= wish.deadline)


class Blocks:
    """All blocks of one account. One is never shortened, and one kind never hides the other.

    With too many models the one whose block ends first is forgotten, for the provider to say it again, and never the
    account's.
    """

    def __init__(self, account: str = "NAME") -> None:
        self._account = account
        self._pauses: dict[Scope, Block] = {}
        self._quotas: dict[Scope, Block] = {}

    def add(self, scope: Scope, block: Block, now: int) -> bool:
        """The provider said to stop. Whether that is news: a block that ends sooner than the one that stands is not."""
        kind = self._quotas if block.quota else self._pauses
        known = kind.get(scope)
        if known is not None and not block.outlasts(known):
            return False
        if known is None:
            _make_room(kind, now)
        kind[scope] = block
        return True

    def __bool__(self) -> bool:
        return bool(self._pauses or self._quotas)

    def clear(self) -> None:
        """An operator lifts all."""
        self._pauses.clear()
        self._quotas.clear()

    def refusal(self, model: str, now: int) -> Fault | None:
        """What whoever asks for this model gets, while a quota that it falls under is used up."""
        for scope, refused in ((None, "the account"), (model, f"the model {model}")):
            block = _standing(self._quotas, scope, now)
            if block is not None:
                return Fault(
                    kind=FaultKind.QUOTA_EXHAUSTED,
                    message=f"{refused} takes no calls: {block.told(now, self._account)}",
                    model=model,
                    retry_after=None if block.until is None else (block.until - now) / 1e9,
                )
        return None

    def paused_until(self, scope: Scope, now: int) -> int:
        """When this scope's own pause ends; `now` when there is none."""
        pause = _standing(self._pauses, scope, now)
        return now if pause is None or pause.until is None else pause.until

    def bars(self, model: str, now: int) -> bool:
        """Whether nothing may be asked of this model now."""
        if any(_standing(self._quotas, scope, now) for scope in (None, model)):
            return True
        return self.paused_until(None, now) > now or self.paused_until(model, now) > now

    def facts(self, now: int) -> dict[str, str]:
        """For the status: why and for how long, by scope."""
        standing = [*self._pauses.items(), *self._quotas.items()]
        return {scope or "account": block.told(now, self._account) for scope, block in standing if not block.over(now)}


def _make_room(blocks: dict[Scope, Block], now: int) -> None:
    for scope in [scope for scope, block in blocks.items() if block.over(now)]:
        del blocks[scope]
    models = [scope for scope in blocks if scope is not None]
    if len(models) >= MODELS:
        del blocks[min(models, key=lambda model: NEVER if (until := blocks[model].until) is None else until)]


def _standing(blocks: dict[Scope, Block], scope: Scope, now: int) -> Block | None:
    block = blocks.get(scope)
    if block is None or not block.over(now):
        return block
    del blocks[scope]
    return None
