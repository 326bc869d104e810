import pytest

from callboard.actors.wires.openai_ids import ShortIds, fitting


@pytest.mark.parametrize(("call_id", "length"), [("aB3dE6gH9", 9), ("call_abc123", None), ("", None)])
def test_an_id_that_fits_is_kept(call_id: str, length: int | None) -> None:
    assert fitting(call_id, length) == call_id


@pytest.mark.parametrize("call_id", ["call_abc123def456", "toolu_01A0", "call_abc1", "äbcdefghi", "a", "", "\ud800"])
def test_any_other_id_becomes_letters_and_digits_of_the_length_and_the_same_ones_each_time(call_id: str) -> None:
    made = fitting(call_id, 9)
    assert (len(made), made.isascii(), made.isalnum()) == (9, True, True)
    assert fitting(call_id, 9) == made


def test_ids_that_differ_stay_apart() -> None:
    assert len({fitting(f"call_{number}", 9) for number in range(10_000)}) == 10_000


def test_another_servers_id_that_is_too_long_is_shortened_and_its_result_names_the_same() -> None:
    ids = ShortIds(40)
    long = "chatcmpl-tool-" + "0a" * 16
    short = ids.of_another(long)
    assert (len(short), short.isalnum(), ids.sent(long)) == (40, True, short)
    assert ids.of_another("x" * 40) == ids.sent("x" * 40) == "x" * 40
    assert ids.sent("y" * 46) == "y" * 46, "the id of a call of its own was changed"
