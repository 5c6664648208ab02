"""The posting mark tells a store that was put back from one that was not, and never says what it does not know."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from tui_connector.domain.audit import Fact
from tui_connector.domain.errors import StoreError
from tui_connector.engine.writeback.mark import Mark, is_behind, read_mark, write_mark
from tui_connector.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(str(tmp_path / "connector.db"))
    yield opened
    opened.close()


def say(store: Store, what: str) -> None:
    with store.transaction() as tx:
        store.audit.append(tx, Fact(what, "uid:1000", "store", {}))


def test_the_mark_names_the_newest_event(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "state" / "posting.mark"
    assert read_mark(path) is None
    for what in ("one", "two"):
        say(store, what)
        write_mark(path, store, 12.5)
        head = store.audit.head()
        assert head is not None
        assert read_mark(path) == Mark(store.id, head.seq, head.digest, 12.5)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["posting.mark"]
    say(store, "three")
    assert not is_behind(path, store)


def test_a_store_without_the_marked_event_is_behind(store: Store, tmp_path: Path) -> None:
    path, copy = tmp_path / "posting.mark", tmp_path / "copy.db"
    say(store, "one")
    store._database.rows("VACUUM INTO ?", str(copy))
    say(store, "two")
    write_mark(path, store)
    assert not is_behind(path, store)
    restored = Store.open(str(copy))
    try:
        assert is_behind(path, restored)
        say(restored, "another two")  # as many events, but others
        assert restored.audit.last_seq() == store.audit.last_seq()
        assert is_behind(path, restored)
    finally:
        restored.close()


def test_a_mark_of_another_store_says_nothing(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "posting.mark"
    other = Store.open(str(tmp_path / "other.db"))
    try:
        for number in range(3):
            say(other, f"event {number}")
        write_mark(path, other)
    finally:
        other.close()
    assert not is_behind(path, store)
    assert not is_behind(tmp_path / "none.mark", store)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"store": "x"}',
        '{"store": "x", "seq": "?", "digest": ""}',
        "null",
        '{"store": "x", "seq": 1, "digest": "", "offset": "late"}',
    ],
)
def test_a_mark_that_cannot_be_read_stops_everything(store: Store, tmp_path: Path, text: str) -> None:
    path = tmp_path / "posting.mark"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StoreError, match=r"posting\.mark cannot be read") as told:
        is_behind(path, store)
    assert "nothing is sent before that" in told.value.hint


def test_a_mark_of_other_bytes_stops_everything(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "posting.mark"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(StoreError, match="cannot be read"):
        is_behind(path, store)
