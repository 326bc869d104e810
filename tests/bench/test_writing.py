"""Files that are written while others read them, and a run that may end at any moment."""

import os
import stat
from pathlib import Path

import pytest

from callboard.bench.harness import telling
from callboard.bench.harness.options import Options
from callboard.bench.harness.writing import refused, write

REPORT = telling.Report(command="callboard bench", machine={}, answers=())


def test_one_file_for_two_forms_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    file, link = tmp_path / "told", tmp_path / "link"
    link.symlink_to(file)
    for other in (file, link, tmp_path / "." / "told"):
        assert "need a file each" in (refused(Options(json=file, svg=other)) or "")
    assert not file.exists()


def test_a_write_that_breaks_off_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "told.json"
    file.write_text("before")

    def breaks_off(path: Path, content: bytes) -> int:
        with path.open("wb") as opened:
            opened.write(content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", breaks_off)
    assert str(write(REPORT, Options(json=file))) == f"[Errno 28] No space left on device: '{file}'"
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("told.json", "before")]


def test_one_that_cannot_be_written_costs_no_other(tmp_path: Path) -> None:
    page = tmp_path / "told.md"
    error = write(REPORT, Options(json=tmp_path / "nowhere" / "told.json", markdown=page))
    assert isinstance(error, FileNotFoundError)
    assert page.read_text() == telling.page(REPORT)


def test_a_link_stays_one_and_a_file_keeps_who_may_read_it(tmp_path: Path) -> None:
    file, link = tmp_path / "told.json", tmp_path / "link"
    file.touch(mode=0o640)
    link.symlink_to(file)
    options = Options(json=link)
    assert refused(options) is None
    assert write(REPORT, options) is None
    assert link.is_symlink() and file.read_bytes() == telling.json(REPORT)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_what_is_there_stays_until_there_is_something_to_write(tmp_path: Path) -> None:
    file = tmp_path / "told.json"
    file.write_text("before")
    assert refused(Options(json=file)) is None
    assert file.read_text() == "before"


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="no pipe has a name here")
def test_a_pipe_that_the_shell_made_is_written() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as reader, os.fdopen(writing, "wb") as writer:
        options = Options(json=Path(f"/dev/fd/{writing}"))
        assert refused(options) is None
        assert write(REPORT, options) is None
        writer.close()
        assert reader.read() == telling.json(REPORT)


def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        for path in (pipe, link):
            assert "named pipe" in (refused(Options(json=path)) or "")
    finally:
        os.close(reader)
