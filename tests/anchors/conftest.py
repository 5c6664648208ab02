"""A store with a vault, a clock that is set by hand, and ways out that do as they are told."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tui_connector.anchors.keeper import Keeper, Pace
from tui_connector.domain.audit import Fact
from tui_connector.domain.errors import UnreachableError
from tui_connector.store import Store
from tui_connector.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tui_connector.domain.checkpoint import Note, VerifierKey


@dataclass
class HandClock:
    """Time that stands until it is moved; it begins at the present, since the store has a clock of its own."""

    passed: float = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed

    async def sleep(self, seconds: float) -> None:
        self.passed += seconds


@dataclass
class Spy:
    """A way out that keeps what it is given; refuses while `why` is set."""

    name: str = "file"
    why: str = ""
    got: list[Note] = field(default_factory=list)
    tries: int = 0

    def send(self, note: Note, keys: Sequence[VerifierKey]) -> None:
        assert note.checkpoint.signer in {key.signer for key in keys}
        self.tries += 1
        if self.why:
            raise UnreachableError(self.why, hint="mend it")
        self.got.append(note)


@dataclass
class House:
    """A store, and a keeper of its checkpoints that signs after ten events or five minutes."""

    store: Store
    vault: Vault
    clock: HandClock
    ways: list[Spy]

    def keeper(self) -> Keeper:
        """One more, as another process would have it."""
        return Keeper(self.store, self.vault, self.ways, Pace(10, timedelta(minutes=5)), self.clock)

    def happen(self, count: int = 1, kind: str = "run.requested") -> None:
        for _ in range(count):
            with self.store.transaction() as tx:
                self.store.audit.append(tx, Fact(kind, "uid:1", "x", {}))

    def kinds(self) -> list[str]:
        return [event.fact.kind for event in self.store.audit.events(kind="checkpoint.")]

    def seqs(self) -> list[int]:
        return [note.checkpoint.seq for note in self.store.checkpoints.notes()]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    store = Store.open(str(tmp_path / "store.db"))
    vault = Vault(store.credentials, tmp_path / "master.key")
    vault.init_key("file", by="uid:1")
    yield House(store, vault, HandClock(), [Spy(), Spy("command")])
    store.close()
