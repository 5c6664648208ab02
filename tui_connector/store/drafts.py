"""A draft becomes a proposal: checked against its own fingerprint, written, and bound into the audit chain."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING

from tui_connector.domain.audit import Fact
from tui_connector.domain.canonical import canonical, sha256
from tui_connector.domain.errors import StoreError
from tui_connector.domain.proposal import document_digest, document_keys, fingerprint_of
from tui_connector.store import chain, documents, lines, sums
from tui_connector.store.database import to_micros
from tui_connector.store.rows import stored_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from tui_connector.domain.proposal import DocumentKeys, Draft, Gate
    from tui_connector.domain.risk import Flag
    from tui_connector.store.database import Row, Transaction

KEPT = (
    "id, flow, target_id, run_id, parent, fingerprint, head, origin, author, author_key, made_at, expires_at,"
    " documents, lines, gross, changes"
)
WIDTH = KEPT.count(",") + 1


def write(
    tx: Transaction,
    draft: Draft,
    *,
    target_id: int,
    run_id: int | None,
    author: str,
    author_key: str,
    made_at: datetime,
    expires_at: datetime,
    gates: Sequence[Gate],
    payloads: Iterable[tuple[DocumentKeys, bytes]],
    parent: int | None,
    flags: Mapping[int, Sequence[Flag]],
    actor: str,
) -> int:
    """See `Proposals.add`; returns the number given."""
    first_lines = _first_lines(draft)
    _alone(tx, draft.fingerprint)
    gross, changes = _gross(draft), Counter(line.change.value for line in draft.lines)
    kept = {
        "flow": draft.head.flow, "target_id": target_id, "run_id": run_id, "parent": parent,
        "fingerprint": draft.fingerprint, "head": canonical(asdict(draft.head)),
        "origin": canonical(asdict(draft.origin)), "author": author, "author_key": author_key,
        "made_at": to_micros(made_at), "expires_at": to_micros(expires_at), "documents": len(draft.documents),
        "lines": len(draft.lines), "gross": canonical(gross), "changes": canonical(changes),
    }  # fmt: skip
    judged = gates_text(gates)
    moving = {"state": "planned", "reason": "", "gates": judged, "gates_at": to_micros(made_at), "checked_at": None}
    proposal_id = tx.add("proposal", {**kept, **moving})
    batches = lines.insert(tx, proposal_id, target_id, draft.lines)
    flagged = sums.write(tx, proposal_id, draft.lines, flags)
    told, rows = [], []
    for document, first_line, (keys, payload) in zip(draft.documents, first_lines, payloads, strict=True):
        if keys != document_keys(draft.head.sap, document.company_code, draft.fingerprint, document.number):
            raise _refused(f"the keys of document {document.number} are not derived from it")
        row = documents.insert(tx, proposal_id, document, first_line, keys, payload)
        told.append([document.number, document.digest, row[-1]])  # the last is the digest of the bytes
        rows.append(row_digest(row))
    data = {
        "proposal": proposal_id, "fingerprint": draft.fingerprint, "head": asdict(draft.head),
        "origin": asdict(draft.origin), "author": author, "author_key": author_key, "made_at": made_at,
        "expires_at": expires_at, "parent": parent, "gross": gross, "changes": changes, "withheld": draft.withheld,
        "lines": len(draft.lines), "documents": told, "gates": sha256(judged),
        "digests": {
            "row": row_digest((proposal_id, *kept.values())), "per": lines.BATCH, "lines": batches, "documents": rows,
            "flags": flagged,
        },
    }  # fmt: skip
    chain.append(tx, Fact("proposal.made", actor, f"P-{proposal_id:04}", data, run_id))
    return proposal_id


def row_digest(row: Row) -> str:
    """SHA-256 of what never changes of a proposal's or a document's row."""
    return stored_digest([row])


def gates_text(gates: Iterable[Gate]) -> str:
    """Gates as they are kept."""
    return canonical([asdict(gate) for gate in gates])


def _first_lines(draft: Draft) -> list[int]:
    """Number of the first line of each document. Raises StoreError for a draft that is not what it says it is."""
    if any(line.number != place for place, line in enumerate(draft.lines, 1)):
        raise _refused("its lines are not numbered in their order")
    found, reached = [], 0
    for place, document in enumerate(draft.documents, 1):
        own = draft.lines[reached : reached + document.items]
        debit = sum((line.amount for line in own if line.amount > 0), Decimal(0))
        credit = -sum((line.amount for line in own if line.amount < 0), Decimal(0))
        if (
            document.number != place
            or [line.document for line in own] != [place] * document.items
            or (debit, credit) != (document.debit, document.credit)
            or document_digest(document, own) != document.digest
        ):
            raise _refused(f"document {place} is not made of its lines")
        found.append(reached + 1)
        reached += document.items
    if any(line.document is not None for line in draft.lines[reached:]):
        raise _refused("lines belong to a document that it does not have")
    if fingerprint_of(draft.head, draft.documents) != draft.fingerprint:
        raise _refused("its content has another fingerprint")
    return found


def _alone(tx: Transaction, fingerprint: str) -> None:
    """The same fingerprint has the same references in SAP: only one proposal may ever send it."""
    other = tx.row(
        "SELECT id, state FROM proposal WHERE fingerprint = ? AND state NOT IN ('rejected', 'superseded', 'expired')"
        " ORDER BY id DESC LIMIT 1",
        fingerprint,
    )
    if other:
        raise StoreError(
            f"P-{other[0]:04} holds exactly the same and is {other[1]}",
            hint=f"Decide on that one: tui-connector proposals show P-{other[0]:04}",
        )


def _gross(draft: Draft) -> dict[str, Decimal]:
    debit, credit = dict[str, Decimal](), dict[str, Decimal]()
    for document in draft.documents:
        debit[document.currency] = debit.get(document.currency, Decimal(0)) + document.debit
        credit[document.currency] = credit.get(document.currency, Decimal(0)) + document.credit
    return {currency: max(debit[currency], credit[currency]) for currency in sorted(debit)}


def _refused(why: str) -> StoreError:
    return StoreError(f"the draft is refused: {why}", hint="This is a fault of the program; report it.")
