"""The store as its neighbours meet it: commits acknowledged, environments published, files that are broken."""

from collections.abc import Callable
from os import SEEK_END
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from callboard.actors.store import actor
from callboard.actors.store.actor import CommitFailed, StoreActor, StoreSpec
from callboard.messages.base import Tell
from callboard.messages.storing import VERSION, CacheCommit, CacheWrite, Commit, Operation, StoreDelete, StorePut
from callboard.runtime.clock import ns
from callboard.runtime.storage.errors import TooNew, Unreadable
from callboard.runtime.supervision.spec import ActorSpec
from callboard.runtime.supervision.supervisor import GaveUp
from callboard.runtime.system import System
from callboard.testing.running import running


class Rubbish(Tell, frozen=True):
    """Which no actor understands."""


@pytest.fixture
def store(tmp_path: Path) -> Callable[..., ActorSpec]:
    """A store in this test's folder, that writes on the Trio thread."""

    def make(**members: Any) -> ActorSpec:
        spec = StoreSpec(path=tmp_path, **({"inline": True} | members))
        return ActorSpec(name="store", factory=lambda: StoreActor(spec), concurrency=64)

    return make


def put(key: bytes, value: bytes = b"value", database: str = "journal") -> StorePut:
    return StorePut(database, key, value)


async def commit(system: System, *operations: Operation) -> None:
    await system.ref("store").ask(Commit(operations))


def ledger(system: System, database: str = "journal") -> list[tuple[bytes, bytes]]:
    found: list[tuple[bytes, bytes]] = system.ref("store").snapshot.ledger.all(database)
    return found


@pytest.mark.parametrize("inline", [True, False])
async def test_what_was_acknowledged_is_there_in_the_next_process(
    store: Callable[..., ActorSpec], inline: bool
) -> None:
    async with running(store(inline=inline)) as system:
        await commit(system, put(b"a"), put(b"b"), StoreDelete("journal", b"a"))
        assert ledger(system) == [(b"b", b"value")]
    async with running(store()) as system:
        assert ledger(system) == [(b"b", b"value")]


async def test_commits_are_carried_out_in_the_order_in_which_they_came(
    autojump_clock: MockClock, store: Callable[..., ActorSpec]
) -> None:
    async with running(store()) as system:
        pending = [system.ref("store").submit(Commit((put(b"k", b"%d" % number),))) for number in range(300)]
        for one in pending:
            await one.wait()
        assert ledger(system) == [(b"k", b"299")]


async def test_the_file_grows_with_what_is_written(autojump_clock: MockClock, store: Callable[..., ActorSpec]) -> None:
    async with running(store(map_size=65_536)) as system:
        for number in range(20):
            await commit(system, put(b"%d" % number, b"v" * 20_000))
        assert len(ledger(system)) == 20
        assert system.ref("store").snapshot.facts()["map_bytes"]["ledger"] > 65_536


async def test_a_commit_that_finds_no_room_is_kept_not_even_in_part_and_the_store_goes_on(
    autojump_clock: MockClock, store: Callable[..., ActorSpec]
) -> None:
    async with running(store(map_size=65_536, max_map_size=65_536)) as system:
        await commit(system, put(b"a"))
        with pytest.raises(CommitFailed, match="full"):
            await commit(system, put(b"b"), put(b"c", b"v" * 100_000))
        assert ledger(system) == [(b"a", b"value")]
        await commit(system, put(b"d"))
        assert [key for key, _ in ledger(system)] == [b"a", b"d"]
        (cell,) = system.cells()
        assert cell.incarnation == 1


