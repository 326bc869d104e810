from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.orchestrator.key import cache_key, reads, vector_key, writes
from callboard.messages.calls import Candidate
from callboard.messages.chat import (
    ChatMessage,
    ImagePart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    assistant,
    system,
    user,
)
from callboard.messages.embedding import EmbeddingRequest
from callboard.messages.request import CacheControl, CacheUse, Output, Request, Sampling, Thinking, Tool, ToolChoice
from callboard.messages.reranking import RerankRequest

HERE = Candidate("p", "m")
ASKED = Request(model="fast", messages=(user("Why?"),), sampling=Sampling(temperature=0))


def changed(**changes: Any) -> Request:
    return msgspec.structs.replace(ASKED, **changes)


def sampled(**members: Any) -> Request:
    return changed(sampling=msgspec.structs.replace(ASKED.sampling, **members))


def test_a_key_is_20_bytes_and_the_same_each_time() -> None:
    assert cache_key(ASKED, HERE) == cache_key(changed(), HERE)
    assert len(cache_key(ASKED, HERE)) == 20


@pytest.mark.parametrize(
    "other",
    [
        changed(cache=CacheControl(partition="tenant")),
        changed(user="ann"),
        changed(messages=(system("Be brief."), user("Why?"))),
        changed(messages=(system("Be kind."), user("Why?"))),
        changed(messages=(user("Why not?"),)),
        changed(messages=(user("Why?"), assistant("So."), user("Why?"))),
        changed(messages=(ChatMessage("user", "Why?", name="ann"),)),
        changed(messages=(ChatMessage("user", "Why?", extra={"cache_control": {"type": "ephemeral"}}),)),
        changed(messages=(user("Why?", ImagePart(url="https://example.org/a.png")),)),
        changed(messages=(user("Why?", ImagePart(url="https://example.org/b.png")),)),
        changed(messages=(user("Why?", ImagePart(data=b"a", media_type="image/png")),)),
        changed(tools=(Tool(name="f"),)),
        changed(tools=(Tool(name="f", parameters={"type": "object"}),)),
        changed(tools=(Tool(name="f", description="does"),)),
        changed(tools=(Tool(name="f"), Tool(name="g"))),
        changed(tools=(Tool(name="g"), Tool(name="f"))),
        changed(tools=(Tool(name="f"),), tool_choice=ToolChoice(mode="required")),
        changed(parallel_tool_calls=False),
        changed(output=Output(kind="json")),
        changed(output=Output(schema={"type": "object"})),
        changed(thinking=Thinking(effort="low")),
        changed(thinking=Thinking(budget_tokens=1024)),
        changed(extra={"service_tier": "flex"}),
        changed(extra={"service_tier": "auto"}),
        changed(keep_raw=True),
        sampled(temperature=0.1),
        sampled(max_tokens=5),
        sampled(top_p=0.5),
        sampled(seed=1),
        sampled(stop=("x",)),
        sampled(logprobs=True),
    ],
    ids=lambda request: None,
)
def test_whatever_the_answer_may_depend_on_is_in_the_key(other: Request) -> None:
    assert cache_key(other, HERE) != cache_key(ASKED, HERE)


def test_no_two_of_these_requests_share_a_key() -> None:
    partitions = [changed(cache=CacheControl(partition=name)) for name in ("a", "b")]
    users = [changed(user=name) for name in ("a", "b")]
    candidates = [
        Candidate("p", "m"),
        Candidate("p", "n"),
        Candidate("q", "m"),
        Candidate("p/m", ""),
        Candidate("", "p/m"),
    ]
    keys = [cache_key(one, HERE) for one in (*partitions, *users)] + [cache_key(ASKED, one) for one in candidates]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    "other",
    [
        changed(model="p/m"),
        changed(tag="search"),
        changed(metadata={"a": "b"}),
        changed(priority="critical"),
        changed(wait=True),
        changed(cache=CacheControl(use="refresh", max_age=5)),
        changed(extra={}),
        changed(messages=(user(TextPart("Why?")),)),
        changed(messages=(ChatMessage("user", "Why?", extra={}),)),
        sampled(temperature=0.0),
        sampled(temperature=-0.0),
    ],
    ids=lambda request: None,
)
def test_what_means_the_same_has_the_same_key(other: Request) -> None:
    assert cache_key(other, HERE) == cache_key(ASKED, HERE)


