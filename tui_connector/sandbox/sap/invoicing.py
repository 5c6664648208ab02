"""Creation of supplier invoices: deep insert, checks of master data, and the duplicate check."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tui_connector.sandbox.sap.created import Created, read_children, read_record
from tui_connector.sandbox.sap.errors import bad_request
from tui_connector.sandbox.sap.purchasing import SUPPLIER_INVOICES
from tui_connector.sandbox.seed.company import CHART, day_stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui_connector.sandbox.sap.edm import Record
    from tui_connector.sandbox.sap.settings import SapSettings
    from tui_connector.sandbox.sap.tables import Table

HEADER = SUPPLIER_INVOICES.entities["A_SupplierInvoice"]
MANDATORY = ("CompanyCode", "DocumentDate", "PostingDate", "InvoicingParty", "DocumentCurrency", "InvoiceGrossAmount")
FIRST_NEW = 5105700001
DUPLICATE = "M8/108"
_UNREAD = frozenset({"to_SupplierInvoiceItmAcctAssgmt"})


def create_invoice(body: Any, tables: Mapping[str, Table], settings: SapSettings, now: datetime) -> Created:
    """Create an invoice; ODataError 400 for what SAP would refuse. Nothing is stored then."""
    header = read_record(HEADER, body)
    children = {
        name: read_children(SUPPLIER_INVOICES.entities[one.target], name, body[name], _UNREAD)
        for name, one in HEADER.navigations.items()
        if name in body
    }
    for name in MANDATORY:
        if name not in header:
            raise bad_request(f"Field {name} is a required field", "F5/808")
    year = str(datetime.fromtimestamp(int(str(header["PostingDate"])) / 1000, UTC).year)
    _check(header, children, tables)
    found = _duplicate(header, year, tables["A_SupplierInvoice"])
    warning = ""
    if found is not None and settings.duplicate_invoice != "none":
        warning = f"Check if invoice already entered under accounting doc. no. {found['SupplierInvoice']} {year}"
        if settings.duplicate_invoice == "error":
            raise bad_request(warning, DUPLICATE)
    numbers = (int(str(row["SupplierInvoice"])) for row in tables["A_SupplierInvoice"].rows)
    key: Record = {"SupplierInvoice": str(max(FIRST_NEW, max(numbers) + 1)), "FiscalYear": year}
    given: Record = {
        "CreationDate": day_stamp(now.date()),
        "SupplierInvoiceStatus": "5",
        "AccountingDocumentType": "RE",
        "SupplierInvoiceOrigin": "A",
    }
    record = tables["A_SupplierInvoice"].put(given | header | key)
    made: dict[str, list[Record]] = {name: [] for name in children}
    for name, rows in children.items():
        entity = SUPPLIER_INVOICES.entities[HEADER.navigations[name].target]
        last = entity.keys[-1]
        size = entity.properties[last].length
        for position, row in enumerate(rows):
            item: Record = {last: f"{position + 1:0{size}d}", "DocumentCurrency": header["DocumentCurrency"]}
            made[name].append(tables[entity.table].put(item | row | key))
    return Created(record, made, warning)


def _check(header: Record, children: Mapping[str, list[Record]], tables: Mapping[str, Table]) -> None:
    company, supplier = header["CompanyCode"], header["InvoicingParty"]
    if tables["A_SupplierCompany"].get((supplier, company)) is None:
        raise bad_request(f"Supplier {supplier} is not defined in company code {company}", "F5/104")
    for row in children.get("to_SupplierInvoiceItemGLAcct", []):
        account = row.get("GLAccount", "")
        if tables["A_GLAccountInChartOfAccounts"].get((CHART, account)) is None:
            raise bad_request(f"G/L account {account} is not in chart of accounts {CHART}", "F5/507")
        for name in ("DebitCreditCode", "SupplierInvoiceItemAmount"):
            if name not in row:
                raise bad_request(f"Field {name} is a required field", "F5/808")


def _duplicate(header: Record, year: str, invoices: Table) -> Record | None:
    reference = header.get("SupplierInvoiceIDByInvcgParty", "")
    if not reference:
        return None
    fields = ("InvoicingParty", "SupplierInvoiceIDByInvcgParty", "CompanyCode", "FiscalYear")
    found = invoices.where(fields, (header["InvoicingParty"], reference, header["CompanyCode"], year))
    return next((row for row in found if not row["IsReversed"] and not row["IsReversal"]), None)
