"""Proposals: written once with their lines and documents, decided by people, every word told to the audit chain."""
# ruff: noqa: S608, PLR0917 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import difflib
import json
import re
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from tui_connector.domain.audit import Fact
from tui_connector.domain.canonical import canonical, sha256
from tui_connector.domain.errors import ConfigError, StoreError
from tui_connector.domain.proposal import (
    Approval,
    DocumentState,
    Gate,
    LineDecision,
    Origin,
    Proposal,
    ProposalHead,
    ProposalState,
    Verdict,
)
from tui_connector.store import chain, documents, drafts, lines, posted
from tui_connector.store.database import to_micros, to_moment, to_moment_or_none
from tui_connector.store.runs import require_run

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from tui_connector.domain.proposal import DocumentKeys, Draft, PostedLine, PostingDocument, ProposedLine
    from tui_connector.domain.risk import Flag
    from tui_connector.store.database import Database, Reader, Row, Transaction
    from tui_connector.store.posted import PostedSum

APPROVAL = "proposal_id, number, key_id, name, user_name, signed_by, statement, signature, at"
_PAGE = 50
COLUMNS = f"{drafts.KEPT}, state, reason, gates, gates_at, checked_at"
_PLANNED, _HELD, _REJECTED, _SUPERSEDED, _EXPIRED, _APPROVED, _POSTED = ProposalState
_NEXT = {
    _PLANNED: (_HELD, _REJECTED, _SUPERSEDED, _EXPIRED, _APPROVED),
    _HELD: (_PLANNED, _REJECTED, _SUPERSEDED, _EXPIRED, _APPROVED, _POSTED),
    _APPROVED: (_PLANNED, _HELD, _REJECTED, _SUPERSEDED, _EXPIRED, _POSTED),  # back: its signature does not hold
    _REJECTED: (),
    _SUPERSEDED: (),
    _EXPIRED: (),
    _POSTED: (),
}
_NUMBER = re.compile(r"(?:P-?)?0*(\d{1,7})", re.IGNORECASE)
_FINGERPRINT = re.compile(r"[0-9a-f]{8,64}")
# What people said, of any proposal: an index of its own holds it, which the plus leads to, past the large primary key.
_SAID = "(decision <> '' OR comment <> '') AND +proposal_id = ?"
_NEAR = 200  # newest proposals among which a mistyped name is looked for


class DocumentGroup(NamedTuple):
    """Documents of one kind in one state. documents: how many; lines: of all of them."""

    company_code: str
    currency: str
    posting_date: date
    document_type: str
    state: DocumentState
    documents: int
    lines: int