async def test_what_is_to_leave_others_room_is_refused_beyond_its_share_and_deletes_all_the_same(
    autojump_clock: MockClock, store: Callable[..., ActorSpec]
) -> None:
    async with running(store(map_size=65_536, max_map_size=1_048_576)) as system:
        ref = system.ref("store")
        half = put(b"half", b"v" * 400_000)
        await ref.ask(Commit((half,), share=0.5))
        with pytest.raises(CommitFailed, match="50% of the store's bound"):
            await ref.ask(Commit((put(b"more", b"v" * 100_000),), share=0.5))
        await commit(system, put(b"ledger", b"v" * 100_000))
        await ref.ask(Commit((StoreDelete(half.database, half.key),)))
        await ref.ask(Commit((put(b"more", b"v" * 100_000),), share=0.5))
        assert [key for key, _ in ledger(system)] == [b"ledger", b"more"]


async def test_the_cache_is_written_soon_without_anybody_waiting(
    autojump_clock: MockClock, store: Callable[..., ActorSpec]
) -> None:
    async with running(store()) as system:
        ref = system.ref("store")
        ref.tell(CacheWrite((put(b"k", b"reply", "entries"), put(b"1", b"k", "order"))))
        await trio.sleep(0.1)
        assert ref.snapshot.cache.get("entries", b"k") == b"reply"
        assert ref.snapshot.cache.last_key("order") == b"1"


