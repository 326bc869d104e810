"""What an attempt leaves behind: its two entries in the ledger, and the line in its call's reply. Pure."""

from callboard.actors.provider.progress import Progress
from callboard.messages.accounting import AttemptOpened, AttemptSettled
from callboard.messages.reply import AttemptRecord
from callboard.runtime.clock import seconds


def opened(progress: Progress, provider: str, at: int) -> AttemptOpened:
    """Of an attempt that is about to be made; `at` in UTC nanoseconds."""
    attempt, payer = progress.attempt, progress.payer
    return AttemptOpened(
        id=attempt.id,
        call=payer.call,
        provider=provider,
        model=attempt.model,
        at=at,
        estimate=progress.estimate,
        estimated_cost=progress.estimated_cost,
        tag=payer.tag,
        user=payer.user,
        counts_at=None if progress.granted is None else progress.granted.at,
    )


def settled(progress: Progress, provider: str, at: int, now: int) -> AttemptSettled:
    """Of one that has ended and is settled; `at` in UTC nanoseconds, `now` in monotonic ones."""
    attempt, payer, settlement = progress.attempt, progress.payer, progress.settled
    return AttemptSettled(
        id=attempt.id,
        call=payer.call,
        provider=provider,
        model=attempt.model,
        at=at,
        outcome=progress.outcome,
        fault=None if progress.fault is None else progress.fault.kind,
        usage=settlement.usage,
        cost=settlement.cost,
        estimated=settlement.estimated,
        duration=now - progress.started,
        first_token=progress.first_token,
        tag=payer.tag,
        user=payer.user,
        sent=progress.sent,
    )


def told(progress: Progress, provider: str, now: int) -> AttemptRecord:
    """For whoever made the call; `now` in monotonic nanoseconds."""
    settlement, refused = progress.settled, progress.refused
    return AttemptRecord(
        id=progress.attempt.id if progress.sent else None,
        provider=provider,
        model=progress.attempt.model,
        outcome=progress.outcome if refused is None else "skipped",
        reason=refused,
        fault=progress.fault,
        usage=settlement.usage,
        cost=settlement.cost,
        estimated=settlement.estimated,
        duration=seconds(now - progress.started),
        first_token=None if progress.first_token is None else seconds(progress.first_token),
    )
