"""The writes of the documents' state machine: each names the state it expects and is told to the audit chain."""
# ruff: noqa: S608, PLR0917 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from tui_connector.domain.audit import Fact
from tui_connector.domain.errors import ConfigError, StoreError
from tui_connector.domain.proposal import LEFT_OUT, DocumentState, ProposalState
from tui_connector.store import chain, documents
from tui_connector.store.database import to_micros, to_moment
from tui_connector.store.runs import require_run

if TYPE_CHECKING:
    from tui_connector.domain.proposal import PostingDocument
    from tui_connector.store.database import Database, Transaction

_PLANNED, _READY, _SENDING, _UNKNOWN, _POSTED, _VERIFIED, _REJECTED, _HELD = DocumentState
_NEXT = {
    _PLANNED: (_READY,),
    _READY: (_SENDING, _UNKNOWN, _REJECTED, _HELD),  # unknown: the store was put back from a copy
    _SENDING: (_POSTED, _REJECTED, _READY, _UNKNOWN),
    _UNKNOWN: (_POSTED, _READY, _UNKNOWN, _HELD),
    _POSTED: (_VERIFIED, _POSTED, _UNKNOWN, _HELD),
    _VERIFIED: (),
    _REJECTED: (),
    _HELD: (),
}
_CHOICES = (_READY, _VERIFIED, _REJECTED)


class Changes(TypedDict, total=False):
    """What may change together with a document's state."""

    attempt: int
    sent_at: datetime | None
    look_at: datetime | None
    looks: int
    accounting_document: str
    fiscal_year: str
    said: str
    difference: str
    proved_at: datetime | None


class Postings:
    """Documents on their way into SAP. Writes of a run carry its fence and raise LeaseLostError when it is lost."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def make_ready(self, tx: Transaction, run_id: int, fence: int, proposal_id: int) -> int:
        """Let every planned document of an approved proposal be sent; returns how many became ready now."""
        require_run(tx, run_id, fence)
        _require_approved(tx, proposal_id)
        planned = documents.select(
            tx, f"WHERE proposal_id = ? AND state = 'planned' ORDER BY number{tx.dialect.locked}", proposal_id
        )
        actor = _worker(tx, run_id)
        for document in planned:
            _write(tx, document, f"document.{_READY}", _READY, actor, run_id, {})
        return len(planned)

    def move(
        self,
        tx: Transaction,
        run_id: int,
        fence: int,
        proposal_id: int,
        number: int,
        *,
        expect: tuple[DocumentState, ...],
        to: DocumentState,
        actor: str,
        **changes: Unpack[Changes],
    ) -> PostingDocument:
        """Move a document from one of the expected states to the next; returns it as it is then.

        Raises StoreError, naming the state found, when it is not an expected one or nothing leads from it to `to`.
        """
        require_run(tx, run_id, fence)
        document = documents.find(tx, proposal_id, number, tx.dialect.locked)
        if document.state not in expect or to not in _NEXT[document.state]:
            raise _refused(document, to)
        if to is DocumentState.SENDING:
            _require_approved(tx, proposal_id)  # a person may have held the proposal since it was looked at
        _write(tx, document, f"document.{to}", to, actor, run_id, {**changes})
        return documents.find(tx, proposal_id, number)

    def recall(self, tx: Transaction, run_id: int, fence: int, proposal_id: int, *, quiet: timedelta) -> list[int]:
        """On start or takeover: what was being sent is unknown, to be looked up `quiet` later; its numbers."""
        require_run(tx, run_id, fence)
        sending = documents.select(
            tx, f"WHERE proposal_id = ? AND state = 'sending' ORDER BY number{tx.dialect.locked}", proposal_id
        )
        actor = _worker(tx, run_id)
        for document in sending:
            changes = {"look_at": (document.sent_at or to_moment(tx.now)) + quiet, "looks": 0}
            _write(tx, document, f"document.{_UNKNOWN}", _UNKNOWN, actor, run_id, changes)
        return [document.document.number for document in sending]

    def choose(
        self,
        tx: Transaction,
        proposal_id: int,
        number: int,
        *,
        to: DocumentState,
        reason: str,
        actor: str,
        accounting_document: str = "",
        fiscal_year: str = "",
    ) -> PostingDocument:
        """A person's word on a held document; returns it as it is then.

        READY: send it again. VERIFIED: it is in SAP under the number given. REJECTED: it is not and shall not be.
        """
        document = documents.find(tx, proposal_id, number, tx.dialect.locked)
        if document.state is not _HELD or to not in _CHOICES:
            raise _refused(document, to)
        if (to is _VERIFIED) != bool(accounting_document and fiscal_year):
            raise ConfigError(
                f"document {number} of P-{proposal_id:04} needs SAP's number and fiscal year when it is settled as"
                " posted, and only then",
                hint="Look the document up in SAP by its reference, then say its number and fiscal year.",
            )
        changes: dict[str, Any] = {"look_at": None}
        if to is _VERIFIED:
            changes |= {
                "accounting_document": accounting_document, "fiscal_year": fiscal_year, "proved_at": to_moment(tx.now)
            }  # fmt: skip
        elif to is _READY:
            changes |= {"looks": 0, "difference": ""}
        _write(tx, document, "document.chosen", to, actor, None, changes, reason)
        return documents.find(tx, proposal_id, number)

    def leave_out(self, tx: Transaction, proposal_id: int, number: int, *, reason: str, actor: str) -> None:
        """A person's word on a document that was not sent: it never will be."""
        document = documents.find(tx, proposal_id, number, tx.dialect.locked)
        if document.state not in (_PLANNED, _READY):
            raise _refused(document, _REJECTED)
        changes = {"said": f"{LEFT_OUT}{reason}", "look_at": None}
        _write(tx, document, "document.chosen", _REJECTED, actor, None, changes, reason)

    def unsettled(self, proposal_id: int) -> list[PostingDocument]:
        """Documents of a proposal that are neither proved nor rejected, in order."""
        return documents.select(
            self._database,
            "WHERE proposal_id = ? AND state NOT IN ('verified', 'rejected') ORDER BY number",
            proposal_id,
        )

    def open_documents(self, limit: int = 200) -> list[PostingDocument]:
        """Documents of all proposals that may or may not be in SAP, oldest first."""
        return documents.select(self._database, f"WHERE {documents.OPEN} ORDER BY proposal_id, number LIMIT ?", limit)


