"""Do proposals, their documents and the close calendar still say what the audit chain was told?"""
# ruff: noqa: S608 - only constants are pasted into SQL; every value is bound

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from tui_connector.domain.canonical import canonical, sha256
from tui_connector.domain.proposal import ProposalHead, document_digest, fingerprint_of
from tui_connector.store import documents, drafts, lines, proposals, sums
from tui_connector.store.database import to_micros
from tui_connector.store.findings import Broken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui_connector.domain.proposal import ProposedDocument, ProposedLine
    from tui_connector.store.database import Reader, Row

_PAGE = 500
_SAID = ("decision", "reason", "comment")  # of a line, by people
_UNREADABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def verify_writeback(reader: Reader) -> None:
    """Raise Broken at the first row that is not as the chain says; a proposal is looked at a page at a time."""
    known = set[str]()
    for seq, name in _pages(reader, "seq, subject", "kind = 'proposal.made'"):
        if name in known:
            raise Broken(seq, f"{name} was made twice")
        known.add(name)
        with _readable(seq, name):
            _Proposal(reader, seq, name).check()
    for table, column in (
        ("proposal", "id"),
        ("proposal_line", "proposal_id"),
        ("proposal_sum", "proposal_id"),
        ("proposal_flag", "proposal_id"),
        ("document", "proposal_id"),
        ("approval", "proposal_id"),
    ):
        for (number,) in reader.rows(f"SELECT DISTINCT {column} FROM {table}"):
            name = f"P-{str(number).zfill(4)}"
            if name not in known:
                raise Broken(0, f"{name} stands in {table}, but no event tells of its making")
    _verify_periods(reader)


def verify_proposal(reader: Reader, proposal_id: int, document: int | None = None) -> None:
    """Raise Broken unless one proposal and the close calendar are as the chain says.

    document: look at no line, and at no document but this one.
    """
    name = f"P-{proposal_id:04}"
    seq = reader.value("SELECT seq FROM audit_event WHERE kind = 'proposal.made' AND subject = ? LIMIT 1", name)
    if seq is None:
        raise Broken(0, f"no event tells of the making of {name}")
    with _readable(seq, name):
        one = _Proposal(reader, seq, name)
        one.check() if document is None else one.check_document(document)
        _verify_periods(reader)


@contextmanager
def _readable(seq: int, name: str) -> Iterator[None]:
    try:
        yield
    except _UNREADABLE as error:
        raise Broken(seq, f"{name}: its rows or events cannot be read") from error


