import pytest

from callboard.actors.wires.media import (
    audio_format,
    audio_type,
    document_name,
    from_base64,
    from_data_url,
    image_type,
    to_base64,
    to_data_url,
)


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\1", b"\0\1\2", b"\xff" * 100])
def test_bytes_survive_base64_and_data_urls(data: bytes) -> None:
    assert from_base64(to_base64(data)) == data
    assert from_data_url(to_data_url(data, "image/svg+xml")) == (data, "image/svg+xml")


@pytest.mark.parametrize("text", ["AA", "AA=", "AB==", "A A=", "AA==\n", "_-==", "é"])
def test_base64_that_would_not_be_written_alike_is_left_alone(text: str) -> None:
    assert from_base64(text) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://e.org/a.png",
        "data:,x",
        "data:text/plain,x",
        "data:image/png;base64,?",
        "data:image/png;charset=x;base64,AA==",
    ],
)
def test_other_urls_are_no_bytes(url: str) -> None:
    assert from_data_url(url) is None


@pytest.mark.parametrize(("media_type", "name"), [("audio/wav", "wav"), ("audio/mpeg", "mp3"), ("audio/flac", "flac")])
def test_audio_formats_have_short_names_and_back(media_type: str, name: str) -> None:
    assert (audio_format(media_type), audio_type(name)) == (name, media_type)


def test_audio_types_have_aliases() -> None:
    assert [audio_format(kind) for kind in ("audio/x-wav", "audio/wave", "audio/mp3")] == ["wav", "wav", "mp3"]


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n...", "image/png"),
        (b"\xff\xd8\xff\xe0...", "image/jpeg"),
        (b"GIF89a...", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVE", None),
        (b"", None),
    ],
)
def test_the_first_bytes_tell_the_type_of_an_image(data: bytes, media_type: str | None) -> None:
    assert image_type(data) == media_type


@pytest.mark.parametrize(
    ("media_type", "name"),
    [
        ("application/pdf", "document.pdf"),
        ("text/plain", "document.txt"),
        ("text/csv", "document.csv"),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "document.docx"),
        ("application/octet-stream", "document"),
        ("odd", "document"),
    ],
)
def test_a_document_is_named_after_its_media_type(media_type: str, name: str) -> None:
    assert document_name(media_type) == name
