from pathlib import Path

from callboard.simulation.growth import DESCRIPTORS, LEAST, WARM, Growth


def test_what_stays_of_each_call_is_found() -> None:
    growth = Growth()
    kept: list[object] = []
    assert growth.measure(WARM - 1, 0) == growth.measure(WARM, 0) == []
    assert growth.measure(WARM + LEAST, 0) == []
    assert growth.measure(WARM + LEAST, 50) == []
    kept.extend([number] for number in range(10 * LEAST))
    assert "objects stay" in growth.measure(WARM + 2 * LEAST, 0)[0]


def test_files_that_stay_open_are_found(tmp_path: Path) -> None:
    growth = Growth()
    growth.measure(WARM, 0)
    files = [(tmp_path / str(number)).open("w") for number in range(2 * DESCRIPTORS)]
    assert "files are open" in growth.measure(WARM + 1, 0)[0]
    for file in files:
        file.close()
    assert growth.measure(WARM + 1, 0) == []
