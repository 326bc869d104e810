import pytest

from callboard.cli.columns import columns

HEADS = ("tag", "user", "calls", "cost")
ROWS = [("t", "u", "3", "$0.5"), ("a-longer-tag", "a-longer-user", "12,345", "$10.0")]
WIDE = [
    "tag           user            calls   cost",
    "t             u                   3   $0.5",
    "a-longer-tag  a-longer-user  12,345  $10.0",
]


@pytest.mark.parametrize("width", [None, 42, 100])
def test_a_row_takes_one_line_where_it_fits_or_nothing_has_an_end(width: int | None) -> None:
    assert columns(HEADS, ROWS, words=2, width=width) == WIDE


def test_in_a_narrower_terminal_each_row_has_its_numbers_below_its_names_which_stay_whole() -> None:
    assert columns(HEADS, ROWS, words=2, width=41) == [
        "tag  user",
        "   calls   cost",
        "t  u",
        "       3   $0.5",
        "a-longer-tag  a-longer-user",
        "  12,345  $10.0",
    ]


def test_a_name_neither_forges_a_row_nor_commands_the_terminal() -> None:
    assert columns(("user", "calls"), [("a\nb  1,000", "1"), ("\x1b[2J\ud800", "2")]) == [
        "user           calls",
        "a\\nb  1,000        1",
        "\\x1b[2J\\ud800      2",
    ]


def test_a_very_long_name_is_cut() -> None:
    _, row = columns(("user", "calls"), [("x" * 100_000, "1")])
    assert row == "x" * 79 + "…" + "      1"


def test_rows_of_words_alone_have_nothing_to_put_below() -> None:
    assert columns(("one", "two"), [("a", "b")], words=2, width=1) == ["one  two", "a    b"]
