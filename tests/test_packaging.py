"""What is installed: everything that is here, under one name, and nothing heavy on import."""

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = {
    "src/callboard": "callboard",
    **{name: f"callboard/{name}" for name in ("runtime", "actors", "messages", "bench")},
}
"""Folders of the checkout, and where they are installed."""


def files_on_disk() -> Iterator[tuple[str, bytes]]:
    """Every file that must be installed, by its installed name."""
    for folder, installed in SOURCES.items():
        base = ROOT / folder
        links = [path for path in base.iterdir() if path.is_symlink()]
        for path in base.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and not any(map(path.is_relative_to, links)):
                yield f"{installed}/{path.relative_to(base).as_posix()}", path.read_bytes()


def run(code: str, cwd: Path) -> list[str]:
    """The words that a fresh interpreter prints."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout.split()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built offline from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_every_file_that_is_on_disk_and_no_other(wheel: zipfile.ZipFile) -> None:
    packed = {name: wheel.read(name) for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed.keys() == dict(files_on_disk()).keys()
    assert packed == dict(files_on_disk())


def test_the_wheel_installs_one_package_with_types_licence_and_command(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    tops = {name.split("/")[0] for name in names}
    (information,) = tops - {"callboard"}
    assert information.endswith(".dist-info")
    assert "callboard/py.typed" in names
    assert f"{information}/licenses/LICENSE" in names
    assert b"callboard = callboard.cli:main" in wheel.read(f"{information}/entry_points.txt")


def test_an_unpacked_wheel_needs_no_checkout(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
        "import callboard, callboard.runtime.system, callboard.messages.chat, callboard.actors; "
        "print(*(m.__file__ for n, m in sys.modules.items() if n.startswith('callboard') and m.__file__))"
    )
    loaded = run(code, tmp_path)
    assert loaded
    assert all(Path(file).is_relative_to(tmp_path) for file in loaded)


def test_nothing_generic_is_importable_from_elsewhere(tmp_path: Path) -> None:
    code = (
        "import importlib.util as u; "
        "print(*(n for n in ('runtime', 'actors', 'messages', 'bench', 'callboard') if u.find_spec(n)))"
    )
    assert run(code, tmp_path) == ["callboard"]


def test_importing_callboard_imports_nothing_heavy_that_a_first_call_does_not_need(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['httpx._main'] = None; "  # httpx's own command line would bring in rich and click
        "import callboard; print(*sys.modules)"
    )
    loaded = set(run(code, tmp_path))
    heavy = {"genai_prices", "rich", "click", "typer", "h11", "httpcore", "pydantic", "sqlite3", "asyncio"}
    ours = {"callboard.testing", "callboard.cli", "callboard.__main__"}
    tests = {"pytest", "hypothesis", "trio.testing"}
    assert loaded & (heavy | ours | tests) == set()
