"""Cost centers and profit centers with their validity slices and texts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from tui_connector.sandbox.seed.company import CONTROLLING_AREA, CURRENCIES, OPEN_END, Record, day_stamp

_LINES = (
    ("Pumps", "Pumpen"),
    ("Valves", "Ventile"),
    ("Seals", "Dichtungen"),
    ("Drives", "Antriebe"),
    ("Service", "Wartung"),
    ("Parts", "Ersatzteile"),
    ("Filters", "Filter"),
    ("Sensors", "Fühler"),
)
_REGIONS = (
    ("North", "Nord"),
    ("South", "Süd"),
    ("East", "Ost"),
    ("West", "West"),
    ("Alps", "Alpen"),
    ("Export", "Export"),
    ("Online", "Online"),
    ("Projects", "Projekte"),
)
_SITES = (
    ("1010", "Köln", "DE"),
    ("1010", "München", "DE"),
    ("1010", "Berlin", "DE"),
    ("1010", "Lübeck", "DE"),
    ("1010", "Hof", "DE"),
    ("1010", "Ulm", "DE"),
    ("2010", "Zürich", "CH"),
    ("2010", "Genève", "CH"),
    ("2010", "Bern", "CH"),
    ("2010", "Chur", "CH"),
)
# English, German, category, functional area
_FUNCTIONS = (
    ("Purchasing", "Einkauf", "W", "YB35"),
    ("Sales", "Vertrieb", "V", "YB20"),
    ("Marketing", "Marketing", "V", "YB20"),
    ("Assembly", "Montage", "F", "YB10"),
    ("Turning", "Dreherei", "F", "YB10"),
    ("Milling", "Fräserei", "F", "YB10"),
    ("Foundry", "Gießerei", "F", "YB10"),
    ("Paint shop", "Lackiererei", "F", "YB10"),
    ("Tool shop", "Werkzeugbau", "H", "YB10"),
    ("Warehouse", "Lager", "L", "YB25"),
    ("Shipping", "Versand", "L", "YB25"),
    ("Quality", "Qualität", "F", "YB10"),
    ('Lab "Delta"', 'Labor "Delta"', "E", "YB50"),
    ("R&D, pumps", "F&E, Pumpen", "E", "YB50"),
    ("O'Neill desk", "O'Neill Büro", "V", "YB20"),
    ("IT", "IT", "W", "YB40"),
    ("Controlling", "Controlling", "W", "YB40"),
    ("Accounting", "Buchhaltung", "W", "YB40"),
    ("Personnel", "Personal", "W", "YB40"),
    ("Legal", "Recht", "W", "YB40"),
    ("Facilities", "Gebäude", "H", "YB40"),
    ("Canteen", "Kantine", "H", "YB40"),
    ("Vehicles", "Fuhrpark", "H", "YB25"),
    ("Training", "Ausbildung", "W", "YB40"),
    ("Management", "Leitung", "W", "YB40"),
)
_PEOPLE = (
    "Aline Müller",
    "Björn Groß",
    "Çelik Aydın",
    "Dörte O'Brien",
    "Émile Favre",
    "Franz Weiß",
    "Greta Lindqvist",
    "Henrik Sørensen",
    "Ines Peña",
    "Jürg Bärtschi",
)


@dataclass(frozen=True, slots=True)
class CostCenter:
    """What the ledger needs of a cost center that is open for the whole time of the books."""

    code: str
    profit_center: str
    segment: str
    functional_area: str


@dataclass(frozen=True, slots=True)
class Centers:
    """Records of both kinds of center, and the postable cost centers by company code."""

    cost_centers: list[Record]
    cost_center_texts: list[Record]
    profit_centers: list[Record]
    profit_center_texts: list[Record]
    assignments: list[Record]
    postable: dict[str, tuple[CostCenter, ...]]


def build_centers(seed: int) -> Centers:
    """250 cost centers in one to three slices each, 64 profit centers."""
    random = Random(f"centers-{seed}")
    profit_centers, profit_texts = _profit_centers(random)
    assignments: list[Record] = [
        {"ControllingArea": CONTROLLING_AREA, "ProfitCenter": record["ProfitCenter"], "CompanyCode": company}
        for record in profit_centers
        for company in CURRENCIES
    ]
    segments = {str(record["ProfitCenter"]): str(record["Segment"]) for record in profit_centers}
    codes = sorted(segments)
    cost_centers: list[Record] = []
    texts: list[Record] = []
    postable: dict[str, list[CostCenter]] = {company: [] for company in CURRENCIES}
    for position in range(len(_SITES) * len(_FUNCTIONS)):
        company, site, country = _SITES[position % len(_SITES)]
        name_en, name_de, category, area = _FUNCTIONS[position // len(_SITES)]
        code = f"{company}{1101 + position}" if position % 3 else f"{4100 + position:010d}"
        profit_center = codes[random.randrange(len(codes))]
        slices = _slices(position)
        if slices[-1][1] == OPEN_END:
            postable[company].append(CostCenter(code, profit_center, segments[profit_center], area))
        for number, (start, end) in enumerate(slices):
            older = number < len(slices) - 1
            person = _PEOPLE[random.randrange(len(_PEOPLE))]
            cost_centers.append(
                {
                    "ControllingArea": CONTROLLING_AREA,
                    "CostCenter": code,
                    "ValidityEndDate": day_stamp(end),
                    "ValidityStartDate": day_stamp(start),
                    "CompanyCode": company,
                    "CostCtrResponsiblePersonName": person,
                    "CostCenterCurrency": CURRENCIES[company],
                    "ProfitCenter": profit_center,
                    "FunctionalArea": area,
                    "Department": name_en[:12],
                    "Country": country,
                    "CityName": site,
                    "CostCenterStandardHierArea": f"H{category}{company}",
                    "CostCenterCategory": category,
                    "IsBlockedForRevenuePosting": "" if category == "V" else "X",
                    "IsBlkdForPrimaryCostsPosting": "X" if end < OPEN_END and not older else "",
                    "Language": "DE" if country == "DE" else "EN",
                    "CostCenterCreatedByUser": "CB9980000011",
                    "CostCenterCreationDate": day_stamp(start - timedelta(days=random.randrange(1, 40))),
                }
            )
            for language, name in (("DE", name_de), ("EN", name_en)):
                texts.append(
                    {
                        "CostCenter": code,
                        "ControllingArea": CONTROLLING_AREA,
                        "Language": language,
                        "ValidityEndDate": day_stamp(end),
                        "ValidityStartDate": day_stamp(start),
                        "CostCenterName": f"{name} {site}"[:20],
                        "CostCenterDescription": f"{name} {site}" + (" (alt)" if older else f", {company}"),
                    }
                )
    return Centers(
        cost_centers,
        texts,
        profit_centers,
        profit_texts,
        assignments,
        {company: tuple(centers) for company, centers in postable.items()},
    )


def _slices(position: int) -> list[tuple[date, date]]:
    first = date(2012, 1, 1)
    if position % 29 == 7:
        return [(first, date(2024, 12, 31))]
    if position % 31 == 11:
        return [(first, date(2026, 6, 30))]
    if position % 23 == 5:
        return [
            (first, date(2022, 12, 31)),
            (date(2023, 1, 1), date(2025, 6, 30)),
            (date(2025, 7, 1), OPEN_END),
        ]
    if position % 11 == 3:
        return [(date(2018, 1, 1), date(2025, 12, 31)), (date(2026, 1, 1), OPEN_END)]
    return [(first, OPEN_END)]


def _profit_centers(random: Random) -> tuple[list[Record], list[Record]]:
    records: list[Record] = []
    texts: list[Record] = []
    for position in range(len(_LINES) * len(_REGIONS)):
        line_en, line_de = _LINES[position % len(_LINES)]
        region_en, region_de = _REGIONS[position // len(_LINES)]
        code = f"YB{100 + position * 10}" if position % 5 else f"{1000 + position:010d}"
        start, end = date(2012, 1, 1), OPEN_END
        company = "2010" if region_en == "Alps" else "1010"
        records.append(
            {
                "ControllingArea": CONTROLLING_AREA,
                "ProfitCenter": code,
                "ValidityEndDate": day_stamp(end),
                "ValidityStartDate": day_stamp(start),
                "CompanyCode": company,
                "ProfitCtrResponsiblePersonName": _PEOPLE[random.randrange(len(_PEOPLE))],
                "Department": line_en,
                "ProfitCenterStandardHierarchy": "YBH100",
                "Segment": ("1000_A", "1000_B", "1000_C")[position % 3],
                "CityName": "Köln",
                "Country": "DE",
                "Language": "DE",
                "ProfitCenterCreatedByUser": "CB9980000011",
                "ProfitCenterCreationDate": day_stamp(date(2011, 11, 1 + position % 28)),
            }
        )
        for language, name in (("DE", f"{line_de} {region_de}"), ("EN", f"{line_en} {region_en}")):
            texts.append(
                {
                    "Language": language,
                    "ControllingArea": CONTROLLING_AREA,
                    "ProfitCenter": code,
                    "ValidityEndDate": day_stamp(end),
                    "ValidityStartDate": day_stamp(start),
                    "ProfitCenterName": name,
                    "ProfitCenterLongName": f"{name}, {company}",
                }
            )
    return records, texts
