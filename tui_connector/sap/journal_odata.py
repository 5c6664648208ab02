"""Journal entries through an OData V2 service of the customer's own, header and items in one deep insert."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tui_connector.domain.ledger import PostAnswer, PostOutcome
from tui_connector.sap.csrf import CsrfSession
from tui_connector.sap.endpoints import V2_ROOT
from tui_connector.sap.entry_fields import EntryFields, is_document
from tui_connector.sap.outcomes import not_definite, refused_by_odata, sending
from tui_connector.sap.read_back import find_documents
from tui_connector.sap.values import to_wire_date

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_connector.domain.ledger import FoundDocument, JournalEntry, JournalEntryItem
    from tui_connector.sap.client import SapClient

FIELDS = (
    "CompanyCode", "AccountingDocumentType", "DocumentReferenceID", "DocumentDate", "PostingDate",
    "AccountingDocumentHeaderText", "Reference1InDocumentHeader", "LedgerGroup", "to_Items/GLAccount",
    "to_Items/CostCenter", "to_Items/ProfitCenter", "to_Items/DebitCreditCode", "to_Items/AmountInTransactionCurrency",
    "to_Items/TransactionCurrency", "to_Items/DocumentItemText", "to_Items/AssignmentReference",
)  # fmt: skip
_LEADING = "0L"


class _Document(msgspec.Struct, rename="pascal"):
    accounting_document: str = ""
    fiscal_year: str = ""


class _Created(msgspec.Struct):
    d: _Document


class ODataChannel:
    """service: the customer's own, for example "ZJOURNALENTRY_SRV/JournalEntrySet"; it takes the fields that
    `payload` and `_item` write, which bear the names SAP gives them elsewhere.

    Raises:
        ConfigError: it is no service of the customer's own.
    """

    resend_replaces = False

    def __init__(self, client: SapClient, service: str) -> None:
        client.endpoints.allow_own(service)
        self._client = client
        self._service, _, self._set = service.partition("/")
        self._session = CsrfSession(client, f"{V2_ROOT}{self._service}/")

    def payload(self, entry: JournalEntry) -> bytes:
        """The body. Raises RejectedError for a value that SAP's fields cannot hold as it is."""
        write = EntryFields(entry)
        return msgspec.json.encode(
            {
                "CompanyCode": write.code("CompanyCode", entry.company_code, 4),
                "AccountingDocumentType": write.code("document_type", entry.document_type, 2),
                "DocumentReferenceID": entry.reference,
                "DocumentDate": to_wire_date(entry.document_date),
                "PostingDate": to_wire_date(entry.posting_date),
                "AccountingDocumentHeaderText": write.text(entry.header_text, 25),
                "Reference1InDocumentHeader": write.text(f"PLAN {entry.fingerprint}".upper(), 20),
                # a group restricts a posting to its ledgers; without one it goes to all, the leading one among them
                "LedgerGroup": "" if entry.ledger == _LEADING else write.code("ledger", entry.ledger, 4),
                "to_Items": {"results": [_item(item, entry, write) for item in entry.items]},
            }
        )

    async def send(
        self, payload: bytes, entry: JournalEntry, last_check: Callable[[], None] | None = None
    ) -> PostAnswer:
        """Send it once."""
        del entry  # the answer is about the one entry sent
        sent = self._session.write("POST", self._set, payload, last_check=last_check)
        answer = await sending(sent, name=self._client.name, service=self._service)
        if isinstance(answer, PostAnswer):
            return answer
        if (refused := refused_by_odata(answer)) is not None:
            return refused
        try:
            created = msgspec.json.decode(answer.body, type=_Created).d
        except msgspec.DecodeError:
            return not_definite(answer)
        number, year = created.accounting_document.strip(), created.fiscal_year.strip()
        if not is_document(number, year):
            return PostAnswer(PostOutcome.UNKNOWN, "SAP answers with success, but without a document number")
        return PostAnswer(PostOutcome.POSTED, f"SAP posted document {number} of {year}", number, year)

    async def test(self, entry: JournalEntry) -> PostAnswer | None:
        """None: such a service has no test run."""
        del entry
        return None

    async def find(self, entry: JournalEntry) -> list[FoundDocument]:
        """Documents with the entry's reference. Raises ConnectorError when it cannot look."""
        return await find_documents(self._client, entry.company_code, entry.reference)


def _item(item: JournalEntryItem, entry: JournalEntry, write: EntryFields) -> dict[str, str]:
    return {
        "GLAccount": write.code("GLAccount", item.gl_account, 10),
        "CostCenter": write.code("CostCenter", item.cost_center, 10, required=False),
        "ProfitCenter": write.code("ProfitCenter", item.profit_center, 10, required=False),
        "DebitCreditCode": item.side.value,
        "AmountInTransactionCurrency": write.amount(item.amount),
        "TransactionCurrency": entry.currency,
        "DocumentItemText": write.text(item.text, 50),
        "AssignmentReference": entry.reference,
    }
