from pathlib import Path

from callboard.simulation.growth import DESCRIPTORS, Growth


def test_what_stays_of_each_call_is_found() -> None:
    growth = Growth()
    kept: list[object] = []
    assert growth.measure(0) == []
    assert growth.measure(2_000) == []
    kept.extend([number] for number in range(20_000))
    assert "objects stay" in growth.measure(4_000)[0]


def test_files_that_stay_open_are_found(tmp_path: Path) -> None:
    growth = Growth()
    growth.measure(0)
    files = [(tmp_path / str(number)).open("w") for number in range(2 * DESCRIPTORS)]
    assert "files are open" in growth.measure(10)[0]
    for file in files:
        file.close()
    assert growth.measure(10) == []