def test_the_order_of_a_requests_own_members_means_nothing() -> None:
    one, other = changed(extra={"a": 1, "b": 2}), changed(extra={"b": 2, "a": 1})
    assert cache_key(one, HERE) == cache_key(other, HERE)


@pytest.mark.parametrize(
    "asked",
    [
        lambda schema: changed(output=Output(schema=schema)),
        lambda schema: changed(tools=(Tool(name="f", parameters=schema),)),
        lambda schema: changed(extra={"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}}),
    ],
    ids=["output", "tools", "extra"],
)
def test_the_order_of_a_schemas_members_is_that_of_the_answers_and_counts(asked: Callable[[Any], Request]) -> None:
    one = asked({"type": "object", "properties": {"reasoning": {}, "answer": {}}})
    other = asked({"type": "object", "properties": {"answer": {}, "reasoning": {}}})
    assert cache_key(one, HERE) != cache_key(other, HERE)


def test_a_tools_answer_means_the_same_as_text_and_as_a_part() -> None:
    def talk(content: Any) -> Request:
        call = ToolCallPart(id="1", name="f")
        return changed(messages=(assistant(call), ChatMessage("tool", (ToolResultPart(id="1", content=content),))))

    assert cache_key(talk("4"), HERE) == cache_key(talk((TextPart("4"),)), HERE)
    assert cache_key(talk(""), HERE) == cache_key(talk(()), HERE)
    assert cache_key(talk("4"), HERE) != cache_key(talk("5"), HERE)


@given(
    extra=st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text('aé"', max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
        max_leaves=8,
    )
)
def test_whatever_json_can_hold_has_a_key(extra: Any) -> None:
    assert cache_key(changed(extra={"x": extra}), HERE) != cache_key(changed(extra={"y": extra}), HERE)


@pytest.mark.parametrize(
    ("use", "deterministic", "may_read", "may_write"),
    [
        ("auto", True, True, True),
        ("auto", False, False, False),
        ("use", False, True, True),
        ("use", True, True, True),
        ("refresh", True, False, True),
        ("refresh", False, False, True),
        ("only", True, True, False),
        ("only", False, True, False),
        ("off", True, False, False),
        ("off", False, False, False),
    ],
)
def test_what_the_cache_may_do(use: CacheUse, deterministic: bool, may_read: bool, may_write: bool) -> None:
    request = Request(
        model="m",
        messages=(user("Why?"),),
        sampling=Sampling(temperature=0 if deterministic else 1),
        cache=CacheControl(use=use),
    )
    assert (reads(request), writes(request)) == (may_read, may_write)


def test_a_seed_makes_a_request_deterministic_too() -> None:
    assert reads(Request(model="m", messages=(user("Why?"),), sampling=Sampling(seed=0)))


EMBED = EmbeddingRequest(model="fast", inputs=("a", "b"))


@pytest.mark.parametrize("changes", [{"inputs": ("b", "a")}, {"dimensions": 2}, {"task": "query"}, {"user": "ann"}])
def test_other_kinds_of_work_have_keys_of_all_that_is_asked(changes: dict[str, Any]) -> None:
    assert cache_key(EMBED, HERE) == cache_key(msgspec.structs.replace(EMBED, model="x", tag="t"), HERE)
    assert cache_key(EMBED, HERE) != cache_key(msgspec.structs.replace(EMBED, **changes), HERE)


def test_other_kinds_of_work_are_cached_only_when_they_say_so() -> None:
    rerank = RerankRequest(model="fast", query="q", documents=("a",))
    assert not reads(rerank) and not writes(rerank)
    used = msgspec.structs.replace(rerank, cache=CacheControl(use="use"))
    assert reads(used) and writes(used)


def test_vectors_are_kept_unless_they_say_otherwise() -> None:
    assert reads(EMBED) and writes(EMBED)


@pytest.mark.parametrize(
    "changes", [{"dimensions": 2}, {"task": "query"}, {"user": "ann"}, {"cache": CacheControl(partition="t")}]
)
def test_a_vector_has_the_same_key_among_others_and_another_for_all_that_may_change_it(changes: dict[str, Any]) -> None:
    alone = msgspec.structs.replace(EMBED, inputs=("b",))
    assert vector_key(EMBED, "b", HERE) == vector_key(alone, "b", HERE) != vector_key(EMBED, "a", HERE)
    assert vector_key(msgspec.structs.replace(EMBED, **changes), "b", HERE) != vector_key(EMBED, "b", HERE)
    assert vector_key(EMBED, "b", Candidate("other", "m")) != vector_key(EMBED, "b", HERE)
