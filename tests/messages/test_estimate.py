import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.messages.chat import (
    AudioPart,
    ChatMessage,
    DocumentPart,
    ImagePart,
    OpaquePart,
    Part,
    RefusalPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
    user,
)
from callboard.messages.embedding import EmbeddingRequest
from callboard.messages.estimate import (
    DEFAULT_OUTPUT,
    TOKENS_A_MESSAGE,
    TOKENS_AN_ATTACHMENT,
    TOKENS_AN_IMAGE_MADE,
    estimate,
    estimate_text,
    output_bound,
)
from callboard.messages.images import ImageRequest
from callboard.messages.request import Output, Request, Sampling, Thinking, Tool, Work
from callboard.messages.reranking import RerankRequest
from callboard.messages.usage import Apart, Usage

LONG = "four" * 1_000
DRAWN = Apart(image_output=3 * TOKENS_AN_IMAGE_MADE)
PARTS: list[Part] = [
    TextPart(LONG),
    ThinkingPart(text=LONG),
    RefusalPart(LONG),
    ToolCallPart(id="1", name="f", arguments=LONG),
    ToolResultPart(id="1", content=LONG),
    ToolResultPart(id="1", content=(TextPart(LONG),)),
    OpaquePart(origin="w", block={"text": LONG}),
    ImagePart(url="https://example.org/a.png"),
    AudioPart(data=b"1", media_type="audio/wav"),
    DocumentPart(file_id="1"),
]


def asked(*messages: ChatMessage, **more: object) -> Request:
    return Request(model="m", messages=messages or (user(""),), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("a", 1), ("four", 1), ("fives", 2), ("four" * 100, 100), ("é" * 4, 2), ("漢" * 4, 3)]
)
def test_a_text_takes_a_token_for_each_four_bytes_rounded_up(text: str, tokens: int) -> None:
    assert estimate_text(text) == tokens


@given(st.text(max_size=50), st.text(max_size=50))
def test_more_text_never_takes_fewer_tokens(one: str, other: str) -> None:
    assert estimate_text(one) <= estimate_text(one + other) <= estimate_text(one) + estimate_text(other)


def test_text_that_no_wire_can_send_can_still_be_estimated() -> None:
    assert estimate_text("\ud800") == 1


@pytest.mark.parametrize("part", PARTS, ids=lambda part: type(part).__name__)
def test_every_kind_of_part_is_counted(part: Part) -> None:
    assert estimate(asked(ChatMessage("user", (part,)))).input_total >= 1_000


def test_a_recording_is_sound_and_so_is_what_a_request_for_sound_brings() -> None:
    recording = AudioPart(data=b"1", media_type="audio/wav")
    heard = estimate(asked(user("four", recording)))
    assert heard.apart == Apart(audio_input=TOKENS_AN_ATTACHMENT)
    assert heard.input == TOKENS_A_MESSAGE + 1
    told = estimate(asked(extra={"modalities": ["text", "audio"]}, sampling=Sampling(max_tokens=50)))
    assert (told.output, told.apart) == (0, Apart(audio_output=50))


