"""A store in memory is gone afterwards, however its process ends."""

import os
import time
from pathlib import Path

import pytest

from callboard import memory
from callboard.memory import LOCK, PREFIX, Memory
from callboard.runtime.storage.owner import OwnerLock
from callboard.sections import StoreConfig

NOW = time.time_ns()


class OtherUser:
    st_uid = -1


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(memory, "HOME", tmp_path)
    return tmp_path


def left_by_a_killed_process(home: Path) -> Path:
    """As the kernel leaves it: the text is there, the lock is not."""
    folder = home / f"{PREFIX}left"
    OwnerLock.acquire(folder / LOCK, NOW).drop()
    (folder / "cache").mkdir()
    (folder / "cache" / "data.mdb").write_bytes(b"a kept reply")
    return folder


def test_the_folder_is_gone_afterwards(home: Path) -> None:
    with Memory(StoreConfig(), inline=True) as store:
        assert store.path.parent == home
        assert store.path.stat().st_mode & 0o077 == 0
    assert list(home.iterdir()) == []


def test_its_files_have_the_sizes_that_the_configuration_says() -> None:
    config = StoreConfig(mode="memory", initial_size=1 << 20, max_size=1 << 24)
    with Memory(config, inline=True) as store:
        assert (store.map_size, store.max_map_size) == (1 << 20, 1 << 24)


def test_what_a_killed_process_left_is_removed_by_the_next_opening(home: Path) -> None:
    left = left_by_a_killed_process(home)
    with Memory(StoreConfig(), inline=True) as store:
        assert not left.exists()
        assert list(home.iterdir()) == [store.path]


def test_what_somebody_still_has_is_left_alone(home: Path) -> None:
    with Memory(StoreConfig(), inline=True) as one, Memory(StoreConfig(), inline=True) as another:
        (one.path / "cache").mkdir()
        with Memory(StoreConfig(), inline=True):
            assert sorted(one.path.iterdir()) == [one.path / "cache", one.path / LOCK]
            assert another.path.exists()


def test_a_folder_whose_owner_has_not_yet_taken_its_lock_is_left_alone(home: Path) -> None:
    folder = home / f"{PREFIX}young"
    folder.mkdir()
    os.close(os.open(folder / LOCK, os.O_CREAT))
    with Memory(StoreConfig(), inline=True):
        assert folder.exists()


def test_a_folder_whose_owner_was_killed_before_it_wrote_who_it_is_goes_after_a_minute(home: Path) -> None:
    folder = home / f"{PREFIX}never"
    folder.mkdir()
    os.close(os.open(folder / LOCK, os.O_CREAT))
    os.utime(folder / LOCK, (time.time() - 61, time.time() - 61))
    with Memory(StoreConfig(), inline=True):
        assert not folder.exists()


def test_a_store_that_is_to_stay_is_left_alone_whatever_it_is_called(home: Path) -> None:
    folder = home / f"{PREFIX}mine"
    OwnerLock.acquire(folder / "owner.lock", NOW).drop()
    with Memory(StoreConfig(), inline=True):
        assert folder.exists()


def test_a_folder_of_another_users_is_left_alone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = left_by_a_killed_process(home)
    lstat = Path.lstat
    monkeypatch.setattr(Path, "lstat", lambda path: OtherUser() if path == left else lstat(path))
    with Memory(StoreConfig(), inline=True):
        assert left.exists()
