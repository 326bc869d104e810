from callboard.actors.wires.foreign import foreign_to, without


def test_a_protocols_own_members_stay_and_those_of_others_go() -> None:
    extra = {"cache_control": 1, "annotations": 2, "videoMetadata": 3, "unknown": 4, "function": 5}
    assert without(foreign_to("anthropic"), extra) == {"cache_control": 1, "unknown": 4}
    assert without(foreign_to("responses"), extra) == {"annotations": 2, "unknown": 4}
    assert without(foreign_to("gemini"), extra) == {"videoMetadata": 3, "unknown": 4}
    assert without(foreign_to("cohere"), extra) == {"unknown": 4, "function": 5}
    assert without(foreign_to("cohere"), None) == {}
