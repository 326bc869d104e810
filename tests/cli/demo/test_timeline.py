from callboard.cli.demo.timeline import Move, Timeline, line
from callboard.messages.events import AccountBlocked, ActorRestarted, CircuitMoved, SupervisorGaveUp


def moved(before: str, after: str, circuit: str = "endpoint", cause: str | None = None) -> CircuitMoved:
    return CircuitMoved(at=0, provider="alpha", circuit=circuit, before=before, after=after, cause=cause)


def test_every_event_is_a_line_and_moves_are_kept_with_their_times() -> None:
    said: list[str] = []
    times = iter([1.5, 2.5])
    timeline = Timeline(lambda: next(times), said.append)
    timeline(moved("closed", "open", cause="timed_out"))
    timeline(SupervisorGaveUp(at=0, path="", cause="OSError"))
    timeline(moved("open", "half-open"))
    assert said == [
        "alpha: circuit of endpoint: closed -> open (timed out)",
        "the root gave up after OSError",
        "alpha: circuit of endpoint: open -> half-open",
    ]
    assert timeline.moves == [
        Move(1.5, "alpha", "endpoint", "closed", "open", "timed_out"),
        Move(2.5, "alpha", "endpoint", "open", "half-open", None),
    ]


def test_it_knows_whether_a_provider_s_circuits_opened_and_are_all_closed() -> None:
    timeline = Timeline(lambda: 0.0, lambda line: None)
    assert (timeline.opened("alpha"), timeline.closed("alpha")) == (False, True)
    timeline(moved("closed", "open"))
    timeline(moved("closed", "open", "endpoint m"))
    assert (timeline.opened("alpha"), timeline.closed("alpha")) == (True, False)
    assert (timeline.opened("beta"), timeline.closed("beta")) == (False, True)
    timeline(moved("ramping", "closed"))
    assert not timeline.closed("alpha")
    timeline(moved("ramping", "closed", "endpoint m"))
    assert (timeline.opened("alpha"), timeline.closed("alpha")) == (True, True)


def test_the_other_events_name_what_happened() -> None:
    blocked = AccountBlocked(at=0, provider="alpha", model=None, why="quota_exhausted")
    assert line(blocked) == "alpha: the account takes no calls: quota_exhausted"
    restarted = ActorRestarted(at=0, path="cache", incarnation=1, cause="OSError", delay=0)
    assert line(restarted) == "cache failed with OSError and is started again"
