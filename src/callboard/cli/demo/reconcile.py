"""Whether three accounts of the same calls agree: the callers' outcomes, the ledger on disk, and the servers' logs.

Attempts carry their ids to the servers as the header `x-client-request-id`, so the two sides can be compared one by
one. Pure; every function gives a sentence for each thing that does not add up.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from callboard.cli.demo.result import Result
from callboard.messages.accounting import AttemptOpened, AttemptSettled, CallEnded, LedgerEntry
from callboard.messages.usage import Cost
from callboard.testing import Outcome, Served


class Accounts(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be compared."""

    results: Sequence[Result]
    begun: int
    """Calls that were made."""
    entries: Sequence[LedgerEntry]
    """The ledger's journal, read from the disk after the runtime had stopped."""
    logs: Mapping[str, Sequence[Served]]
    """By provider: every request that arrived."""
    cost: Cost
    """US dollars, as the ledger adds up."""

    @property
    def settled(self) -> dict[str, AttemptSettled]:
        """The ledger's attempts by id."""
        return {entry.id: entry for entry in self.entries if isinstance(entry, AttemptSettled)}

    @property
    def ended(self) -> dict[str, CallEnded]:
        """The ledger's calls by id."""
        return {entry.id: entry for entry in self.entries if isinstance(entry, CallEnded)}


def outcomes(accounts: Accounts) -> list[str]:
    """Every call that was made has exactly one outcome."""
    numbers = Counter(result.number for result in accounts.results)
    ids = Counter(result.id for result in accounts.results)
    return [
        *(f"call {number} has {numbers[number]} outcomes" for number in range(accounts.begun) if numbers[number] != 1),
        *(f"call {number} was never made" for number in numbers if number >= accounts.begun),
        *(f"{count} calls have the id {name}" for name, count in ids.items() if count > 1),
    ]


def success(accounts: Accounts) -> list[str]:
    """Every plain call succeeded; every stream is complete, or interrupted and says so; no text came twice."""
    found = []
    for result in accounts.results:
        if result.outcome == "fault" or (result.outcome == "interrupted" and not result.stream):
            found.append(f"call {result.number} failed: {result.fault}")
        if not result.whole:
            found.append(f"call {result.number}: the pieces are not the text that the outcome holds")
    return found


def calls(accounts: Accounts) -> list[str]:
    """The ledger has one record of each call, with the outcome that its caller got."""
    recorded = Counter(entry.id for entry in accounts.entries if isinstance(entry, CallEnded))
    ended = accounts.ended
    had = {result.id for result in accounts.results}
    found = [f"call {name} is in the ledger, but nobody made it" for name in recorded if name not in had]
    for result in accounts.results:
        if recorded[result.id] != 1:
            found.append(f"call {result.id} is {recorded[result.id]} times in the ledger")
        elif ended[result.id].outcome != result.outcome:
            found.append(f"call {result.id}: {result.outcome}, but {ended[result.id].outcome} in the ledger")
    return found


def attempts(accounts: Accounts) -> list[str]:
    """The ledger opened and settled each attempt once: those that callers know of, and those that never went out."""
    opened = Counter(entry.id for entry in accounts.entries if isinstance(entry, AttemptOpened))
    settled = Counter(entry.id for entry in accounts.entries if isinstance(entry, AttemptSettled))
    known = {record.id for result in accounts.results for record in result.sent if record.id is not None}
    found = []
    for name in {*opened, *settled, *known}:
        if (opened[name], settled[name]) != (1, 1):
            found.append(f"attempt {name} was opened {opened[name]} times and settled {settled[name]} times")
        elif name not in known and accounts.settled[name].usage.total:
            found.append(f"attempt {name} used tokens, but no caller knows of it")
    return found


def requests(accounts: Accounts) -> list[str]:
    """Every request that a server saw is an attempt of the ledger, and every answer of the ledger came from one."""
    settled = accounts.settled
    seen: Counter[str | None] = Counter()
    found = []
    for provider, log in accounts.logs.items():
        for request in log:
            seen[request.attempt] += 1
            entry = settled.get(request.attempt or "")
            where = f"{provider}'s request {request.number}"
            if entry is None:
                found.append(f"{where} (attempt {request.attempt}) is not in the ledger")
            else:
                found += [
                    f"{where} (attempt {request.attempt}) {what}" for what in _differences(provider, request, entry)
                ]
    found += [f"attempt {name} arrived {count} times" for name, count in seen.items() if count > 1]
    answered = [entry for entry in settled.values() if entry.outcome == "ok"]
    return found + [
        f"attempt {entry.id} was answered, but no server saw it" for entry in answered if not seen[entry.id]
    ]


def _differences(provider: str, request: Served, entry: AttemptSettled) -> Iterator[str]:
    if (entry.provider, entry.model) != (provider, request.model):
        yield f"is of {entry.provider}/{entry.model} in the ledger, not of {provider}/{request.model}"
    if request.outcome is Outcome.OPEN:
        yield "has not ended"
    if entry.outcome == "ok" and request.outcome is not Outcome.COMPLETE:
        yield f"is ok in the ledger, but {request.outcome.value} in the server's log"
    if not entry.estimated and entry.usage != request.usage:
        yield f"used {entry.usage.total} tokens by the ledger, {request.usage.total} by the server's log"


def money(accounts: Accounts) -> list[str]:
    """What the attempts cost is what the calls are charged, and what the ledger's sums say."""
    by_attempt = _sum(entry.cost for entry in accounts.entries if isinstance(entry, AttemptSettled))
    by_call = _sum(entry.cost for entry in accounts.entries if isinstance(entry, CallEnded))
    if by_attempt == by_call == accounts.cost:
        return []
    return [f"the attempts cost {by_attempt}, the calls are charged {by_call}, the sums say {accounts.cost} dollars"]


def _sum(costs: Iterable[Cost | None]) -> Cost | None:
    """Unknown as soon as one of them is."""
    known = list(costs)
    return None if None in known else sum((cost for cost in known if cost is not None), Cost(0))
