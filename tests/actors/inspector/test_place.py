import os
import stat
from pathlib import Path

import pytest

from callboard.actors.inspector.place import (
    LONGEST_PATH,
    Host,
    NoPlace,
    fault,
    folders,
    private_folder,
    short_enough,
    socket_name,
)

ME = os.getuid()
NAME = "0123456789abcdef.sock"


def found(mode: int, user: int = ME) -> os.stat_result:
    return os.stat_result((mode, 1, 1, 1, user, user, 0, 0, 0, 0))


def test_the_runtime_directory_comes_before_the_temporary_one() -> None:
    host = Host.of({"XDG_RUNTIME_DIR": "/run/user/7"}, 7, "/temp")
    assert folders(host) == (Path("/run/user/7/callboard"), Path("/temp/callboard-7"))


@pytest.mark.parametrize("value", [None, "", "run/user/7"])
def test_a_runtime_directory_that_is_not_absolute_does_not_count(value: str | None) -> None:
    environ = {} if value is None else {"XDG_RUNTIME_DIR": value}
    assert folders(Host.of(environ, 7, "/temp")) == (Path("/temp/callboard-7"),)


def test_a_store_has_one_name_however_its_path_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = tmp_path / "store"
    store.mkdir()
    (tmp_path / "link").symlink_to(store)
    monkeypatch.chdir(tmp_path)
    names = {socket_name(path) for path in (store, Path("store"), tmp_path / "link", tmp_path / "x" / ".." / "store")}
    assert len(names) == 1
    assert socket_name(tmp_path / "other") not in names


def test_the_name_leaves_room_for_the_folder() -> None:
    assert len(socket_name(Path("/" + "x" * 4000))) == len(NAME)


def test_a_path_may_have_as_many_bytes_as_a_socket_takes() -> None:
    assert short_enough(Path("/" + "x" * (LONGEST_PATH - 1)))
    assert not short_enough(Path("/" + "x" * LONGEST_PATH))
    assert not short_enough(Path("/" + "ü" * (LONGEST_PATH // 2 + 1)))


def test_a_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    folder = private_folder([tmp_path / "callboard"], NAME, ME)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert private_folder([folder], NAME, ME) == folder


@pytest.mark.parametrize(
    ("mode", "user", "why"),
    [
        (stat.S_IFDIR | 0o700, ME + 1, "belongs to user"),
        (stat.S_IFDIR | 0o750, ME, "is open to others (mode 0750)"),
        (stat.S_IFDIR | 0o701, ME, "is open to others (mode 0701)"),
        (stat.S_IFLNK | 0o777, ME, "is not a folder"),
        (stat.S_IFREG | 0o600, ME, "is not a folder"),
    ],
)
def test_a_folder_that_others_could_reach_is_refused(mode: int, user: int, why: str) -> None:
    told = fault(found(mode, user), ME)
    assert told is not None
    assert why in told


def test_a_folder_of_ones_own_is_fine() -> None:
    assert fault(found(stat.S_IFDIR | 0o700), ME) is None


def test_a_link_to_a_folder_of_ones_own_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(NoPlace, match="is not a folder"):
        private_folder([tmp_path / "link"], NAME, ME)


def test_the_next_folder_is_taken_when_one_cannot_be(tmp_path: Path) -> None:
    long = tmp_path / ("x" * LONGEST_PATH)
    missing = tmp_path / "missing" / "callboard"
    assert private_folder([long, missing, tmp_path / "good"], NAME, ME) == tmp_path / "good"


def test_what_is_wrong_with_every_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NoPlace) as error:
        private_folder([tmp_path / ("x" * LONGEST_PATH), tmp_path / "file", tmp_path / "a" / "b"], NAME, ME)
    told = str(error.value).split("; ")
    assert ["too long" in told[0], "File exists" in told[1], "No such file" in told[2]] == [True] * 3