def _write(
    tx: Transaction,
    document: PostingDocument,
    kind: str,
    to: DocumentState,
    actor: str,
    run_id: int | None,
    changes: dict[str, Any],
    reason: str = "",
) -> None:
    """Write the new state, and the event with everything needed to tell the row's content from the chain alone."""
    if unknown := changes.keys() - Changes.__annotations__.keys():
        raise ValueError(f"a document has no {', '.join(sorted(unknown))} to change")
    columns = {
        name: to_micros(value) if isinstance(value, datetime) else value
        for name, value in {"state": to.value, **changes}.items()
    }
    number = document.document.number
    tx.change(
        f"UPDATE document SET {', '.join(f'{name} = ?' for name in columns)} WHERE proposal_id = ? AND number = ?",
        *columns.values(), document.proposal_id, number,
    )  # fmt: skip
    data = {
        "proposal": document.proposal_id, "document": number, "from": document.state.value, "to": to.value,
        "changes": changes,
    }  # fmt: skip
    chain.append(tx, Fact(kind, actor, document.reference, data | ({"reason": reason} if reason else {}), run_id))


def _require_approved(tx: Transaction, proposal_id: int) -> None:
    state = tx.value(f"SELECT state FROM proposal WHERE id = ?{tx.dialect.locked}", proposal_id)
    if state != ProposalState.APPROVED:
        raise StoreError(
            f"P-{proposal_id:04} is {state or 'not there'}: only an approved proposal is posted",
            hint=f"Look at how it stands: tui-connector proposals show P-{proposal_id:04}",
        )


def _worker(tx: Transaction, run_id: int) -> str:
    return f"worker:{tx.value('SELECT worker FROM run WHERE id = ?', run_id)}"


def _refused(document: PostingDocument, to: DocumentState) -> StoreError:
    name = f"P-{document.proposal_id:04}"
    return StoreError(
        f"document {document.document.number} of {name} is {document.state} and cannot become {to}",
        hint=f"Look at how it stands: tui-connector proposals show {name}",
    )
