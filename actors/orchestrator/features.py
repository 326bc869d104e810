"""Does the candidate fit? What is known of models against what a request needs; what is unknown is tried. Pure."""

from collections.abc import Callable, Mapping
from functools import cached_property

import msgspec

from callboard.messages.calls import Candidate
from callboard.messages.chat import ImagePart
from callboard.messages.estimate import estimate, output_bound
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.request import Request
from callboard.messages.routing import Plan
from callboard.messages.settings import numbers

LARGEST_MEMO = 10_000


class Features(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of a model; None is unknown."""

    tools: bool | None = None
    images: bool | None = None
    context: int | None = None
    """Tokens of input and output together."""

    def __post_init__(self) -> None:
        numbers(self)
        if self.context is not None and self.context < 1:
            raise ValueError("`context` is a number of tokens, 1 or more")


class Unfit(msgspec.Struct, frozen=True):
    """A candidate that is left out, and the fault that it would have given."""

    candidate: Candidate
    fault: Fault


NOTHING = Features()


class Needs:
    """What a request asks of a model, each counted when it is first asked for."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self.tools = bool(request.tools)

    @cached_property
    def images(self) -> bool:
        """Whether it shows one."""
        return any(isinstance(part, ImagePart) for message in self._request.messages for part in message.parts)

    @cached_property
    def tokens(self) -> int:
        """Of the input by estimate, and of the output as far as the request bounds it."""
        return estimate(self._request).input_total + (output_bound(self._request) or 0)


class Knowledge:
    """`told` by the configuration counts; `context` knows a model's tokens by account and name, or None.

    The catalogue only chooses between candidates: whoever names a single model has it tried.
    """

    def __init__(self, told: Mapping[Candidate, Features], context: Callable[[str, str], int | None]) -> None:
        self._told = told
        self._context = context
        self._memo: dict[Candidate, Features] = {}

    def fitting(self, request: Request, plan: Plan) -> tuple[Plan, tuple[Unfit, ...]]:
        """The plan without those who do not fit; where a context is too short its chain comes first."""
        chains = plan.chains or {}
        alone = len(plan.candidates) < 2 and not chains
        if alone and not self._told:
            return plan, ()
        needs = Needs(request)
        unfit = self._unfit(needs, plan.candidates, alone=alone)
        if not unfit and not chains:
            return plan, ()
        left = {kind: self._fit(needs, chain) for kind, chain in chains.items()}
        too_short = any(one.fault.kind is FaultKind.CONTEXT_TOO_LONG for one in unfit)
        first = left.get(FaultKind.CONTEXT_TOO_LONG, ()) if too_short else ()
        out = {one.candidate for one in unfit}
        candidates = tuple(dict.fromkeys((*first, *(one for one in plan.candidates if one not in out))))
        return Plan(candidates, plan.skipped, left or None), unfit

    def _fit(self, needs: Needs, candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
        out = {one.candidate for one in self._unfit(needs, candidates, alone=False)}
        return tuple(candidate for candidate in candidates if candidate not in out)

    def _unfit(self, needs: Needs, candidates: tuple[Candidate, ...], *, alone: bool) -> tuple[Unfit, ...]:
        found = []
        for candidate in candidates:
            features = self._told.get(candidate, NOTHING) if alone else self._of(candidate)
            fault = None if features is NOTHING else lacking(needs, features, candidate)
            if fault is not None:
                found.append(Unfit(candidate, fault))
        return tuple(found)

    def _of(self, candidate: Candidate) -> Features:
        known = self._memo.get(candidate)
        if known is None:
            known = self._told.get(candidate, NOTHING)
            if known.context is None:
                context = self._context(candidate.provider, candidate.model)
                known = known if context is None else msgspec.structs.replace(known, context=context)
            if len(self._memo) < LARGEST_MEMO:
                self._memo[candidate] = known
        return known


def lacking(needs: Needs, features: Features, candidate: Candidate) -> Fault | None:
    """What the model lacks for this request."""
    if features.tools is False and needs.tools:
        return _fault(FaultKind.UNSUPPORTED, "the model takes no tools", candidate)
    if features.images is False and needs.images:
        return _fault(FaultKind.UNSUPPORTED, "the model takes no images", candidate)
    if features.context is not None and needs.tokens > features.context:
        message = f"about {needs.tokens} tokens do not fit into the model's {features.context}"
        return _fault(FaultKind.CONTEXT_TOO_LONG, message, candidate)
    return None


def _fault(kind: FaultKind, message: str, candidate: Candidate) -> Fault:
    return Fault(kind=kind, message=message, provider=candidate.provider, model=candidate.model)