class Proposals:
    """One row a proposal, one a line, one a document. Content never changes; state, gates and decisions do."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        tx: Transaction,
        draft: Draft,
        *,
        target_id: int,
        run_id: int | None,
        author: str,
        author_key: str = "",
        made_at: datetime,
        expires_at: datetime,
        gates: Sequence[Gate],
        payloads: Iterable[tuple[DocumentKeys, bytes]],
        parent: int | None = None,
        flags: Mapping[int, Sequence[Flag]] | None = None,
        actor: str,
        fence: int | None = None,
    ) -> Proposal:
        """Write a draft down as a planned proposal, with the bytes of each document in order; audited.

        flags: what of lines asks for a second look, by their numbers.

        Raises StoreError, with nothing to keep, for a draft whose fingerprint, digests or order do not fit its content,
        for keys that are not the derived ones, and while a proposal with the same fingerprint is alive or posted. With
        `fence` a worker that lost its run is refused.
        """
        if fence is not None:
            require_run(tx, run_id or 0, fence)
        number = drafts.write(
            tx, draft, target_id=target_id, run_id=run_id, author=author, author_key=author_key, made_at=made_at,
            expires_at=expires_at, gates=gates, payloads=payloads, parent=parent, flags=flags or {}, actor=actor,
        )  # fmt: skip
        return _found(tx, number)

    def get(self, proposal_id: int) -> Proposal:
        """The proposal of this number; ConfigError when there is none."""
        return _found(self._database, proposal_id)

    def find(self, text: str) -> Proposal:
        """The proposal that a person means: "P-0017", "17", or eight or more digits of its fingerprint.

        Of several with the same fingerprint it is the newest. Raises ConfigError, naming near ones, when none or
        several are meant.
        """
        said = "".join(text.split())
        number, fingerprint = _NUMBER.fullmatch(said), said.lower()
        if number:
            found = self._select("WHERE id = ?", int(number[1]))
        elif _FINGERPRINT.fullmatch(fingerprint):
            found = self._select(
                "WHERE fingerprint >= ? AND fingerprint <= ? ORDER BY id DESC", fingerprint, fingerprint + "g"
            )
        else:
            found = []
        if len({one.fingerprint for one in found}) == 1:
            return found[0]
        if found:
            raise ConfigError(f"{text} may mean {', '.join(map(_named, found[:5]))}", hint="Type more of its digits.")
        raise ConfigError(f"there is no proposal {text}", hint=self._near(text))

    def history(
        self,
        limit: int = 100,
        before_id: int | None = None,
        states: Collection[ProposalState] | None = None,
        flow: str | None = None,
    ) -> list[Proposal]:
        """Proposals before `before_id` (None: from the end), newest first."""
        where, parameters = "1 = 1", list[str | int]()
        if before_id is not None:
            where, parameters = where + " AND id < ?", [*parameters, before_id]
        if flow is not None:
            where, parameters = where + " AND flow = ?", [*parameters, flow]
        if states is not None:
            where += f" AND state IN ({self._database.dialect.texts})"
            parameters.append(canonical([state.value for state in states]))
        return self._select(f"WHERE {where} ORDER BY id DESC LIMIT ?", *parameters, limit)

    def count(self, state: ProposalState) -> int:
        """How many proposals stand so."""
        return int(self._database.value("SELECT count(*) FROM proposal WHERE state = ?", state.value))

    def each(self, *, states: Collection[ProposalState] | None = None, flow: str | None = None) -> Iterator[Proposal]:
        """Every proposal, newest first, read a page at a time; filters as in `history`."""
        before: int | None = None
        while page := self.history(_PAGE, before, states, flow):
            yield from page
            before = page[-1].id

    def was_posted(self, fingerprint: str) -> bool:
        """Whether exactly this was posted before."""
        sql = "SELECT id FROM proposal WHERE fingerprint = ? AND state = 'posted' LIMIT 1"
        return self._database.value(sql, fingerprint) is not None

    def made_by(self, run_ids: Sequence[int]) -> dict[int, tuple[int, ProposalState]]:
        """Number and state of the proposal that each of these runs has made."""
        rows = self._database.rows(
            f"SELECT run_id, id, state FROM proposal WHERE run_id IN ({self._database.dialect.numbers})",
            json.dumps(list(run_ids)),
        )
        return {row[0]: (row[1], ProposalState(row[2])) for row in rows}

    def children(self, proposal_id: int) -> list[Proposal]:
        """Proposals that were made from this one, oldest first."""
        return self._select("WHERE parent = ? ORDER BY id", proposal_id)

    def latest(self, flow: str, target_id: int) -> Proposal | None:
        """The newest proposal of a flow on its pair of tenants, however it stands."""
        found = self._select("WHERE flow = ? AND target_id = ? ORDER BY id DESC LIMIT 1", flow, target_id)
        return found[0] if found else None

    def lines(
        self,
        proposal_id: int,
        after: int = 0,
        limit: int = 200,
        *,
        document: int | None = None,
        changed_only: bool = False,
    ) -> list[ProposedLine]:
        """Lines of a proposal after a number, in order."""
        where, parameters = "proposal_id = ? AND number > ?", [proposal_id, after]
        if document is not None:
            span = self._database.row(
                "SELECT first_line, first_line + items - 1 FROM document WHERE proposal_id = ? AND number = ?",
                proposal_id, document,
            )  # fmt: skip
            where, parameters = where + " AND number BETWEEN ? AND ?", [*parameters, *(span or (0, 0))]
        if changed_only:
            where += " AND change <> 'unchanged'"
        rows = self._database.rows(
            f"SELECT {lines.COLUMNS} FROM proposal_line WHERE {where} ORDER BY number LIMIT ?", *parameters, limit
        )
        return list(map(lines.line_of, rows))

    def said(self, proposal_id: int, after: int = 0, limit: int = 200) -> list[ProposedLine]:
        """Lines that people held, rejected or wrote beside, after a number, in order."""
        rows = self._database.rows(
            f"SELECT {lines.COLUMNS} FROM proposal_line WHERE {_SAID} AND number > ? ORDER BY number LIMIT ?",
            proposal_id, after, limit,
        )  # fmt: skip
        return list(map(lines.line_of, rows))

    def lines_by_number(self, proposal_id: int, numbers: Collection[int]) -> list[ProposedLine]:
        """The lines of these numbers, in order."""
        rows = self._database.rows(
            f"SELECT {lines.COLUMNS} FROM proposal_line WHERE proposal_id = ?"
            f" AND number IN ({self._database.dialect.numbers}) ORDER BY number",
            proposal_id, canonical(sorted(set(numbers))),
        )  # fmt: skip
        return list(map(lines.line_of, rows))

    def taken_out(self, proposal_id: int) -> int:
        """How many lines people held or rejected."""
        sql = f"SELECT count(*) FROM proposal_line WHERE {_SAID} AND decision <> ''"
        return int(self._database.value(sql, proposal_id))

    def outline(self, proposal_id: int) -> list[DocumentGroup]:
        """Its documents counted by company code, currency, posting date, type and state, in that order."""
        rows = self._database.rows(
            "SELECT company_code, currency, posting_date, document_type, state, count(*), sum(items) FROM document"
            " WHERE proposal_id = ? GROUP BY company_code, currency, posting_date, document_type, state"
            " ORDER BY company_code, currency, posting_date, document_type, state",
            proposal_id,
        )
        return [
            DocumentGroup(row[0], row[1], date.fromisoformat(row[2]), row[3], DocumentState(row[4]), row[5], row[6])
            for row in rows
        ]

    def each_line(self, proposal_id: int, document: int | None = None) -> Iterator[ProposedLine]:
        """Every line of a proposal or of one of its documents, read a page at a time."""
        after = 0
        while page := self.lines(proposal_id, after, lines.BATCH, document=document):
            yield from page
            after = page[-1].number

    def documents(self, proposal_id: int) -> list[PostingDocument]:
        """The documents of a proposal, in order."""
        return documents.select(self._database, "WHERE proposal_id = ? ORDER BY number", proposal_id)

    def documents_after(self, proposal_id: int, number: int, count: int) -> list[PostingDocument]:
        """The documents after a number, nearest first."""
        tail = "WHERE proposal_id = ? AND number > ? ORDER BY number LIMIT ?"
        return documents.select(self._database, tail, proposal_id, number, count)

    def documents_before(self, proposal_id: int, number: int | None, count: int) -> list[PostingDocument]:
        """The documents before a number, or the last ones, in order."""
        tail = "WHERE proposal_id = ? AND number < coalesce(?, number + 1) ORDER BY number DESC LIMIT ?"
        return documents.select(self._database, tail, proposal_id, number, count)[::-1]

    def header_text(self, proposal_id: int) -> str:
        """The text in the header of its documents; "" when it has none."""
        sql = "SELECT header_text FROM document WHERE proposal_id = ? AND number = 1"
        return str(self._database.value(sql, proposal_id) or "")

    def document(self, proposal_id: int, number: int) -> PostingDocument:
        """One document; ConfigError when there is none."""
        return documents.find(self._database, proposal_id, number)

    def payload(self, proposal_id: int, number: int) -> bytes:
        """The exact bytes to send; StoreError when they are not those that were stored."""
        return documents.payload_of(self._database, proposal_id, number)

    def by_reference(self, reference: str) -> list[PostingDocument]:
        """Documents with this reference, newest proposal first: the same content made again has the same one."""
        return documents.select(self._database, "WHERE reference = ? ORDER BY proposal_id DESC", reference.upper())

    def by_document_number(
        self, accounting_document: str, company_code: str | None = None, fiscal_year: str | None = None
    ) -> list[PostingDocument]:
        """Documents that SAP knows by this number, with or without its leading zeros."""
        return documents.select(
            self._database,
            "WHERE accounting_document <> '' AND accounting_document IN (?, ?)"
            " AND company_code = coalesce(?, company_code) AND fiscal_year = coalesce(?, fiscal_year)"
            " ORDER BY proposal_id DESC, number",
            accounting_document, accounting_document.zfill(10), company_code, fiscal_year,
        )  # fmt: skip

    def set_gates(
        self, tx: Transaction, proposal_id: int, gates: Sequence[Gate], at: datetime, *, actor: str = "connector"
    ) -> None:
        """Keep what the gates say now; audited."""
        text = drafts.gates_text(gates)
        _change(tx, proposal_id, "gates = ?, gates_at = ?", text, to_micros(at))
        verdicts = {gate.name: gate.verdict.value for gate in gates}
        _tell(tx, "judged", actor, proposal_id, {"gates": sha256(text), "gates_at": at, "verdicts": verdicts})

    def checked(self, tx: Transaction, proposal_id: int, at: datetime | None, *, actor: str = "connector") -> None:
        """Say when the plan was exported again and was the same; None when that is not known any more; audited."""
        _change(tx, proposal_id, "checked_at = ?", None if at is None else to_micros(at))
        _tell(tx, "checked", actor, proposal_id, {"checked_at": at})

    def change_state(
        self, tx: Transaction, proposal_id: int, to: ProposalState, *, reason: str, actor: str
    ) -> Proposal:
        """Move a proposal on; returns it as it is then; audited.

        Raises StoreError when nothing leads there from its state, or when it would be POSTED with a document that is
        neither proved nor rejected.
        """
        before = _found(tx, proposal_id, tx.dialect.locked)
        unsettled = to is _POSTED and tx.value(
            "SELECT count(*) FROM document WHERE proposal_id = ? AND state NOT IN ('verified', 'rejected')", proposal_id
        )
        if to not in _NEXT[before.state] or unsettled:
            why = f": {unsettled} of its documents are not settled" if unsettled else ""
            raise StoreError(
                f"{before.name} is {before.state} and cannot become {to}{why}",
                hint=f"Look at how it stands: tui-connector proposals show {before.name}",
            )
        _change(tx, proposal_id, "state = ?, reason = ?", to.value, reason)
        _tell(tx, to.value, actor, proposal_id, {"from": before.state.value, "reason": reason})
        return _found(tx, proposal_id)

    def decide_lines(
        self,
        tx: Transaction,
        proposal_id: int,
        numbers: Collection[int],
        decision: LineDecision,
        reason: str,
        actor: str,
    ) -> None:
        """Hold or reject lines, or take that back (NONE), while nothing is decided on the proposal; audited."""
        said = {"decision": decision.value, "reason": reason}
        self._mark(tx, proposal_id, numbers, said, "lines", actor)

    def comment_lines(self, tx: Transaction, proposal_id: int, numbers: Collection[int], text: str, actor: str) -> None:
        """Set the comment of lines ("" takes it back) while nothing is decided on the proposal; audited."""
        self._mark(tx, proposal_id, numbers, {"comment": text}, "comment", actor)

    def add_approval(self, tx: Transaction, approval: Approval, actor: str) -> None:
        """Keep a signature while nothing is decided on the proposal; audited. Whether it holds is for others to say."""
        _undecided(tx, approval.proposal_id)
        number = 1 + int(tx.value("SELECT count(*) FROM approval WHERE proposal_id = ?", approval.proposal_id))
        row = (
            approval.proposal_id, number, approval.key_id, approval.name, approval.user, approval.by,
            approval.statement, approval.signature, to_micros(approval.at),
        )  # fmt: skip
        tx.put("approval", dict(zip(APPROVAL.split(", "), row, strict=True)))
        _tell(tx, "signed", actor, approval.proposal_id, signed(row))

    def approvals(self, proposal_id: int) -> list[Approval]:
        """The signatures under a proposal, in the order they came."""
        rows = self._database.rows(
            f"SELECT {APPROVAL} FROM approval WHERE proposal_id = ? ORDER BY number", proposal_id
        )
        return [
            Approval(
                key_id=row[2],
                name=row[3],
                user=row[4],
                by=row[5],
                statement=row[6],
                signature=bytes(row[7]),
                at=to_moment(row[8]),
                proposal_id=row[0],
            )
            for row in rows
        ]

    def signers(self) -> dict[str, str]:
        """What the people who signed anything are called: account -> name of the key they used last."""
        return dict(self._database.rows("SELECT signed_by, name FROM approval ORDER BY at"))

    def posted(self, target_id: int, keys: Sequence[str], *, besides: int | None = None) -> list[PostedLine]:
        """What stands posted for these keys of a target, in the order of keys, then dimensions; `besides` leaves one
        proposal out.

        Counted are lines of the plan in documents that are proved, or that may be in SAP (told in `uncertain`). What
        adds up to nothing with certainty is left out.
        """
        return posted.posted(self._database, target_id, keys, besides)

    def posted_on(
        self, target_id: int, account: tuple[str, str], center: str | None, since: date, until: date
    ) -> list[PostedSum]:
        """What was posted and proved on an account (company code, number) and center (None: any) between two days."""
        return posted.posted_on(self._database, target_id, account, center, since, until)

    def posted_keys(
        self, target_id: int, after_key: str = "", limit: int = 1000, *, besides: int | None = None
    ) -> list[PostedLine]:
        """As `posted`, for all keys after one, so many keys at a time; empty at the end. No key is cut in two."""
        return posted.posted_keys(self._database, target_id, after_key, limit, besides)

    def last_approved(self, target_id: int, keys: Sequence[str]) -> dict[str, Decimal]:
        """The plan's amount of each of these keys in the newest proposal that holds it and is approved or posted."""
        return posted.last_approved(self._database, target_id, keys)

    def trace(self, key: str, flow: str | None = None) -> list[tuple[Proposal, ProposedLine, PostingDocument | None]]:
        """Every line that a key of the plan ever had, with its proposal and document, oldest first."""
        rows = self._database.rows(
            f"SELECT {lines.COLUMNS}, proposal_id FROM proposal_line"
            " WHERE target_id IN (SELECT id FROM target WHERE flow = ? OR CAST(? AS TEXT) IS NULL) AND key = ?"
            " ORDER BY proposal_id, number",
            flow, flow, key,
        )  # fmt: skip
        return [
            (self.get(row[-1]), lines.line_of(row), None if row[1] is None else self.document(row[-1], row[1]))
            for row in rows
        ]

    def _mark(
        self,
        tx: Transaction,
        proposal_id: int,
        numbers: Collection[int],
        said: dict[str, str],
        kind: str,
        actor: str,
    ) -> None:
        _undecided(tx, proposal_id)
        wanted = sorted(set(numbers))
        changed = tx.change(
            f"UPDATE proposal_line SET {', '.join(f'{column} = ?' for column in said)}"
            f" WHERE proposal_id = ? AND number IN ({tx.dialect.numbers})",
            *said.values(), proposal_id, canonical(wanted),
        )  # fmt: skip
        if changed != len(wanted):
            raise ConfigError(
                f"{len(wanted) - changed} of the lines named are not in P-{proposal_id:04}",
                hint=f"Look at its lines: tui-connector proposals show P-{proposal_id:04}",
            )
        _tell(tx, kind, actor, proposal_id, {**said, "numbers": wanted})

    def _select(self, tail: str, *parameters: str | int) -> list[Proposal]:
        return [proposal_of(row) for row in self._database.rows(f"SELECT {COLUMNS} FROM proposal {tail}", *parameters)]

    def _near(self, text: str) -> str:
        rows = self._database.rows(f"SELECT id, fingerprint FROM proposal ORDER BY id DESC LIMIT {_NEAR}")
        if not rows:
            return "There is none yet: a writeback flow makes one when its plan is approved."
        names = {f"P-{row[0]:04}": row for row in rows} | {row[1][:8]: row for row in rows}
        close = difflib.get_close_matches("".join(text.split()), names, 3)
        near = list(dict.fromkeys(names[name][0] for name in close)) or [row[0] for row in rows[:3]]
        return f"Near ones: {', '.join(_named(_found(self._database, number)) for number in near)}."


