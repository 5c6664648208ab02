"""Purchase orders with their items and account assignments; one record serves the V2 and the V4 service."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING

from tui_connector.sandbox.seed.company import (
    CHART,
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

COUNT = 800
FIRST_NUMBER = 4500000001
_TEXTS = (
    "Spindelmotor 4 kW",
    "Dichtungssatz DN50",
    'Rohr 2" verzinkt',
    "Wartungsvertrag, jährlich",
    "Consulting day",
    "Schrauben M8 & Muttern",
    "Lager 6204-2RS",
    "Notebook 14\u2033",
)


@dataclass(frozen=True, slots=True)
class PurchaseOrders:
    """Records of the orders, their items and the items' account assignments."""

    orders: list[Record]
    items: list[Record]
    assignments: list[Record]


def build_purchase_orders(seed: int, pools: Pools) -> PurchaseOrders:
    """800 orders of one to four items from January 2025 to the end of the data."""
    random = Random(f"orders-{seed}")
    made = PurchaseOrders([], [], [])
    days = (DATA_END - date(2025, 1, 1)).days
    for position in range(COUNT):
        created = date(2025, 1, 1) + timedelta(days=position * days // COUNT)
        changed = min(created + timedelta(days=random.randrange(60)), DATA_END)
        company = "2010" if random.random() < 0.3 else "1010"
        number = str(FIRST_NUMBER + position)
        supplier = pools.suppliers[random.randrange(len(pools.suppliers))]
        made.orders.append(
            {
                "PurchaseOrder": number,
                "CompanyCode": company,
                "PurchaseOrderType": "NB",
                "PurchasingProcessingStatus": "05",
                "CreatedByUser": "CB9980000031",
                "CreationDate": day_stamp(created),
                "LastChangeDateTime": day_stamp(changed) + random.randrange(8 * 3600, 18 * 3600) * 1000,
                "Supplier": supplier,
                "InvoicingParty": supplier,
                "Language": "DE",
                "PaymentTerms": "0001",
                "NetPaymentDays": Decimal(30),
                "PurchasingOrganization": company,
                "PurchasingGroup": f"{1 + position % 6:03d}",
                "PurchaseOrderDate": day_stamp(created),
                "DocumentCurrency": CURRENCIES[company],
                "PurchasingCompletenessStatus": True,
            }
        )
        for line in range(random.randrange(1, 5)):
            _item(random, made, pools, company, number=number, line=line)
    return made


def _item(random: Random, made: PurchaseOrders, pools: Pools, company: str, *, number: str, line: int) -> None:
    quantity = Decimal(random.randrange(1, 200))
    price = (Decimal(random.randrange(150, 60_000)) / 100).quantize(Decimal("0.01"))
    net = (quantity * price).quantize(Decimal("0.01"))
    center = pools.centers[company][random.randrange(len(pools.centers[company]))]
    key: Record = {"PurchaseOrder": number, "PurchaseOrderItem": f"{(line + 1) * 10:05d}"}
    made.items.append(
        key
        | {
            "PurchaseOrderItemText": _TEXTS[random.randrange(len(_TEXTS))],
            "CompanyCode": company,
            "Plant": company,
            "MaterialGroup": f"YBMM{1 + line:02d}",
            "OrderQuantity": quantity,
            "PurchaseOrderQuantityUnit": "PC",
            "OrderPriceUnit": "PC",
            "DocumentCurrency": CURRENCIES[company],
            "NetPriceAmount": price,
            "NetPriceQuantity": Decimal(1),
            "NetAmount": net,
            "GrossAmount": (net * (1000 + TAX_PER_MILLE[company]) / 1000).quantize(Decimal("0.01")),
            "TaxCode": TAX_CODES[company],
            "AccountAssignmentCategory": "K",
            "GoodsReceiptIsExpected": True,
            "InvoiceIsExpected": True,
            "ProfitCenter": center.profit_center,
        }
    )
    made.assignments.append(
        key
        | {
            "AccountAssignmentNumber": "01",
            "GLAccount": pools.expenses[random.randrange(len(pools.expenses))],
            "CostCenter": center.code,
            "ProfitCenter": center.profit_center,
            "ControllingArea": CONTROLLING_AREA,
            "ChartOfAccounts": CHART,
            "CompanyCode": company,
            "Quantity": quantity,
            "DocumentCurrency": CURRENCIES[company],
            "PurgDocNetAmount": net,
        }
    )
