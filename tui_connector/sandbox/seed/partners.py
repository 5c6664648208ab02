"""Business partners, suppliers and customers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from uuid import UUID

from tui_connector.sandbox.seed.company import CURRENCIES, Record, day_stamp

SUPPLIERS = 600
CUSTOMERS = 300
BOTH = 20  # partners that sell and buy

_FIRST = (
    "Müller", "Schäfer", "Weiß", "Brügger", "O'Neill", "Sørensen", "Lefèvre", "Peña", "Nowak", "Østergård",
    "Bächler", "Krüger", "Rossi", "D'Angelo", "Van der Berg", "Åkesson", "Zürcher", "Öztürk", "Grünwald", "Köhler",
)  # fmt: skip
_TRADE = (
    "Metallbau", "Logistik", "Werkzeuge", "Elektronik", "Guss", "Beratung", "Druckerei", "Verpackung", "Lacke",
    "Reinigung", "Software", "Energie", "Stahlhandel", "Dichtungen", "Spedition",
)  # fmt: skip
_FORM = ("GmbH", "AG", "SA", "GmbH & Co. KG", "KG", "Ltd.", "Sàrl", "e.K.")


@dataclass(frozen=True, slots=True)
class Partners:
    """Records of the partner entities."""

    partners: list[Record]
    suppliers: list[Record]
    supplier_companies: list[Record]
    customers: list[Record]
    customer_companies: list[Record]

    @property
    def supplier_codes(self) -> tuple[str, ...]:
        """Numbers of all suppliers."""
        return tuple(str(record["Supplier"]) for record in self.suppliers)

    @property
    def customer_codes(self) -> tuple[str, ...]:
        """Numbers of all customers."""
        return tuple(str(record["Customer"]) for record in self.customers)


def build_partners(seed: int) -> Partners:
    """600 suppliers and 300 customers in 880 partners; names carry umlauts, quotes, commas and ampersands."""
    random = Random(f"partners-{seed}")
    made = Partners([], [], [], [], [])
    for position in range(SUPPLIERS + CUSTOMERS - BOTH):
        sells = position < SUPPLIERS
        buys = position >= SUPPLIERS - BOTH
        name = _name(random, position)
        created = date(2016, 1, 1) + timedelta(days=random.randrange(3400))
        supplier = (f"{17300001 + position}" if position % 40 else f"{100042 + position:010d}") if sells else ""
        customer = f"{17100001 + position - (SUPPLIERS - BOTH)}" if buys else ""
        blocked = random.random() < 0.03
        made.partners.append(_partner(random, position, name, created, supplier=supplier, customer=customer))
        if sells:
            made.suppliers.append(_supplier(position, name, created, supplier, customer, blocked=blocked))
            made.supplier_companies.extend(_supplier_companies(position, supplier))
        if buys:
            made.customers.append(_customer(name, created, customer, supplier, blocked=blocked))
            made.customer_companies.extend(
                {
                    "Customer": customer,
                    "CompanyCode": company,
                    "PaymentTerms": "0001",
                    "ReconciliationAccount": "12100000",
                    "CustomerAccountGroup": "CUST",
                }
                for company in CURRENCIES
            )
    return made


def _name(random: Random, position: int) -> str:
    first, trade, form = (pool[random.randrange(len(pool))] for pool in (_FIRST, _TRADE, _FORM))
    if position % 37 == 5:
        return f'{first} "{trade}" {form}'
    if position % 41 == 8:
        return f"{first}, Söhne & {trade} {form}"
    if position % 43 == 9:
        return f"{first}\u2019s {trade}; {form}"
    return f"{first} {trade} {form}"


def _partner(random: Random, position: int, name: str, created: date, *, supplier: str, customer: str) -> Record:
    changed = random.random() < 0.55
    day = min(created + timedelta(days=30 + random.randrange(1500)), date(2026, 10, 31 - position % 9))
    return {
        "BusinessPartner": f"{10100001 + position}",
        "Customer": customer,
        "Supplier": supplier,
        "BusinessPartnerCategory": "2",
        "BusinessPartnerFullName": name,
        "BusinessPartnerGrouping": "BP02",
        "BusinessPartnerName": name,
        "BusinessPartnerUUID": str(UUID(int=random.getrandbits(128), version=4)),
        "CreatedByUser": "CB9980000012",
        "CreationDate": day_stamp(created),
        "CreationTime": f"PT{8 + position % 10:02d}H{position % 60:02d}M00S",
        "LastChangeDate": day_stamp(day) if changed else None,
        "LastChangeTime": f"PT{7 + position % 11:02d}H{(position * 7) % 60:02d}M30S" if changed else None,
        "LastChangedByUser": "CB9980000012" if changed else "",
        "OrganizationBPName1": name[:40],
        "SearchTerm1": name[:20].upper(),
        "Language": "DE",
        "CorrespondenceLanguage": "DE",
        "ETag": f"{day_stamp(day)}{position:06d}",
    }


def _supplier(position: int, name: str, created: date, supplier: str, customer: str, *, blocked: bool) -> Record:
    return {
        "Supplier": supplier,
        "SupplierName": name,
        "SupplierFullName": name,
        "SupplierAccountGroup": "SUPL" if position % 9 else "SUPI",
        "Customer": customer,
        "CreatedByUser": "CB9980000012",
        "CreationDate": day_stamp(created),
        "PostingIsBlocked": blocked,
        "PurchasingIsBlocked": blocked,
        "VATRegistration": f"DE{100000000 + position * 7919 % 899999999}",
    }


def _supplier_companies(position: int, supplier: str) -> list[Record]:
    return [
        {
            "Supplier": supplier,
            "CompanyCode": company,
            "CompanyCodeName": "Nordwerk Pumpen GmbH" if company == "1010" else "Nordwerk Pompes SA",
            "PaymentTerms": ("0001", "0002", "0004")[position % 3],
            "PaymentMethodsList": "T",
            "ReconciliationAccount": "21100000",
            "Currency": currency,
            "IsToBeCheckedForDuplicates": True,
            "SupplierAccountGroup": "SUPL" if position % 9 else "SUPI",
        }
        for company, currency in CURRENCIES.items()
    ]


def _customer(name: str, created: date, customer: str, supplier: str, *, blocked: bool) -> Record:
    return {
        "Customer": customer,
        "CustomerName": name,
        "CustomerFullName": name,
        "CustomerAccountGroup": "CUST",
        "Supplier": supplier,
        "CreatedByUser": "CB9980000012",
        "CreationDate": day_stamp(created),
        "PostingIsBlocked": blocked,
        "OrderIsBlockedForCustomer": "01" if blocked else "",
    }
