"""General ledger accounts of the chart YCOA with their English and German texts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from random import Random

from tui_connector.sandbox.seed.company import CHART, Record, day_stamp, moment_stamp

# first number, account type (X balance sheet, C cash, P primary cost, N non-operating, S secondary), group, texts
_BASES: tuple[tuple[int, str, str, str, str, str, str], ...] = (
    (11000000, "C", "YB09", "Petty cash", "Kasse", "Petty cash on hand", "Kassenbestand"),
    (11100000, "C", "YB09", "Bank", "Bank", "Bank current accounts", "Bank Kontokorrent"),
    (12100000, "X", "YB02", "Receivables", "Forderungen", "Trade receivables", "Forderungen aus Lieferungen"),
    (12400000, "X", "YB02", "Advances pd", "Anzahlungen", "Advance payments made", "Geleistete Anzahlungen"),
    (12600000, "X", "YB02", "Input tax", "Vorsteuer", "Input tax", "Abziehbare Vorsteuer"),
    (13100000, "X", "YB03", "Raw mat.", "Rohstoffe", "Inventory raw materials", "Vorräte Rohstoffe"),
    (13300000, "X", "YB03", "Goods", "Handelsware", "Inventory trading goods", "Vorräte Handelsware"),
    (13600000, "X", "YB03", "Semi-fin.", "Halbfabrikat", "Inventory semi-finished", "Vorräte Halbfabrikate"),
    (15100000, "X", "YB05", "Land", "Grundstücke", "Land and land rights", "Grundstücke und Rechte"),
    (15300000, "X", "YB05", "Buildings", "Gebäude", "Buildings", "Betriebs- und Bürogebäude"),
    (16000000, "X", "YB05", "Machinery", "Maschinen", "Machinery and equipment", "Maschinen und Anlagen"),
    (16200000, "X", "YB05", "Vehicles", "Fahrzeuge", "Vehicles", "Fuhrpark"),
    (16400000, "X", "YB05", "IT equipm.", "IT-Ausstatt.", "IT equipment", "IT-Ausstattung"),
    (16900000, "X", "YB05", "Acc. depr.", "Kum. AfA", "Accumulated depreciation", "Kumulierte Abschreibungen"),
    (18000000, "X", "YB06", "Prepaid exp.", "ARAP", "Prepaid expenses", "Aktive Rechnungsabgrenzung"),
    (21100000, "X", "YB07", "Payables", "Verbindl.", "Trade payables", "Verbindlichkeiten Lieferanten"),
    (21500000, "X", "YB07", "Accruals", "Rückstell.", "Accrued liabilities", "Kurzfristige Rückstellungen"),
    (22000000, "X", "YB07", "Output tax", "Umsatzsteuer", "Output tax", "Umsatzsteuer"),
    (23000000, "X", "YB07", "Payroll liab", "Lohnverbindl", "Payroll liabilities", "Verbindlichkeiten Lohn"),
    (24000000, "X", "YB08", "Loans", "Darlehen", "Bank loans", "Bankdarlehen"),
    (26000000, "X", "YB08", "Provisions", "Sonst. Rück.", "Long-term provisions", "Langfristige Rückstellungen"),
    (30000000, "X", "YB10", "Equity", "Eigenkapital", "Share capital and reserves", "Grundkapital und Rücklagen"),
    (41000000, "P", "YBRE", "Product rev.", "Umsatz Prod.", "Revenue from products", "Umsatzerlöse Produkte"),
    (41500000, "P", "YBRE", "Service rev.", "Umsatz DL", "Revenue from services", "Umsatzerlöse Dienstleistung"),
    (42000000, "P", "YBRE", "Rebates", "Rabatte", "Rebates granted", "Gewährte Rabatte"),
    (44000000, "P", "YBRE", "Other income", "Sonst. Ertr.", "Other operating income", "Sonstige betriebliche Erträge"),
    (51000000, "P", "YBCO", "Mat. usage", "Materialaufw", "Material consumption", "Materialaufwand"),
    (52000000, "P", "YBCO", "Freight in", "Bezugskosten", "Inbound freight", "Bezugskosten und Fracht"),
    (54000000, "P", "YBCO", "Price diff.", "Preisdiff.", "Price differences", "Preisdifferenzen"),
    (61000000, "P", "YBEX", "Rent", "Miete", "Rent for premises", "Raummiete"),
    (61100000, "P", "YBEX", "Energy", "Energie", "Electricity, gas and heat", "Strom, Gas und Wärme"),
    (61200000, "P", "YBEX", "Cleaning", "Reinigung", "Cleaning and waste", "Reinigung und Entsorgung"),
    (61300000, "P", "YBEX", "Repairs", "Reparaturen", "Repairs and maintenance", "Reparatur und Instandhaltung"),
    (62000000, "P", "YBPE", "Wages", "Löhne", "Wages", "Löhne"),
    (62100000, "P", "YBPE", "Salaries", "Gehälter", "Salaries", "Gehälter"),
    (62200000, "P", "YBPE", "Social sec.", "Sozialabg.", "Social security", "Sozialabgaben Arbeitgeber"),
    (62300000, "P", "YBPE", "Bonus", "Prämien", "Bonus payments", "Prämien und Boni"),
    (63000000, "P", "YBEX", "Travel", "Reisekosten", "Travel expenses", "Reisekosten"),
    (63100000, "P", "YBEX", "Training", "Weiterbild.", "Training and seminars", "Weiterbildung und Seminare"),
    (64000000, "P", "YBEX", "Advertising", "Werbung", "Advertising", "Werbung und Anzeigen"),
    (64200000, "P", "YBEX", "Trade fairs", "Messen", "Trade fairs", "Messen und Ausstellungen"),
    (65000000, "P", "YBEX", "IT services", "IT-Leistung", "IT services", "IT-Dienstleistungen"),
    (65100000, "P", "YBEX", "Licences", "Lizenzen", "Software licences", "Softwarelizenzen"),
    (65200000, "P", "YBEX", "Telecom", "Telefon", "Telephone and data lines", "Telefon und Datenleitungen"),
    (66000000, "P", "YBEX", "Consulting", "Beratung", "Consulting fees", "Beratungshonorare"),
    (66100000, "P", "YBEX", "Legal", "Rechtskosten", "Legal fees", "Rechts- und Prozesskosten"),
    (66200000, "P", "YBEX", "Audit", "Prüfung", "Audit fees", "Prüfungs- und Abschlusskosten"),
    (67000000, "P", "YBEX", "Insurance", "Versicherung", "Insurance premiums", "Versicherungsprämien"),
    (67500000, "P", "YBEX", "Bank fees", "Bankgebühren", "Bank fees", "Bankgebühren"),
    (68000000, "P", "YBEX", "Depreciation", "Abschreibung", "Depreciation of assets", "Abschreibungen auf Anlagen"),
    (71000000, "N", "YBNO", "Interest exp", "Zinsaufwand", "Interest expense", "Zinsaufwand"),
    (72000000, "N", "YBNO", "FX losses", "Kursverluste", "Exchange rate losses", "Kursverluste"),
    (73000000, "N", "YBNO", "FX gains", "Kursgewinne", "Exchange rate gains", "Kursgewinne"),
    (81000000, "N", "YBNO", "Income tax", "Ertragsteuer", "Income tax", "Ertragsteuern"),
    (94000000, "S", "YBSC", "Allocation", "Umlage", "Cost allocation", "Umlage Gemeinkosten"),
)
_VARIANTS: tuple[tuple[str, str, str, str], ...] = (
    ("", "", "", ""),
    ("EU", "EU", ", European Union", ", Europäische Union"),
    ("non-EU", "Drittl.", ", other countries", ", Drittländer"),
    ("IC", "verb.", ", affiliated companies", ", verbundene Untern."),
    ("Adj.", "Korr.", ", adjustment", ", Korrektur"),
    ("Accr.", "Abgr.", ", period accrual", ", Abgrenzung"),
    ("Reval.", "Bew.", ", revaluation", ", Bewertung"),
    ("Man.", "man.", ', "manual" entries', ', "manuelle" Buchung'),
    ("Clear.", "Verr.", ", clearing", ", Verrechnung"),
)


@dataclass(frozen=True, slots=True)
class Accounts:
    """The chart: records of the accounts and of their texts, and the numbers by use."""

    records: list[Record]
    texts: list[Record]
    expenses: tuple[str, ...]
    revenues: tuple[str, ...]
    types: dict[str, str]


def build_accounts(seed: int) -> Accounts:
    """495 accounts; a few blocked, some never changed (their change stamp is empty)."""
    random = Random(f"accounts-{seed}")
    records: list[Record] = []
    texts: list[Record] = []
    for first, kind, group, short_en, short_de, long_en, long_de in _BASES:
        for step, (variant_en, variant_de, tail_en, tail_de) in enumerate(_VARIANTS):
            number = str(first + step * 1000)
            created = date(2018 + random.randrange(6), random.randrange(1, 13), random.randrange(1, 28))
            blocked = random.random() < 0.03
            changed = _changed(random)
            records.append(
                {
                    "ChartOfAccounts": CHART,
                    "GLAccount": number,
                    "IsBalanceSheetAccount": kind in {"X", "C"},
                    "IsProfitLossAccount": kind not in {"X", "C"},
                    "GLAccountGroup": group,
                    "ProfitLossAccountType": "" if kind in {"X", "C"} else "X",
                    "AccountIsBlockedForPosting": blocked,
                    "AccountIsMarkedForDeletion": random.random() < 0.01,
                    "CreationDate": day_stamp(created),
                    "CreatedByUser": "CB9980000010",
                    "LastChangeDateTime": changed,
                    "GLAccountType": kind,
                    "GLAccountExternal": number,
                }
            )
            for language, short, variant, long, tail in (
                ("DE", short_de, variant_de, long_de, tail_de),
                ("EN", short_en, variant_en, long_en, tail_en),
            ):
                texts.append(
                    {
                        "ChartOfAccounts": CHART,
                        "GLAccount": number,
                        "Language": language,
                        "GLAccountName": f"{short} {variant}".strip(),
                        "GLAccountLongName": f"{long}{tail}",
                        "LastChangeDateTime": changed,
                    }
                )
    numbers = [str(record["GLAccount"]) for record in records if not record["AccountIsBlockedForPosting"]]
    return Accounts(
        records=records,
        texts=texts,
        expenses=tuple(number for number in numbers if number[0] in "56" and not number.startswith("68")),
        revenues=tuple(number for number in numbers if number.startswith("41")),
        types={str(record["GLAccount"]): str(record["GLAccountType"]) for record in records},
    )


def _changed(random: Random) -> int | None:
    if random.random() < 0.3:
        return None
    day = datetime(2024, 1, 1, tzinfo=UTC).timestamp() + random.randrange(1000) * 86400 + random.randrange(86400)
    return moment_stamp(datetime.fromtimestamp(day, UTC))
