import pytest

from callboard.runtime.storage.operations import MAX_KEY, Delete, DeleteRange, Put, size, weight


@pytest.mark.parametrize("key", [b"", b"x" * (MAX_KEY + 1)])
def test_a_key_that_lmdb_would_refuse_is_refused_at_once(key: bytes) -> None:
    with pytest.raises(ValueError, match="1 to 511 bytes"):
        Put("a", key, b"")
    with pytest.raises(ValueError, match="1 to 511 bytes"):
        Delete("a", key)


def test_keys_and_values_are_bytes() -> None:
    with pytest.raises(TypeError, match="a key is bytes, not str"):
        Put("a", "key", b"")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a value is bytes, not NoneType"):
        Put("a", b"key", None)  # type: ignore[arg-type]


def test_a_range_is_bounded() -> None:
    with pytest.raises(ValueError, match="at least one"):
        DeleteRange("a", b"", None, 0)


def test_a_range_weighs_what_it_may_delete() -> None:
    assert weight(DeleteRange("a", b"", None, 40)) == 40
    assert weight(Put("a", b"key", b"value")) == weight(Delete("a", b"key")) == 1


def test_only_puts_have_a_size() -> None:
    assert size(Put("a", b"key", b"value")) == 8
    assert size(Delete("a", b"key")) == size(DeleteRange("a", b"", None, 40)) == 0
