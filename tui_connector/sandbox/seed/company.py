"""The demo company: areas, company codes, currencies, and the days its books cover."""

from __future__ import annotations

from datetime import UTC, date, datetime

CONTROLLING_AREA = "A000"
CHART = "YCOA"
LEDGERS = ("0L", "2L")
FISCAL_YEAR_VARIANT = "K4"
GLOBAL_CURRENCY = "EUR"
LANGUAGES = ("DE", "EN")
CURRENCIES = {"1010": "EUR", "2010": "CHF"}
TAX_PER_MILLE = {"1010": 190, "2010": 81}
TAX_CODES = {"1010": "V1", "2010": "V8"}
DATA_END = date(2026, 10, 31)
OPEN_END = date(9999, 12, 31)
DAY = 86_400_000

Value = str | bool | int | None
Record = dict[str, object]

_EPOCH = date(1970, 1, 1).toordinal()


def day_stamp(day: date) -> int:
    """Midnight UTC of the day in milliseconds since 1970 (the form all dates of the seed have)."""
    return (day.toordinal() - _EPOCH) * DAY


def moment_stamp(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware moment."""
    return int(moment.astimezone(UTC).timestamp() * 1000)


def company_codes() -> list[Record]:
    """Records of A_CompanyCode."""
    common: Record = {
        "ChartOfAccounts": CHART,
        "ControllingArea": CONTROLLING_AREA,
        "FiscalYearVariant": FISCAL_YEAR_VARIANT,
        "Language": "EN",
        "TaxRptgDateIsActive": True,
    }
    return [
        common
        | {
            "CompanyCode": "1010",
            "CompanyCodeName": "Nordwerk Pumpen GmbH",
            "CityName": "Köln",
            "Country": "DE",
            "Currency": "EUR",
            "Company": "1010",
            "CountryChartOfAccounts": "YIKR",
            "FieldStatusVariant": "0010",
            "VATRegistration": "DE123456789",
        },
        common
        | {
            "CompanyCode": "2010",
            "CompanyCodeName": "Nordwerk Pompes SA",
            "CityName": "Genève",
            "Country": "CH",
            "Currency": "CHF",
            "Company": "2010",
            "CountryChartOfAccounts": "YKCH",
            "FieldStatusVariant": "0010",
            "VATRegistration": "CHE123456788",
        },
    ]
