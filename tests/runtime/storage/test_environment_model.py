"""An environment against a dict: any batches, any ranges, growth and opening again in between."""

import tempfile
from pathlib import Path
from typing import TypeAlias, assert_never

from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.runtime.storage.environment import Environment
from callboard.runtime.storage.errors import NeedsGrowth
from callboard.runtime.storage.operations import Delete, DeleteRange, Operation, Put

Model: TypeAlias = dict[str, dict[bytes, bytes]]

keys = st.binary(min_size=1, max_size=2) | st.sampled_from([b"a", b"aa", b"b", b"x" * 511])
bounds = st.just(b"") | keys
values = st.builds(lambda byte, length: byte * length, st.binary(min_size=1, max_size=1), st.integers(0, 9000))
databases = st.sampled_from(["a", "b"])
operations = st.one_of(
    st.builds(Put, databases, keys, values),
    st.builds(Put, databases, keys, values),
    st.builds(Delete, databases, keys),
    st.builds(DeleteRange, databases, bounds, st.none() | keys, st.integers(1, 5)),
)
batches = st.lists(st.lists(operations, max_size=12) | st.none(), max_size=8)
"""None: close, and open again."""


def within(model: dict[bytes, bytes], start: bytes, stop: bytes | None) -> list[tuple[bytes, bytes]]:
    return [pair for pair in sorted(model.items()) if pair[0] >= start and (stop is None or pair[0] < stop)]


def apply(model: Model, operation: Operation) -> None:
    match operation:
        case Put(database, key, value):
            model[database][key] = value
        case Delete(database, key):
            model[database].pop(key, None)
        case DeleteRange(database, start, stop, limit):
            for key, _ in within(model[database], start, stop)[:limit]:
                del model[database][key]
        case _:
            assert_never(operation)


def agree(environment: Environment, model: Model) -> None:
    for name, content in model.items():
        assert environment.scan(name, limit=1000) == sorted(content.items())
        assert environment.count(name) == len(content)


def commit(environment: Environment, batch: list[Operation], model: Model) -> None:
    while True:
        try:
            environment.commit(batch)
        except NeedsGrowth:
            agree(environment, model)
            environment.grow()
        else:
            break
    for operation in batch:
        apply(model, operation)


def opened(folder: Path) -> Environment:
    return Environment.open(folder, ("a", "b"), map_size=32768, max_map_size=1 << 24, sync=False)


@settings(max_examples=100, deadline=None)
@given(batches, bounds, st.none() | keys, st.integers(0, 5))
def test_an_environment_is_two_sorted_dicts(
    program: list[list[Operation] | None], start: bytes, stop: bytes | None, limit: int
) -> None:
    model: Model = {"a": {}, "b": {}}
    with tempfile.TemporaryDirectory() as folder:
        environment = opened(Path(folder))
        try:
            for batch in program:
                if batch is None:
                    environment.close()
                    environment = opened(Path(folder))
                else:
                    commit(environment, batch, model)
                agree(environment, model)
            expected = within(model["a"], start, stop)
            assert environment.scan("a", start, stop, limit=limit) == expected[:limit]
            assert environment.scan("a", start, stop, limit=limit, reverse=True) == expected[::-1][:limit]
        finally:
            environment.close()
