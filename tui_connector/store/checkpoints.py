"""Signed checkpoints of the audit chain, the keys that sign them, and which of them are known to have left."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.domain.audit import Fact
from tui_connector.domain.canonical import sha256
from tui_connector.domain.checkpoint import VerifierKey, read_notes
from tui_connector.store import chain
from tui_connector.store.database import to_moment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tui_connector.domain.audit import AuditEvent
    from tui_connector.domain.checkpoint import Note
    from tui_connector.store.database import Database, Reader, Transaction

_PAGE = 500
SIGNING = "signing"  # stands among the ways out: no checkpoint can go where none can be made
_OTHER = "(kind < 'checkpoint.' OR kind >= 'checkpoint/')"
_KEY, _MADE, _LEFT, _STUCK = "checkpoint.key_made", "checkpoint.made", "checkpoint.left", "checkpoint.stuck"


@dataclass(frozen=True, slots=True)
class Uncovered:
    """Events since the newest checkpoint, without those about checkpoints. posted: whether a plan is among them."""

    events: int
    since: datetime | None
    posted: bool


@dataclass(frozen=True, slots=True)
class WayState:
    """How a way out stands. reached: the newest checkpoint that left by it, 0 for none. stuck: why the next did not."""

    reached: int
    at: datetime | None
    stuck: str = ""
    stuck_since: datetime | None = None


class ChainCheckpoints:
    """Each row has an event that carries its digest. What left is said by events alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_key(self, tx: Transaction, key: VerifierKey, actor: str) -> None:
        """Keep the public half of a key that signs from now on; does nothing when it is known."""
        if tx.value("SELECT count(*) FROM checkpoint_key WHERE signer = ?", key.signer):
            return
        tx.put("checkpoint_key", {"signer": key.signer, "verifier": key.to_text()})
        chain.append(tx, Fact(_KEY, actor, key.signer, {"verifier": key.to_text()}))

    def verifiers(self) -> tuple[VerifierKey, ...]:
        """The public halves of every key that may have signed."""
        rows = self._database.rows("SELECT verifier FROM checkpoint_key ORDER BY signer")
        return tuple(VerifierKey.from_text(text) for (text,) in rows)

    def head(self, tx: Transaction) -> tuple[int, str]:
        """How far the chain reaches in this transaction, and its digest there."""
        found = tx.rows("SELECT seq, digest FROM audit_head WHERE only = 1")[0]
        return int(found[0]), str(found[1])

    def keep(self, tx: Transaction, note: Note, actor: str) -> None:
        """Keep a checkpoint; it has left nowhere yet."""
        seq, text = note.checkpoint.seq, note.to_text()
        tx.put("checkpoint", {"seq": seq, "note": text})
        data = {"seq": seq, "hash": note.checkpoint.digest, "note": sha256(text)}
        chain.append(tx, Fact(_MADE, actor, SIGNING, data))

    def reach(self) -> int:
        """The last event that a checkpoint covers, 0 without one."""
        return int(self._database.value("SELECT max(seq) FROM checkpoint") or 0)

    def newest(self) -> Note | None:
        """The checkpoint that reaches furthest."""
        text = self._database.value("SELECT note FROM checkpoint ORDER BY seq DESC LIMIT 1")
        return None if text is None else read_notes(text)[0]

    def at(self, seq: int) -> Note | None:
        """The checkpoint that reaches just so far."""
        text = self._database.value("SELECT note FROM checkpoint WHERE seq = ?", seq)
        return None if text is None else read_notes(text)[0]

    def notes(self) -> Iterator[Note]:
        """Every checkpoint, the oldest first."""
        after = 0
        while rows := self._database.rows(
            f"SELECT seq, note FROM checkpoint WHERE seq > ? ORDER BY seq LIMIT {_PAGE}", after
        ):
            for after, text in rows:  # noqa: B007 - the last one is where the next page begins
                yield read_notes(text)[0]

    def uncovered(self, limit: int) -> Uncovered:
        """What happened since the newest checkpoint; counts no further than the limit."""
        covered = self.reach()
        count, since = self._database.rows(
            "SELECT count(*), min(at) FROM"
            f" (SELECT at FROM audit_event WHERE seq > ? AND {_OTHER} ORDER BY seq LIMIT ?) AS found",
            covered, limit,
        )[0]  # fmt: skip
        posted = self._database.value(
            "SELECT count(*) FROM audit_event WHERE kind = 'proposal.posted' AND seq > ?", covered
        )
        return Uncovered(int(count), None if since is None else to_moment(since), bool(posted))

    def left(self, tx: Transaction, way: str, seq: int, actor: str) -> None:
        """A checkpoint has left by this way."""
        chain.append(tx, Fact(_LEFT, actor, way, {"seq": seq}))

    def stuck(self, tx: Transaction, way: str, seq: int, said: str, actor: str) -> None:
        """A way out did not work; told once until it works again."""
        if not self.way(way).stuck_since:
            chain.append(tx, Fact(_STUCK, actor, way, {"seq": seq, "said": said}))

    def way(self, way: str) -> WayState:
        """How a way out stands, as the events tell."""
        good, stuck = self._last(way, _MADE if way == SIGNING else _LEFT), self._last(way, _STUCK)
        reached, at = (int(good.fact.data["seq"]), good.at) if good else (0, None)
        if stuck is None or (good is not None and good.seq > stuck.seq):
            return WayState(reached, at)
        return WayState(reached, at, str(stuck.fact.data["said"]), stuck.at)

    def _last(self, way: str, kind: str) -> AuditEvent | None:
        row = self._database.row(
            f"SELECT {chain.COLUMNS} FROM audit_event WHERE subject = ? AND kind = ? ORDER BY seq DESC LIMIT 1",
            way, kind,
        )  # fmt: skip
        return chain.event_of(row) if row else None


def fault(reader: Reader) -> str:
    """What of checkpoints and their keys is not as the chain tells, in words; "" when all is.

    Signatures are looked at elsewhere: this room knows no cryptography.
    """
    notes = {seq: sha256(note) for seq, note in reader.rows("SELECT seq, note FROM checkpoint")}
    keys: dict[str, str] = dict(reader.rows("SELECT signer, verifier FROM checkpoint_key"))
    for kind, signer, data in reader.rows(
        "SELECT kind, subject, data FROM audit_event WHERE kind IN (?, ?)", _MADE, _KEY
    ):
        said = json.loads(data or "{}")
        if kind == _MADE and notes.pop(said.get("seq"), None) != said.get("note"):
            return f"the checkpoint of event {said.get('seq')} is not as it was signed"
        if kind == _KEY and keys.pop(signer, None) != said.get("verifier"):
            return f"the key {signer} of the checkpoints is not as it was made"
    if notes:
        return f"no event tells of the checkpoint of event {min(notes)}"
    return f"no event tells of the key {min(keys)} of the checkpoints" if keys else ""
