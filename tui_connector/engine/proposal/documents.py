"""Lines into documents: split at what SAP takes, balanced, numbered and sealed with their digests."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from tui_connector.domain.ledger import MAX_ITEMS
from tui_connector.domain.proposal import (
    Change,
    Draft,
    LineKind,
    ProposedDocument,
    ProposedLine,
    document_digest,
    fingerprint_of,
)
from tui_connector.engine.proposal.amounts import settled, zero

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tui_connector.domain.flow import WritebackFlow
    from tui_connector.domain.proposal import Origin, ProposalHead

_ZERO = Decimal(0)


def split(flow: WritebackFlow, lines: list[ProposedLine], rest: Decimal) -> list[list[ProposedLine]]:
    """Lines of one document as one or more that SAP takes, each balanced by an offset line where the flow has one.

    rest: the part of their sum that comes from rounding; it goes on a line of its own. Without an offset account a
    document is cut only where it balances; what cannot be cut stays whole, and does not pass its gate.
    """
    if not lines:
        return []
    total = sum((line.amount for line in lines), _ZERO)
    added = bool(rest) + bool(flow.offset_account and total != rest)
    parts = [lines] if len(lines) + added <= MAX_ITEMS else _cut(flow, lines, MAX_ITEMS - 2)
    whole = []
    for part in parts:
        part_rest = rest if part is parts[-1] else _ZERO
        missing = sum((line.amount for line in part), _ZERO) - part_rest
        extra = []
        if missing and flow.offset_account:
            extra.append(_added(LineKind.OFFSET, part[0], flow.offset_account, flow.offset_cost_center, -missing))
        if part_rest:
            extra.append(_added(LineKind.ROUNDING, part[0], flow.rounding_account, "", -part_rest))
        whole.append([*part, *extra])
    return whole


def assemble(
    head: ProposalHead,
    origin: Origin,
    parts: Iterable[tuple[str, str, Sequence[ProposedLine]]],
    unchanged: Iterable[ProposedLine],
    withheld: dict[str, int],
) -> Draft:
    """A draft of documents, each given as its type, header text and lines; the unchanged lines come last."""
    documents: list[ProposedDocument] = []
    lines: list[ProposedLine] = []
    for document_type, text, part in parts:
        if not part:
            continue
        number = len(documents) + 1
        mine = [ProposedLine(at, number, *line[2:]) for at, line in enumerate(part, len(lines) + 1)]
        documents.append(_document(number, document_type, text, mine))
        lines += mine
    lines += [ProposedLine(at, None, *line[2:]) for at, line in enumerate(unchanged, len(lines) + 1)]
    return Draft(head, origin, tuple(lines), tuple(documents), fingerprint_of(head, documents), withheld)


def _document(number: int, document_type: str, text: str, lines: Sequence[ProposedLine]) -> ProposedDocument:
    first = lines[0]
    document = ProposedDocument(
        number=number,
        company_code=first.company_code,
        currency=first.currency,
        posting_date=first.posting_date,
        document_date=first.posting_date,
        document_type=document_type,
        header_text=text,
        items=len(lines),
        debit=settled(sum((line.amount for line in lines if line.amount > 0), _ZERO), first.currency),
        credit=settled(-sum((line.amount for line in lines if line.amount < 0), _ZERO), first.currency),
        digest="",
    )
    return replace(document, digest=document_digest(document, lines))


def _cut(flow: WritebackFlow, lines: list[ProposedLine], room: int) -> list[list[ProposedLine]]:
    """At the last place within `room` where the lines so far balance, else anywhere if an offset line can balance."""
    parts = []
    start = 0
    while len(lines) - start > room:
        balance, cut = _ZERO, 0
        for place in range(start, start + room):
            balance += lines[place].amount
            if not balance:
                cut = place + 1
        if not cut and not flow.offset_account:
            break
        cut = cut or start + room
        parts.append(lines[start:cut])
        start = cut
    return [*parts, lines[start:]]


def _added(kind: LineKind, like: ProposedLine, account: str, center: str, amount: Decimal) -> ProposedLine:
    nothing, amount = zero(like.currency), settled(amount, like.currency)
    return ProposedLine(
        0, None, kind, Change.NEW, "", like.company_code, account, center, "", like.currency, like.posting_date,
        nothing, nothing, amount, kind.value.capitalize(),
    )  # fmt: skip
