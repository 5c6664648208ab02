"""Supplier invoices with their items and taxes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING

from tui_connector.sandbox.seed.company import (
    CONTROLLING_AREA,
    CURRENCIES,
    DATA_END,
    TAX_CODES,
    TAX_PER_MILLE,
    Record,
    day_stamp,
)

if TYPE_CHECKING:
    from tui_connector.sandbox.seed.document_kinds import Pools

COUNT = 1500
FIRST_NUMBER = 5105600101


@dataclass(frozen=True, slots=True)
class Invoices:
    """Records of the invoices and what hangs below them."""

    invoices: list[Record]
    account_items: list[Record]
    taxes: list[Record]


def build_invoices(seed: int, pools: Pools) -> Invoices:
    """1500 invoices from January 2025 to the end of the data; about one in forty is reversed by the next one."""
    random = Random(f"invoices-{seed}")
    made = Invoices([], [], [])
    days = (DATA_END - date(2025, 1, 1)).days
    for position in range(COUNT):
        posted = date(2025, 1, 1) + timedelta(days=position * days // COUNT)
        reversing = position % 40 == 21
        if reversing:
            _reverse(made.invoices, position, posted)
            continue
        company = "2010" if random.random() < 0.35 else "1010"
        key: Record = {"SupplierInvoice": str(FIRST_NUMBER + position), "FiscalYear": str(posted.year)}
        net = _items(random, made, key, company, pools)
        tax = (net * TAX_PER_MILLE[company] / 1000).quantize(Decimal("0.01"))
        dated = posted - timedelta(days=random.randrange(12))
        made.taxes.append(
            key
            | {
                "TaxCode": TAX_CODES[company],
                "SupplierInvoiceTaxCounter": "000001",
                "DocumentCurrency": CURRENCIES[company],
                "TaxAmount": tax,
                "TaxBaseAmountInTransCrcy": net,
            }
        )
        made.invoices.append(
            key
            | {
                "CompanyCode": company,
                "DocumentDate": day_stamp(dated),
                "PostingDate": day_stamp(posted),
                "CreationDate": day_stamp(posted),
                "SupplierInvoiceIDByInvcgParty": f"R{dated:%y%m}-{random.randrange(100000):05d}/{position}",
                "InvoicingParty": pools.suppliers[random.randrange(len(pools.suppliers))],
                "DocumentCurrency": CURRENCIES[company],
                "InvoiceGrossAmount": net + tax,
                "DocumentHeaderText": ("Lieferung", "Wartung", "Consulting", 'Projekt "Nord"')[position % 4],
                "PaymentTerms": "0001",
                "DueCalculationBaseDate": day_stamp(dated),
                "AccountingDocumentType": "RE",
                "SupplierInvoiceStatus": "5",
                "TaxIsCalculatedAutomatically": True,
                "InvoiceReceiptDate": day_stamp(posted),
                "PaymentBlockingReason": "R" if position % 25 == 3 else "",
            }
        )
    return made


def _items(random: Random, made: Invoices, key: Record, company: str, pools: Pools) -> Decimal:
    net = Decimal("0.00")
    for number in range(random.randrange(1, 4)):
        amount = Decimal(random.randrange(2_000, 900_000)) / 100
        center = pools.centers[company][random.randrange(len(pools.centers[company]))]
        made.account_items.append(
            key
            | {
                "SupplierInvoiceItem": f"{number + 1:04d}",
                "CompanyCode": company,
                "CostCenter": center.code,
                "ControllingArea": CONTROLLING_AREA,
                "ProfitCenter": center.profit_center,
                "GLAccount": pools.expenses[random.randrange(len(pools.expenses))],
                "DocumentCurrency": CURRENCIES[company],
                "SupplierInvoiceItemAmount": amount.quantize(Decimal("0.01")),
                "TaxCode": TAX_CODES[company],
                "DebitCreditCode": "S",
            }
        )
        net += amount
    return net.quantize(Decimal("0.01"))


def _reverse(invoices: list[Record], position: int, posted: date) -> None:
    """The last invoice is reversed: a credit memo with the same amount that points back to it."""
    reversed_one = invoices[-1]
    number, year = str(FIRST_NUMBER + position), str(posted.year)
    reversed_one |= {"IsReversed": True, "ReverseDocument": number, "ReverseDocumentFiscalYear": year}
    invoices.append(
        reversed_one
        | {
            "SupplierInvoice": number,
            "FiscalYear": year,
            "PostingDate": day_stamp(posted),
            "CreationDate": day_stamp(posted),
            "SupplierInvoiceIsCreditMemo": "X",
            "IsReversed": False,
            "IsReversal": True,
            "ReverseDocument": reversed_one["SupplierInvoice"],
            "ReverseDocumentFiscalYear": reversed_one["FiscalYear"],
        }
    )