def signed(row: Row) -> dict[str, Any]:
    """What the chain says of one row of `APPROVAL`."""
    _, number, key_id, name, user, by, statement, signature, at = row
    return {
        "number": number, "key": key_id, "name": name, "user": user, "by": by, "statement": sha256(str(statement)),
        "signature": sha256(bytes(memoryview(signature))), "at": to_moment(at),
    }  # fmt: skip


def proposal_of(row: Row) -> Proposal:
    """The proposal of one row of its columns."""
    (
        number, flow, target_id, run_id, parent, fingerprint, head, origin, author, author_key, made_at, expires_at,
        count, line_count, gross, changes, state, reason, gates, gates_at, checked_at,
    ) = row  # fmt: skip
    had = json.loads(origin)
    exported_at = had["exported_at"] and datetime.fromisoformat(had["exported_at"])
    return Proposal(
        number, flow, target_id, run_id, ProposalState(state), fingerprint, ProposalHead(**json.loads(head)),
        Origin(**{**had, "exported_at": exported_at}), author, author_key, to_moment(made_at), to_moment(expires_at),
        count, line_count, {currency: Decimal(amount) for currency, amount in json.loads(gross).items()},
        json.loads(changes), tuple(map(_gate_of, json.loads(gates))), to_moment(gates_at), parent, reason,
        to_moment_or_none(checked_at),
    )  # fmt: skip


