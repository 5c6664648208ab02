"""Sheets of a proposal's lines for people: safe to open, amounts as plain numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.proposal import LineDecision, LineKind, ProposalState
from tui_connector.domain.text import clean
from tui_connector.review.amounts import plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from tui_connector.domain.proposal import PostingDocument, ProposedLine
    from tui_connector.review.pack import PackData

_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # at a cell's beginning a spreadsheet would compute it
_HEADS = (
    "Document", "Line", "Company Code", "GL Account", "Cost Center", "Profit Center", "Posting Date", "Currency",
    "Debit", "Credit", "Kind", "Change", "Key", "Text", "Last Plan", "New Plan", "Posted", "To Post",
    "SAP Document", "Fiscal Year", "State", "Decision", "Reason",
)  # fmt: skip
_RETURN_HEADS = ("Key", "Company Code", "Account", "Amount", "Currency", "Decision", "Reason")


def csv_lines(data: PackData) -> Iterator[str]:
    """All lines of the proposal, one a row, after a row of heads; each ends with CR LF (RFC 4180)."""
    documents = {one.document.number: one for one in data.documents}
    yield _row(map(quoted, _HEADS))
    for line in data.lines():
        yield _row(_cells(line, documents.get(line.document or 0)))


def return_lines(data: PackData) -> Iterator[str]:
    """What goes back to the planners: the lines that a person held or rejected, and why.

    When the whole proposal was rejected, all lines of the plan that it would have posted, with its reason.
    """
    yield _row(map(quoted, _RETURN_HEADS))
    whole = data.proposal.state is ProposalState.REJECTED
    for line in data.lines():
        decision, reason = line.decision, line.reason
        if whole and decision is LineDecision.NONE and line.kind is LineKind.PLAN and line.document is not None:
            decision, reason = LineDecision.REJECTED, data.proposal.reason
        if decision is not LineDecision.NONE:
            yield _row([
                *map(quoted, (line.key, line.company_code, line.gl_account)),
                plain(line.wanted, line.currency),
                *map(quoted, (line.currency, decision, reason)),
            ])  # fmt: skip


def _cells(line: ProposedLine, posting: PostingDocument | None) -> Iterator[str]:
    currency = line.currency
    yield str(line.document or "")
    yield str(line.number)
    yield from map(quoted, (line.company_code, line.gl_account, line.cost_center, line.profit_center))
    yield line.posting_date.isoformat()
    yield quoted(currency)
    yield _number(line.amount if line.amount > 0 else None, currency)
    yield _number(-line.amount if line.amount < 0 else None, currency)
    yield from map(quoted, (line.kind, line.change, line.key, line.text))
    for amount in (line.last, line.wanted, line.posted, line.amount):
        yield _number(amount, currency)
    told = (posting.accounting_document, posting.fiscal_year, posting.state) if posting else ("", "", "")
    yield from map(quoted, (*told, line.decision, line.reason))


def _number(amount: Decimal | None, currency: str) -> str:
    return "" if amount is None else plain(amount, currency)


def guarded(value: str) -> str:
    """Text for a sheet's cell: cleaned, and never taken for a formula."""
    return f"'{clean(value)}" if value.startswith(_FORMULA) else clean(value)


def quoted(value: str) -> str:
    """The same between quotation marks, as one field of CSV."""
    return '"' + guarded(value).replace('"', '""') + '"'


def _row(cells: Iterator[str] | list[str]) -> str:
    return ",".join(cells) + "\r\n"
