"""The recorded traffic: outside the checkout, see CALLBOARD_WIRE_DATA."""

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Record = dict[str, Any]


@pytest.fixture(scope="session")
def wire_data() -> Path:
    """Where the recordings are. Skips when they are not there, fails when the environment says they should be."""
    named = os.environ.get("CALLBOARD_WIRE_DATA")
    folder = Path(named) if named else Path(__file__).parents[4] / "shared" / "data" / "wire"
    if not (folder / "exceptions.json").is_file():
        missing = f"no recorded traffic in {folder}; set CALLBOARD_WIRE_DATA to its folder"
        pytest.fail(missing) if named else pytest.skip(missing)
    return folder


@pytest.fixture(scope="session")
def exceptions(wire_data: Path) -> dict[str, dict[str, Any]]:
    """`broken` records, and the fields of `ambiguous` ones, by id."""
    loaded: dict[str, dict[str, Any]] = json.loads((wire_data / "exceptions.json").read_text())
    return loaded


@pytest.fixture(scope="session")
def recorded(wire_data: Path, exceptions: dict[str, dict[str, Any]]) -> Callable[[str, str], list[Record]]:
    """The usable records of one provider and API, each with `unsure`: the fields on which honest readers differ."""

    def records(provider: str, api: str) -> list[Record]:
        found = []
        for line in (wire_data / f"{provider}.jsonl").read_text().splitlines():
            record = json.loads(line)
            if record["api"] == api and record["id"] not in exceptions["broken"]:
                ambiguous = exceptions["ambiguous"].get(record["id"], {"fields": []})
                doubtful = ["*"] if record["recorded"] == "doubtful" else []
                record["unsure"] = set(ambiguous["fields"]) | set(doubtful)
                found.append(record)
        return found

    return records


@pytest.fixture(scope="session")
def pieces() -> Callable[[bytes, object], list[bytes]]:
    """Cuts a body at random places: the same seed, the same places."""

    def cut(body: bytes, seed: object) -> list[bytes]:
        chance = random.Random(str(seed))
        count = min(len(body), 1 + chance.randrange(40))
        places = sorted(chance.randrange(len(body) + 1) for _ in range(count))
        return [body[start:end] for start, end in zip([0, *places], [*places, len(body)], strict=True)]

    return cut
