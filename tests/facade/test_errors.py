import inspect
import pickle
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

import callboard
from callboard import checks, errors
from callboard.config import Config
from callboard.messages.calls import Cause, Failure
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.reply import Answer, AttemptRecord

PARTIAL = Answer(parts=(), finish_reason=None)


def failure(kind: FaultKind, *, partial: Answer | None = None, **more: Any) -> Failure:
    fault = Fault(kind=kind, message="it broke", provider="p", model="m", **more)
    record = AttemptRecord(provider="p", model="m", outcome="fault", fault=fault)
    return Failure(id="c1", fault=fault, attempts=(record,), partial=partial)


@pytest.mark.parametrize("kind", FaultKind)
@pytest.mark.parametrize("partial", [None, PARTIAL])
def test_every_fault_has_its_exception(kind: FaultKind, partial: Answer | None) -> None:
    error = errors.error_of(failure(kind, partial=partial))
    expected: type[errors.CallError] = {
        FaultKind.DEADLINE: errors.DeadlineExceeded,
        FaultKind.UNAVAILABLE: errors.Unavailable,
    }.get(kind, errors.CallError)
    if kind is FaultKind.INTERRUPTED and partial is not None:
        expected = errors.Interrupted
    assert type(error) is expected
    assert error.fault.kind is kind


def test_a_call_error_says_what_where_and_which_call() -> None:
    error = errors.error_of(failure(FaultKind.SERVER, status=503))
    assert str(error) == "p/m: server (HTTP 503): it broke [call c1, 1 attempt]"
    assert (error.id, len(error.attempts)) == ("c1", 1)


def test_a_broken_stream_holds_what_had_come() -> None:
    error = errors.error_of(failure(FaultKind.INTERRUPTED, partial=PARTIAL))
    assert isinstance(error, errors.Interrupted)
    assert error.partial is PARTIAL


@pytest.mark.parametrize("seconds", [None, 0.0, 5.0])
def test_an_unavailable_call_says_when_it_may_be_tried_again(seconds: float | None) -> None:
    error = errors.error_of(failure(FaultKind.UNAVAILABLE, retry_after=seconds))
    assert isinstance(error, errors.Unavailable)
    assert error.retry_after == seconds


def test_an_expired_call_is_a_timeout_to_whoever_knows_only_python() -> None:
    assert isinstance(errors.error_of(failure(FaultKind.DEADLINE)), TimeoutError)


def test_what_caused_a_failure_is_told_once_and_in_no_repr() -> None:
    bug = ZeroDivisionError("what was said")
    failed = msgspec.structs.replace(failure(FaultKind.INTERNAL), cause=Cause(bug))
    assert "what was said" not in repr(failed)
    assert errors.error_of(failed).__cause__ is bug
    assert errors.error_of(failed).__cause__ is None


def test_all_exceptions_are_in_all_and_in_the_tree_at_the_top() -> None:
    public = {
        name
        for name, found in vars(errors).items()
        if inspect.isclass(found) and issubclass(found, errors.CallboardError)
    }
    assert public | {"error_of"} == set(errors.__all__)
    assert errors.__doc__ is not None
    assert all(name in errors.__doc__ for name in public)
    assert len(public) <= 10
    assert public <= set(callboard.__all__)


def test_every_exception_says_whose_fault_it_is_or_what_to_do() -> None:
    assert all(getattr(errors, name).__doc__ for name in errors.__all__)


def test_whatever_callboard_exports_is_there_and_listed_once_in_order() -> None:
    assert len(set(callboard.__all__)) == len(callboard.__all__)
    for name in callboard.__all__:
        assert getattr(callboard, name) is not None
    assert set(callboard.__all__) <= set(dir(callboard))


def test_nothing_public_is_left_out_of_all() -> None:
    for name in callboard.__all__:
        getattr(callboard, name)
    ours = {
        name
        for name, found in vars(callboard).items()
        if not name.startswith("_") and getattr(found, "__module__", "").startswith("callboard.")
    }
    assert ours <= set(callboard.__all__)
    assert set(callboard._RUNTIME) <= set(callboard.__all__)


def test_a_misspelt_name_is_an_error_to_type_checkers_too() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Interupted'"):
        _ = callboard.Interupted  # type: ignore[attr-defined]  # mypy refuses this comment where it knows every name


def parts(hint: object) -> set[type]:
    """The classes of callboard's that stand in a type, and in the tables of the configuration that do."""
    if not inspect.isclass(hint) or get_args(hint):
        return {part for argument in get_args(hint) for part in parts(argument)}
    if not hint.__module__.startswith("callboard."):
        return set()
    table = get_type_hints(hint).values() if hint is Config or hint.__module__ == "callboard.sections" else ()
    return {hint} | {part for inner in table for part in parts(inner)}


def test_every_type_in_a_signature_of_the_board_and_in_the_configuration_has_a_public_name() -> None:
    methods = [found for name, found in vars(callboard.Board).items() if not name.startswith("_")]
    functions = [found.fget if isinstance(found, property) else found for found in methods]
    hints = [hint for function in functions for hint in get_type_hints(function).values()]
    public = {getattr(home, name) for home in (callboard, checks) for name in home.__all__}
    assert {part for hint in [*hints, Config] for part in parts(hint)} <= public
    assert {callboard.Options, callboard.WorkOptions} <= public


def test_errors_without_a_failure_can_be_copied_between_processes() -> None:
    for kind in (errors.ConfigError, errors.StoreOwned, errors.InvalidRequest, errors.RuntimeStopped):
        assert str(pickle.loads(pickle.dumps(kind("told")))) == "told"  # noqa: S301 - our own bytes
