from callboard.actors.wires.anthropic_tool_ids import ToolIds


def turn(ids: ToolIds, *call_ids: str) -> tuple[list[str], list[str]]:
    """What the calls of a turn are called, and then their results."""
    return [ids.call(one) for one in call_ids], [ids.result(one) for one in call_ids]


def test_an_id_that_is_taken_as_it_is_stays() -> None:
    assert turn(ToolIds(), "toolu_1", "call-2") == (["toolu_1", "call-2"],) * 2


def test_an_id_that_comes_again_is_given_another_and_results_follow_their_calls() -> None:
    ids = ToolIds()
    assert [turn(ids, "call_0") for _ in range(3)] == [([one],) * 2 for one in ("call_0", "call_0_2", "call_0_3")]
    assert ids.result("call_0") == "call_0_3"


def test_ids_that_become_equal_stay_apart() -> None:
    assert turn(ToolIds(), "w:0", "w.0", "w_0_2") == (["w_0", "w_0_2", "w_0_2_2"],) * 2


def test_calls_of_one_turn_that_share_an_id_are_answered_in_their_order() -> None:
    assert turn(ToolIds(), "x", "x", "x") == (["x", "x_2", "x_3"],) * 2


def test_a_result_whose_call_was_before_the_latest_ones_keeps_its_id() -> None:
    ids = ToolIds()
    turn(ids, "a:1")
    turn(ids, "b")
    assert ids.result("a:1") == "a_1"