def test_what_a_request_for_pictures_brings_is_pictures() -> None:
    asked_for = asked(extra={"modalities": ["text", "image", "audio"]}, sampling=Sampling(max_tokens=50))
    assert (estimate(asked_for).output, estimate(asked_for).apart) == (0, Apart(image_output=50))
    google = asked(extra={"generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}})
    assert estimate(google).output_total >= TOKENS_AN_IMAGE_MADE
    assert estimate(google) == estimate(asked(extra={"modalities": ["image"]}))


@pytest.mark.parametrize("modalities", [["text"], None, 7, "audiobook"])
def test_any_other_modalities_ask_for_neither_sound_nor_pictures(modalities: object) -> None:
    assert estimate(asked(extra={"modalities": modalities})) == estimate(asked())
    assert estimate(asked(extra={"generationConfig": {"responseModalities": modalities}})) == estimate(asked())
    assert estimate(asked(extra={"generationConfig": modalities})) == estimate(asked())


def test_every_message_is_counted() -> None:
    assert estimate(asked(user("four"), user("four"))).input == 2 * (1 + TOKENS_A_MESSAGE)


def test_a_text_counts_the_same_as_a_part_that_holds_it() -> None:
    assert estimate(asked(user(LONG))) == estimate(asked(user(TextPart(LONG))))


@pytest.mark.parametrize(
    "more",
    [
        {"tools": (Tool(name="f", parameters={"type": "object", "description": LONG}),)},
        {"tools": (Tool(name="f", description=LONG),)},
        {"output": Output(schema={"description": LONG})},
    ],
    ids=["parameters", "description", "schema"],
)
def test_what_tools_and_schemas_say_goes_in_too(more: dict[str, object]) -> None:
    assert estimate(asked(**more)).input >= 1_000 + estimate(asked()).input


@pytest.mark.parametrize(
    ("more", "output"),
    [
        ({}, DEFAULT_OUTPUT),
        ({"sampling": Sampling(max_tokens=5)}, 5),
        ({"thinking": Thinking(budget_tokens=4_000)}, DEFAULT_OUTPUT + 4_000),
        ({"thinking": Thinking(effort="low")}, DEFAULT_OUTPUT),
        ({"sampling": Sampling(max_tokens=5_000), "thinking": Thinking(budget_tokens=4_000)}, 5_000),
    ],
    ids=str,
)
def test_the_output_is_bounded_by_what_was_asked_for(more: dict[str, object], output: int) -> None:
    assert estimate(asked(**more)).output == output


@pytest.mark.parametrize(
    ("extra", "answers"),
    [
        ({"n": 3}, 3),
        ({"generationConfig": {"candidateCount": 2}}, 2),
        ({"n": 0}, 1),
        ({"n": "many"}, 1),
        ({"other": 3}, 1),
        ({"n": 2**62}, 128),
    ],
    ids=str,
)
def test_each_answer_that_is_asked_for_counts(extra: dict[str, object], answers: int) -> None:
    assert estimate(asked(extra=extra, sampling=Sampling(max_tokens=70))).output == 70 * answers
    assert estimate(asked(extra=extra)).output == estimate(asked()).output * answers


@pytest.mark.parametrize(
    "extra",
    [
        {"max_tokens": 50_000},
        {"max_completion_tokens": 50_000},
        {"max_output_tokens": 50_000},
        {"generationConfig": {"maxOutputTokens": 50_000}},
        {"options": {"num_predict": 50_000}},
        {"max_tokens": 5, "max_completion_tokens": 50_000},
    ],
    ids=str,
)
@pytest.mark.parametrize("told", [None, 5, 2_000])
def test_a_bound_in_the_providers_own_words_counts_and_the_largest_is_believed(
    extra: dict[str, object], told: int | None
) -> None:
    request = asked(extra=extra, sampling=Sampling(max_tokens=told))
    assert estimate(request).output == output_bound(request) == 50_000


@pytest.mark.parametrize(
    "extra", [{}, {"max_tokens": None}, {"max_tokens": "9"}, {"max_tokens": True}, {"options": {"num_predict": -1}}]
)
def test_what_is_no_bound_counts_for_none(extra: dict[str, object]) -> None:
    assert estimate(asked(extra=extra)) == estimate(asked())
    assert output_bound(asked(extra=extra)) is None
    assert output_bound(asked(extra=extra, sampling=Sampling(max_tokens=5))) == 5


@pytest.mark.parametrize(
    ("work", "usage"),
    [
        (EmbeddingRequest(model="m", inputs=(LONG, "four", "five5")), Usage(input=1_000 + 1 + 2)),
        (RerankRequest(model="m", query="four", documents=(LONG, "four")), Usage(input=1 + 1_000 + 1 + 1)),
        (ImageRequest(model="m", prompt=LONG, count=3), Usage(input=1_000, apart=DRAWN)),
    ],
)
def test_other_kinds_of_work_count_what_goes_in_and_the_images_that_come_out(work: Work, usage: Usage) -> None:
    assert estimate(work) == usage


def test_no_bound_in_extra_is_larger_than_a_record_holds() -> None:
    request = asked(extra={"max_tokens": 2**70, "n": 2**70})
    assert estimate(request).output == 2**31 * 128
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(estimate(request)), type=Usage) == estimate(request)
