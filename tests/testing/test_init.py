import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import callboard.testing


def test_every_public_name_exists_and_is_listed_in_order() -> None:
    listed = callboard.testing.__all__
    assert all(hasattr(callboard.testing, name) for name in listed)
    assert len(set(listed)) == len(listed)


def test_importing_callboard_does_not_import_the_test_kit() -> None:
    code = "import sys, callboard; sys.exit(any(name.startswith('callboard.testing') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_test_kit_needs_only_trio_h11_msgspec_and_the_messages() -> None:
    code = "import sys, callboard.testing; print(*(n for n in sys.modules if n.startswith('callboard.testing')))"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    allowed = sys.stdlib_module_names | {"trio", "h11", "msgspec", "callboard.messages", "callboard.testing"}
    for name in run.stdout.split():
        assert imported(name) <= allowed, name


def imported(name: str) -> set[str]:
    """What a module imports: top-level packages, and the second level of callboard."""
    found = importlib.util.find_spec(name)
    assert found is not None
    assert found.origin is not None
    names = set()
    for node in ast.walk(ast.parse(Path(found.origin).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {".".join(each.split(".")[: 2 if each.startswith("callboard.") else 1]) for each in names}