async def test_what_nobody_waits_for_waits_for_company_in_the_cache(
    store: Callable[..., ActorSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actor, "LINGER", ns(3_600))
    async with running(store(inline=False)) as system:
        ref = system.ref("store")
        ref.tell(CacheWrite((put(b"k", b"reply", "entries"),)))
        await wait_all_tasks_blocked()
        assert ref.snapshot.cache.get("entries", b"k") is None
        await ref.ask(CacheCommit(()))
        assert ref.snapshot.cache.get("entries", b"k") == b"reply"


async def test_a_cache_that_is_full_stops_nobody(autojump_clock: MockClock, store: Callable[..., ActorSpec]) -> None:
    small = {"map_size": 65_536, "max_cache_size": 65_536}
    async with running(store(**small)) as system:
        large = CacheWrite((put(b"k", b"v" * 100_000, "entries"),))
        system.ref("store").tell(large)
        await wait_all_tasks_blocked()
        await commit(system, put(b"a"))
        system.ref("store").tell(large)  # and again at the stop
        (cell,) = system.cells()
        assert (cell.incarnation, cell.last_error) == (1, None)
    assert cell.last_error is None
    async with running(store()) as system:
        assert ledger(system) == [(b"a", b"value")]


async def test_stopping_writes_what_waits(store: Callable[..., ActorSpec]) -> None:
    async with running(store(inline=False)) as system:  # on the real clock, whose cache lingers
        system.ref("store").tell(CacheWrite((put(b"k", b"reply", "entries"),)))
    async with running(store()) as system:
        assert system.ref("store").snapshot.cache.get("entries", b"k") == b"reply"


async def test_a_store_that_starts_anew_opens_its_files_again(
    autojump_clock: MockClock, store: Callable[..., ActorSpec]
) -> None:
    async with running(store()) as system:
        await commit(system, put(b"a"))
        system.ref("store").tell(Rubbish())
        await commit(system, put(b"b"))
        assert [key for key, _ in ledger(system)] == [b"a", b"b"]
        (cell,) = system.cells()
        assert cell.incarnation == 2


async def test_a_cache_that_cannot_be_read_is_dropped_and_begun_anew(
    autojump_clock: MockClock, store: Callable[..., ActorSpec], tmp_path: Path
) -> None:
    async with running(store()) as system:
        await commit(system, put(b"a"))
    (tmp_path / "cache" / "data.mdb").write_bytes(b"rubbish" * 1_000)
    async with running(store()) as system:
        assert ledger(system) == [(b"a", b"value")]
        assert system.ref("store").snapshot.cache.count("entries") == 0


async def test_a_cache_that_is_damaged_while_it_is_open_is_dropped_counted_and_begun_anew(
    autojump_clock: MockClock, store: Callable[..., ActorSpec], tmp_path: Path
) -> None:
    async with running(store()) as system:
        ref = system.ref("store")
        for number in range(300):
            await ref.ask(CacheCommit((put(b"%d" % number, b"v" * 500, "entries"),)))
        assert ref.snapshot.facts()["cache_dropped"] == 0
        with (tmp_path / "cache" / "data.mdb").open("r+b") as file:
            length = file.seek(0, SEEK_END)
            file.seek(8192)
            file.write(b"\xff" * (length - 8192))
        with pytest.raises(Unreadable):
            ref.snapshot.cache.get("entries", b"7")
        await ref.ask(CacheCommit((put(b"k", b"new", "entries"),)))
        assert ref.snapshot.cache.get("entries", b"k") == b"new"
        assert ref.snapshot.facts()["cache_dropped"] == 1


async def test_a_ledger_that_cannot_be_read_is_an_error_and_is_left_alone(
    autojump_clock: MockClock, store: Callable[..., ActorSpec], tmp_path: Path
) -> None:
    async with running(store()) as system:
        await commit(system, put(b"a"))
    (tmp_path / "ledger" / "data.mdb").write_bytes(b"rubbish" * 1_000)
    with pytest.RaisesGroup(pytest.RaisesExc(GaveUp, check=lambda error: isinstance(error.cause, Unreadable))):
        async with running(store()):
            pytest.fail("a store that cannot be read has started")
    assert (tmp_path / "ledger" / "data.mdb").read_bytes() == b"rubbish" * 1_000


async def test_a_ledger_that_a_newer_callboard_has_written_is_an_error_and_is_left_alone(
    autojump_clock: MockClock, store: Callable[..., ActorSpec], tmp_path: Path
) -> None:
    async with running(store()) as system:
        await commit(system, put(b"a"), StorePut("journal", b"b", b"value", VERSION + 1))
    whole = (tmp_path / "ledger" / "data.mdb").read_bytes()
    with pytest.RaisesGroup(pytest.RaisesExc(GaveUp, check=lambda error: isinstance(error.cause, TooNew))):
        async with running(store()):
            pytest.fail("a store that a newer callboard has written has started")
    assert (tmp_path / "ledger" / "data.mdb").read_bytes() == whole


async def test_a_cache_that_a_newer_callboard_has_written_is_dropped_counted_and_begun_anew(
    autojump_clock: MockClock, store: Callable[..., ActorSpec]
) -> None:
    async with running(store()) as system:
        await system.ref("store").ask(CacheCommit((StorePut("entries", b"k", b"v", VERSION + 1),)))
    async with running(store()) as system:
        ref = system.ref("store")
        assert ref.snapshot.facts()["cache_dropped"] == 1
        await ref.ask(CacheCommit((put(b"l", b"reply", "entries"),)))
        assert ref.snapshot.cache.all("entries") == [(b"l", b"reply")]


async def test_a_cache_whose_last_records_are_damaged_is_begun_anew_at_the_opening(
    autojump_clock: MockClock, store: Callable[..., ActorSpec], tmp_path: Path
) -> None:
    async with running(store()) as system:
        for number in range(300):
            await system.ref("store").ask(CacheCommit((put(b"%03d" % number, b"v" * 500, "entries"),)))
    data = tmp_path / "cache" / "data.mdb"
    whole = data.read_bytes()
    page = whole.index(b"299" + b"\x01") // 4096 * 4096
    data.write_bytes(whole[:page] + b"\xff" * 4096 + whole[page + 4096 :])
    async with running(store()) as system:
        assert system.ref("store").snapshot.facts()["cache_dropped"] == 1


async def test_a_start_that_failed_half_way_can_be_made_again(
    autojump_clock: MockClock, store: Callable[..., ActorSpec], tmp_path: Path
) -> None:
    in_the_way = tmp_path / "cache"
    in_the_way.write_text("")
    async with trio.open_nursery() as nursery:

        async def clear() -> None:
            await trio.sleep(0.05)
            in_the_way.unlink()

        nursery.start_soon(clear)
        async with running(store()) as system:
            await commit(system, put(b"a"))
            assert ledger(system) == [(b"a", b"value")]