def _gate_of(said: dict[str, Any]) -> Gate:
    return Gate(said["name"], Verdict(said["verdict"]), said["words"], tuple(said["lines"]), said["count"])


def _found(reader: Reader, proposal_id: int, locked: str = "") -> Proposal:
    row = reader.row(f"SELECT {COLUMNS} FROM proposal WHERE id = ?{locked}", proposal_id)
    if row is None:
        raise _missing(proposal_id)
    return proposal_of(row)


def _missing(proposal_id: int) -> ConfigError:
    return ConfigError(
        f"there is no proposal P-{proposal_id:04}", hint="See which there are: tui-connector proposals list"
    )


def _named(proposal: Proposal) -> str:
    return f"{proposal.name} ({proposal.short}, {proposal.state})"


def _undecided(tx: Transaction, proposal_id: int) -> None:
    proposal = _found(tx, proposal_id, tx.dialect.locked)
    if not proposal.state.undecided:
        raise StoreError(
            f"{proposal.name} is {proposal.state}: nothing of it can be changed any more",
            hint=f"Look at how it stands: tui-connector proposals show {proposal.name}",
        )


def _change(tx: Transaction, proposal_id: int, what: str, *values: str | int | None) -> None:
    if not tx.change(f"UPDATE proposal SET {what} WHERE id = ?", *values, proposal_id):
        raise _missing(proposal_id)


def _tell(tx: Transaction, kind: str, actor: str, proposal_id: int, data: dict[str, Any]) -> None:
    chain.append(tx, Fact(f"proposal.{kind}", actor, f"P-{proposal_id:04}", data))
