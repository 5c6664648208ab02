"""The chain that audit events form: each carries the digest of the one before."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from tui_connector.domain.audit import AuditEvent, Fact
from tui_connector.domain.canonical import canonical, sha256
from tui_connector.store import seals
from tui_connector.store.database import to_moment
from tui_connector.store.erasable import is_free
from tui_connector.store.salt import salted, unsalted

if TYPE_CHECKING:
    from tui_connector.store.database import Row, Transaction

BEFORE_THE_FIRST = "0" * 64
COLUMNS = "seq, at, kind, actor, subject, run_id, data, payload_hash, previous, digest"


def begin_chain(tx: Transaction) -> None:
    """Write the head of an empty chain."""
    tx.change("INSERT INTO audit_head (only, seq, digest) VALUES (1, 0, ?)", BEFORE_THE_FIRST)


def append(tx: Transaction, fact: Fact) -> AuditEvent:
    """Add one event in the transaction of the change that it tells of, which seals the rows that it ends.

    Raises TypeError for data without a canonical form.
    """
    seq, previous = tx.rows(f"SELECT seq, digest FROM audit_head WHERE only = 1{tx.dialect.locked}")[0]
    fact = replace(fact, data={**fact.data, **seals.seal(tx, fact)})
    payload = canonical(salted(fact.data) if is_free(fact.kind) else fact.data)
    payload_hash = sha256(payload)
    digest = event_digest(previous, seq + 1, tx.now, fact, payload_hash)
    row = {
        "seq": seq + 1, "at": tx.now, "kind": fact.kind, "actor": fact.actor, "subject": fact.subject,
        "run_id": fact.run_id, "data": payload, "payload_hash": payload_hash, "previous": previous, "digest": digest,
    }  # fmt: skip
    tx.put("audit_event", row)
    tx.change("UPDATE audit_head SET seq = ?, digest = ? WHERE only = 1", seq + 1, digest)
    return AuditEvent(seq + 1, to_moment(tx.now), fact, payload_hash, previous, digest)


def event_digest(previous: str, seq: int, at: int, fact: Fact, payload_hash: str) -> str:
    """SHA-256 over the previous digest (its 64 hexadecimal digits) and the row's canonical JSON.

    The row holds seq, at (microseconds since 1970), kind, actor, subject, run_id and payload (the hash of the data), so
    that data can be erased for privacy and the chain still be verified.
    """
    row = {"seq": seq, "at": at, "kind": fact.kind, "actor": fact.actor, "subject": fact.subject, "run_id": fact.run_id}
    return sha256(previous + canonical({**row, "payload": payload_hash}))


def event_of(row: Row) -> AuditEvent:
    """The event of one row of `COLUMNS`."""
    seq, at, kind, actor, subject, run_id, data, payload_hash, previous, digest = row
    fact = Fact(kind, actor, subject, {} if data is None else unsalted(json.loads(data)), run_id)
    return AuditEvent(seq, to_moment(at), fact, payload_hash, previous, digest)
