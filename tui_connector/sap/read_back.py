"""Looks up in SAP which documents carry our reference."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from tui_connector.domain.errors import ContractChangedError
from tui_connector.domain.flow import Condition, Dialect, ODataSource
from tui_connector.domain.ledger import DebitCredit, FoundDocument, FoundItem
from tui_connector.domain.text import clean
from tui_connector.sap.filters import all_of, condition
from tui_connector.sap.reader import ODataReader, SourceField

if TYPE_CHECKING:
    from tui_connector.sap.client import SapClient

READ_BACK = ODataSource(
    "API_OPLACCTGDOCITEMCUBE_SRV",
    "A_OperationalAcctgDocItemCube",
    key=("CompanyCode", "FiscalYear", "AccountingDocument", "AccountingDocumentItem"),
)


class _Row(NamedTuple):
    """One item as text; the names of SAP's fields stand in `_FIELDS`, in the same order."""

    company_code: str
    fiscal_year: str
    accounting_document: str
    gl_account: str
    cost_center: str
    profit_center: str
    side: str
    amount: str
    currency: str
    is_reversal: str
    is_reversed: str


_FIELDS = (
    SourceField("CompanyCode", str),
    SourceField("FiscalYear", str),
    SourceField("AccountingDocument", str),
    SourceField("GLAccount", str),
    SourceField("CostCenter", str),
    SourceField("ProfitCenter", str),
    SourceField("DebitCreditCode", str),
    SourceField("AmountInTransactionCurrency", Decimal),
    SourceField("TransactionCurrency", str),
    SourceField("IsReversal", bool),
    SourceField("IsReversed", bool),
)

READ_BACK_FIELDS = (*(one.path for one in _FIELDS), "DocumentReferenceID")


async def find_documents(client: SapClient, company_code: str, reference: str) -> list[FoundDocument]:
    """Every document of a company code with this reference, in whatever fiscal year SAP put it.

    Left out are documents with which somebody reversed one of ours in SAP: they can carry its reference too, and the
    reversed one tells of it.

    Raises:
        ConnectorError: it could not be looked up; that says nothing about the document.
    """
    wishes = (Condition("CompanyCode", "eq", company_code), Condition("DocumentReferenceID", "eq", reference))
    wanted = all_of(condition(wish, Dialect.V2) for wish in wishes)
    rows = [_Row(*row) for row in await ODataReader(client).find(READ_BACK, _FIELDS, wanted)]
    documents: dict[tuple[str, str, str], list[_Row]] = {}
    for row in rows:
        if row.is_reversal != "true":
            documents.setdefault((row.company_code, row.fiscal_year, row.accounting_document), []).append(row)
    return [
        FoundDocument(
            *key,
            currency="/".join(sorted({row.currency for row in found})),  # a document has one; two never pass for equal
            items=tuple(
                FoundItem(row.gl_account, _signed(row, client.name), row.cost_center, row.profit_center)
                for row in found
            ),
            reversed=any(row.is_reversed == "true" for row in found),
        )
        for key, found in documents.items()
    ]


def _signed(row: _Row, name: str) -> Decimal:
    """The amount by its side: whether SAP shows credits as negative numbers is not certain."""
    if row.side not in tuple(DebitCredit) or not row.amount:
        raise ContractChangedError(
            f"{name}: an item of document {clean(row.accounting_document, limit=20)} shows no amount, or neither "
            f"debit nor credit ({clean(row.side, limit=8)!r})",
            hint="Look at the document in SAP; until this is clear nothing is concluded from it.",
        )
    amount = abs(Decimal(row.amount))
    return -amount if row.side == DebitCredit.CREDIT else amount
