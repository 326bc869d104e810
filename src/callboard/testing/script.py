"""A plan as the steps that carry it out: pure, so that what a client will see can be read off."""

from collections.abc import Iterator, Sequence

from callboard.messages.usage import Usage
from callboard.testing.asked import Asked
from callboard.testing.behaviour import InjectedFault
from callboard.testing.plan import Plan
from callboard.testing.refusal import Refusal
from callboard.testing.shape import Frames, Headers, Shape, Stamp, retry_headers
from callboard.testing.steps import Bill, Body, Close, Drip, End, Hang, Head, Reset, Step, Wait

_ENDS_EARLY = {InjectedFault.CUT, InjectedFault.TRUNCATE, InjectedFault.STREAM_ERROR}
_ONE_TOKEN = Usage(output=1)


def script(plan: Plan, asked: Asked, shape: Shape, stamp: Stamp, models: Sequence[str]) -> Iterator[Step]:
    """The steps from the end of the request to the end of the reply, or of the connection."""
    headers = shape.headers(stamp, plan.limits)
    match plan.fault:
        case InjectedFault.RESET:
            yield Wait(plan.latency)
            yield Reset()
        case InjectedFault.HANG:
            yield Hang()
        case InjectedFault.DRIP:
            yield Wait(plan.latency)
            yield Head(200, [_content_type(asked.stream), *headers])
            yield Drip(b":" if asked.stream else b" ", plan.drip_interval)
        case _ if plan.refusal is not None:
            yield Wait(plan.latency)
            yield from refuse(plan.refusal, shape, stamp, headers)
        case _ if plan.said is None:
            yield from _plain(plan, shape.models(models, stamp), headers)
        case _ if asked.stream:
            yield from _stream(plan, shape, shape.frames(asked, plan.said, stamp), stamp, headers)
        case _:
            yield from _plain(plan, shape.reply(asked, plan.said, stamp), headers)


def refuse(refusal: Refusal, shape: Shape, stamp: Stamp, headers: Headers) -> Iterator[Step]:
    """An error reply."""
    status = refusal.status or shape.statuses[refusal.reason]
    body = shape.error(refusal, status, stamp)
    yield Head(status, [_content_type(False), _length(body), *headers, *retry_headers(refusal, stamp)])
    yield Body(body)
    yield End()


def _plain(plan: Plan, body: bytes, headers: Headers) -> Iterator[Step]:
    if plan.said is not None:
        yield Bill(plan.said.usage)
    yield Wait(plan.latency)
    if plan.fault is InjectedFault.MALFORMED:
        body = body[: len(body) // 2]
    yield Head(200, [_content_type(False), *([] if plan.chunked else [_length(body)]), *headers])
    if plan.fault is InjectedFault.HALF_BODY:
        yield Body(body[: len(body) // 2])
        yield Close()
    else:
        yield Body(body)
        yield End()


def _stream(plan: Plan, shape: Shape, frames: Frames, stamp: Stamp, headers: Headers) -> Iterator[Step]:
    yield Wait(plan.latency)
    yield Head(200, [_content_type(True), ("cache-control", "no-cache"), *headers])
    if plan.said is not None:
        yield Bill(plan.said.input_usage)
    yield Body(frames.opening)
    yield from _tokens(plan, frames)
    match plan.fault:
        case InjectedFault.CUT:
            yield Close()
        case InjectedFault.TRUNCATE:
            yield End(whole=False)
        case InjectedFault.STREAM_ERROR:
            yield Body(shape.error_frame(stamp))
            yield End(whole=False)
        case _:
            yield Body(frames.closing)
            yield End()


def _tokens(plan: Plan, frames: Frames) -> Iterator[Step]:
    sent = plan.fault_after if plan.fault in _ENDS_EARLY else len(frames.tokens)
    broken = min(plan.fault_after, len(frames.tokens) - 1) if plan.fault is InjectedFault.MALFORMED else None
    for index, (pause, frame) in enumerate(zip((plan.first_token, *plan.gaps), frames.tokens, strict=True)):
        if index == sent:
            yield Wait(pause)
            return
        yield Wait(pause)
        yield Bill(_ONE_TOKEN)
        yield Body(_broken(frame) if index == broken else frame)


def _broken(frame: bytes) -> bytes:
    """An event whose JSON breaks off in the middle."""
    data = frame.index(b"data: ") + len(b"data: ")
    return frame[: (data + len(frame)) // 2] + b"\n\n"


def _content_type(stream: bool) -> tuple[str, str]:
    return ("content-type", "text/event-stream; charset=utf-8" if stream else "application/json")


def _length(body: bytes) -> tuple[str, str]:
    return ("content-length", str(len(body)))