class _Proposal:
    """One proposal against its events."""

    def __init__(self, reader: Reader, seq: int, name: str) -> None:
        self.reader = reader
        self.seq = seq
        self.name = name
        self.number = int(name.removeprefix("P-"))
        self.made: dict[str, Any] = {}
        self.stands: dict[str, object] = {}
        self.marks: dict[int, dict[str, str]] = {}
        self.signed: list[str] = []

    def check(self) -> None:
        kept = self._kept()
        found = self._documents()
        own = self._lines(kept[2])
        for document in found:
            if document_digest(document, islice(own, document.items)) != document.digest:
                raise self._broken(f"document {document.number} is not made of its lines")
        for _ in own:  # the rest, that is not posted, is read to be looked at
            pass
        if fingerprint_of(ProposalHead(**json.loads(kept[6])), found) != kept[5]:
            raise self._broken("its content has another fingerprint")
        self._sums()
        self._approvals()

    def check_document(self, number: int) -> None:
        self._kept()
        told = self.made["digests"]["documents"]
        rows = self._document_rows(number)
        if len(rows) != 1 or not 1 <= number <= len(told):
            raise self._broken(f"document {number} is missing")
        self._document(number, rows[0], told[number - 1])
        self._approvals()

    def _kept(self) -> Row:
        """What never changes of the proposal's row, when all of it stands as the events say."""
        self._read_events()
        row = self.reader.row(f"SELECT {proposals.COLUMNS} FROM proposal WHERE id = ?", self.number)
        if row is None:
            raise self._broken("the proposal is missing")
        kept, moving = row[: drafts.WIDTH], row[drafts.WIDTH :]
        if drafts.row_digest(kept) != self.made["digests"]["row"]:
            raise self._broken("the proposal is not as it was made")
        state, reason, gates, gates_at, checked_at = moving
        self._standing(
            "the proposal",
            self.stands,
            {
                "state": state,
                "reason": reason,
                "gates": sha256(str(gates)),
                "gates_at": gates_at,
                "checked_at": checked_at,
            },
        )
        return kept

    def _read_events(self) -> None:
        for _, kind, data in _events(self.reader, self.name, "proposal."):
            if kind == "made":
                self.made = data
                self.stands = {"state": "planned", "reason": "", "gates": data["gates"], "checked_at": None}
                self.stands["gates_at"] = _micros(data["made_at"])
            elif kind in {"lines", "comment"}:
                said = {name: data[name] for name in _SAID if name in data}
                for number in data["numbers"]:
                    self.marks.setdefault(number, {}).update(said)
            elif kind == "signed":
                self.signed.append(canonical(data))
            elif kind == "judged":
                self.stands |= {"gates": data["gates"], "gates_at": _micros(data["gates_at"])}
            elif kind == "checked":
                self.stands["checked_at"] = _micros(data["checked_at"])
            else:
                self.stands |= {"state": kind, "reason": data["reason"]}

    def _documents(self) -> list[ProposedDocument]:
        rows = self._document_rows()
        told = self.made["digests"]["documents"]
        if len(rows) != len(told):
            raise self._broken(f"it has {len(rows)} documents, but {len(told)} were made")
        for place, (row, digest) in enumerate(zip(rows, told, strict=True), 1):
            self._document(place, row, digest)
        return list(map(documents.proposed_of, rows))

    def _document_rows(self, number: int | None = None) -> list[Row]:
        return self.reader.rows(
            f"SELECT {documents.COLUMNS} FROM document WHERE proposal_id = ? AND number = coalesce(?, number)"
            " ORDER BY number",
            self.number, number,
        )  # fmt: skip

    def _document(self, number: int, row: Row, digest: str) -> None:
        if drafts.row_digest(row[: documents.WIDTH]) != digest:
            raise self._broken(f"document {number} is not as it was made")
        if documents.stored_payload(self.reader, self.number, number) is None:
            raise self._broken(f"the bytes of document {number} are not those that were made")
        self._moved(number, row)

    def _moved(self, number: int, row: Row) -> None:
        """Where a document stands, told from its events alone."""
        stands: dict[str, object] = dict(documents.UNTOUCHED)
        for _, _, data in _events(self.reader, row[13], "document."):
            if (data["proposal"], data["document"]) == (self.number, number):
                stands["state"] = data["to"]
                for name, value in data["changes"].items():
                    stands[name] = _micros(value) if name.endswith("_at") else value
        found = dict(zip(documents.MOVING, row[documents.WIDTH :], strict=True))
        self._standing(f"document {number}", stands, found)

    def _lines(self, target_id: int) -> Iterator[ProposedLine]:
        told, size = self.made["digests"]["lines"], self.made["digests"]["per"]
        seen = 0
        for rows in lines.batches(self.reader, self.number, size):
            if seen >= len(told) or lines.batch_digest(rows) != told[seen] or any(row[-1] != target_id for row in rows):
                raise self._broken(f"lines {seen * size + 1} to {(seen + 1) * size} are not those that were made")
            seen += 1
            for row in rows:
                mark = self.marks.get(row[0], {})
                if row[lines.WIDTH : -1] != tuple(mark.get(name, "") for name in _SAID):
                    raise self._broken(f"what people said of line {row[0]} was changed")
                yield lines.line_of(row)
        if seen != len(told):
            raise self._broken(f"lines from {seen * size + 1} on are missing")

    def _sums(self) -> None:
        """Nobody signs over sums that are not those of the lines, nor over flags that were taken away."""
        told = self.made["digests"].get("flags", [])
        if list(sums.flags_digests(self.reader, self.number)) != told:
            raise self._broken("the flags of its lines are not those that were made")
        if wrong := sums.fault(self.reader, self.number):
            raise self._broken(wrong)

    def _approvals(self) -> None:
        rows = self.reader.rows(
            f"SELECT {proposals.APPROVAL} FROM approval WHERE proposal_id = ? ORDER BY number", self.number
        )
        if [canonical(proposals.signed(row)) for row in rows] != self.signed:
            raise self._broken("its signatures are not those that were given")

    def _standing(self, what: str, stands: dict[str, object], found: dict[str, object]) -> None:
        for name, said in stands.items():
            if found[name] != said:
                raise self._broken(f"{what} does not stand as the events say: its {name} was changed")

    def _broken(self, what: str) -> Broken:
        return Broken(self.seq, f"{self.name}: {what}")


def _verify_periods(reader: Reader) -> None:
    set_last: dict[str, tuple[int, Row]] = {}
    for seq, subject, kind, actor, at, data in _pages(
        reader, "seq, subject, kind, actor, at, data", "kind >= 'period.' AND kind < 'period/'"
    ):
        said = json.loads(data) if data else {}
        row = (said.get("company_code"), said.get("period"), kind.partition(".")[2], said.get("reason"), actor, at)
        set_last[subject] = seq, row
    found = reader.rows("SELECT company_code, number, year, status, reason, set_by, at FROM period")
    for company_code, number, year, *rest in found:
        period = f"{str(number).zfill(3)}/{year}"
        seq, row = set_last.pop(f"{company_code} {period}", (0, ()))
        if row != (company_code, period, *rest):
            raise Broken(seq, f"period {period} of {company_code} does not stand as it was set")
    for subject, (seq, _) in set_last.items():
        raise Broken(seq, f"period {subject} is missing from the close calendar")


def _events(reader: Reader, subject: str, prefix: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Number, kind without its prefix, and data of each event about a subject, in order."""
    for seq, kind, data in _pages(
        reader, "seq, kind, data", "subject = ? AND kind >= ? AND kind < ?", subject, prefix, prefix[:-1] + "/"
    ):
        if data is None:
            raise Broken(seq, f"the data of event {seq} are gone, and {subject} hangs on them")
        yield seq, kind.removeprefix(prefix), json.loads(data)


def _pages(reader: Reader, columns: str, where: str, *parameters: str) -> Iterator[Row]:
    after = 0
    while rows := reader.rows(
        f"SELECT {columns} FROM audit_event WHERE {where} AND seq > ? ORDER BY seq LIMIT {_PAGE}", *parameters, after
    ):
        yield from rows
        after = rows[-1][0]


def _micros(moment: str | None) -> int | None:
    return None if moment is None else to_micros(datetime.fromisoformat(moment))
