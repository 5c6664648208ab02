"""The audit log as the console and the commands read it."""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.audit import EventColumn
from tui_connector.store import chain, event_search
from tui_connector.store.findings import Broken
from tui_connector.store.verify import verify
from tui_connector.store.verify_writeback import verify_proposal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_connector.domain.audit import AuditEvent, ChainVerdict, EventFilter, EventPage, Fact
    from tui_connector.store.database import Database, Transaction


_KINDS = 1000
_PAGE = 200


class Audit:
    """The chain as the rest of the program sees it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, tx: Transaction, fact: Fact) -> AuditEvent:
        """Add one event in the transaction of the change it tells of; TypeError for data without a canonical form."""
        return chain.append(tx, fact)

    def head(self) -> AuditEvent | None:
        """The last event; None in a chain without events."""
        row = self._database.row(f"SELECT {chain.COLUMNS} FROM audit_event ORDER BY seq DESC LIMIT 1")
        return chain.event_of(row) if row else None

    def last_seq(self) -> int:
        """Number of the last event, 0 before the first."""
        return int(self._database.value("SELECT seq FROM audit_head WHERE only = 1") or 0)

    def events(
        self,
        after_seq: int = 0,
        limit: int = 200,
        kind: str | None = None,
        run_id: int | None = None,
        subject: str | None = None,
    ) -> list[AuditEvent]:
        """Events after `after_seq`, oldest first. A kind that ends in "." stands for every kind that begins so."""
        where, parameters = _filter(kind, run_id, subject)
        sql = f"SELECT {chain.COLUMNS} FROM audit_event WHERE seq > ?{where} ORDER BY seq LIMIT ?"
        return [chain.event_of(row) for row in self._database.rows(sql, after_seq, *parameters, limit)]

    def events_before(
        self,
        before_seq: int | None = None,
        limit: int = 200,
        kind: str | None = None,
        run_id: int | None = None,
        subject: str | None = None,
    ) -> list[AuditEvent]:
        """Events before `before_seq` (None: from the end), newest first; filters as in `events`."""
        where, parameters = _filter(kind, run_id, subject)
        if before_seq is not None:
            where += " AND seq < ?"
            parameters.append(before_seq)
        sql = f"SELECT {chain.COLUMNS} FROM audit_event WHERE seq > 0{where} ORDER BY seq DESC LIMIT ?"
        return [chain.event_of(row) for row in self._database.rows(sql, *parameters, limit)]

    def event(self, seq: int) -> AuditEvent | None:
        """The event of this number."""
        row = self._database.row(f"SELECT {chain.COLUMNS} FROM audit_event WHERE seq = ?", seq)
        return chain.event_of(row) if row else None

    def events_page(self, wanted: EventFilter, anchor: int | None, count: int, *, back: bool) -> EventPage:
        """The next `count` events that fit, from `anchor` on without it: back to older ones, or on to newer ones.

        With None it begins at the newest (back) or the first. Looks at a few thousand events at most, and says how far
        it came: the page may be short and not ended; the next call goes on from there.
        """
        return event_search.page(self._database, wanted, anchor, count, back=back)

    def batch_of(self, run_id: int, position: int) -> AuditEvent | None:
        """The newest event whose digest covers a record's row; None when there is none, or its data were erased."""
        before: int | None = None
        while page := self.events_before(before, _PAGE, "records.batch", run_id):
            for event in page:
                if event.fact.data.get("first", position + 1) <= position <= event.fact.data.get("last", 0):
                    return event
            before = page[-1].seq
        return None

    def kinds(self) -> list[str]:
        """Every kind of event that the log holds, in order."""
        return event_search.values(self._database, EventColumn.KIND, _KINDS)

    def verify(self, progress: Callable[[int], None] | None = None, from_seq: int = 1) -> ChainVerdict:
        """Recompute the chain, the payloads, every record digest and every fingerprint.

        `progress` is told the last number looked at; what it raises ends the verification. With `from_seq` the chain is
        taken as good up to there.
        """
        return verify(self._database, progress, from_seq)

    def proposal_fault(self, proposal_id: int, document: int | None = None) -> str:
        """What of a proposal or the close calendar is not as the chain tells, in words; "" when all is.

        The chain itself is taken as good: `verify` looks at that. With `document` neither lines nor other documents
        are looked at.
        """
        try:
            verify_proposal(self._database, proposal_id, document)
        except Broken as broken:
            return broken.finding
        return ""


def _filter(kind: str | None, run_id: int | None, subject: str | None) -> tuple[str, list[str | int]]:
    where, parameters = "", list[str | int]()
    if kind is not None and kind.endswith("."):
        where += " AND kind >= ? AND kind < ?"
        parameters += [kind, kind[:-1] + "/"]  # "/" follows "." in the order of characters
    elif kind is not None:
        where += " AND kind = ?"
        parameters.append(kind)
    if run_id is not None:
        where += " AND run_id = ?"
        parameters.append(run_id)
    if subject is not None:
        where += " AND subject = ?"
        parameters.append(subject)
    return where, parameters
