import copy
from pathlib import Path

import pytest

from callboard.runtime.storage.errors import (
    BrokenRecord,
    NoStore,
    StorageBusy,
    StorageError,
    StorageFailed,
    StorageFull,
    StoreClosed,
    StoreOwned,
    TooNew,
    Unreadable,
    WrongProcess,
)

PATH = Path("place")
ALL: list[StorageError] = [
    StoreOwned(PATH, "process 7"),
    NoStore(PATH),
    Unreadable(PATH, "cause"),
    TooNew(PATH, 2, 1),
    StorageFull(PATH, "cause"),
    StorageFailed(PATH, "cause"),
    StorageBusy(PATH, "growth", "a commit runs"),
    StoreClosed(PATH),
    WrongProcess(PATH, 7),
    BrokenRecord(b"key", "cause"),
]


def test_every_storage_error_is_here() -> None:
    assert {type(error) for error in ALL} == set(StorageError.__subclasses__())


@pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)
def test_each_waiter_can_have_its_own_copy(error: StorageError) -> None:
    same = copy.copy(error)
    assert same is not error
    assert (type(same), str(same), vars(same)) == (type(error), str(error), vars(error))


@pytest.mark.parametrize("error", ALL[:-1], ids=lambda error: type(error).__name__)
def test_every_error_says_where(error: StorageError) -> None:
    assert str(error).startswith("place: ")
