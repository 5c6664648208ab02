"""What SAP tells of the company codes, accounts and centers that a proposal names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from tui_connector.domain.flow import Dialect, ODataSource
from tui_connector.domain.ledger import AccountFacts, CenterSlice, CompanyFacts, MasterFacts, same_number
from tui_connector.sap.filters import all_of, compare, key_blocks, spellings
from tui_connector.sap.reader import ODataReader, SourceField

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from tui_connector.sap.client import SapClient

COMPANIES = ODataSource("API_COMPANYCODE_SRV", "A_CompanyCode", key=("CompanyCode",))
ACCOUNTS = ODataSource(
    "API_GLACCOUNTINCHARTOFACCOUNTS_SRV", "A_GLAccountInChartOfAccounts", key=("ChartOfAccounts", "GLAccount")
)
COST_CENTERS = ODataSource(
    "API_COSTCENTER_SRV", "A_CostCenter", key=("ControllingArea", "CostCenter", "ValidityEndDate")
)
PROFIT_CENTERS = ODataSource(
    "API_PROFITCENTER_SRV", "A_ProfitCenter", key=("ControllingArea", "ProfitCenter", "ValidityEndDate")
)
_FEW = 8  # requests by key; beyond that a whole chart or controlling area takes fewer
_LONGEST = 10  # characters of an account or center


@dataclass(frozen=True, slots=True)
class WantedMasters:
    """What to ask for; the pairs are (company code, number)."""

    company_codes: AbstractSet[str] = frozenset()
    accounts: AbstractSet[tuple[str, str]] = frozenset()
    cost_centers: AbstractSet[tuple[str, str]] = frozenset()
    profit_centers: AbstractSet[tuple[str, str]] = frozenset()


async def read_masters(client: SapClient, wanted: WantedMasters) -> MasterFacts:
    """The wanted masters as SAP holds them now, cost and profit centers with every span of validity.

    A cost center is blocked when it takes no primary costs. A profit center's own company code says nothing about where
    it may be used (assignments do), so it is left out.

    Raises:
        ConnectorError: as `ODataReader.find`.
    """
    reader = ODataReader(client)
    pairs = wanted.accounts | wanted.cost_centers | wanted.profit_centers
    companies = await _companies(reader, wanted.company_codes | {company for company, _ in pairs})
    charts = {code: facts.chart_of_accounts for code, facts in companies.items()}
    areas = {code: facts.controlling_area for code, facts in companies.items()}
    return MasterFacts(
        companies,
        await _accounts(reader, by_home(wanted.accounts, charts)),
        await _centers(
            reader, COST_CENTERS, "CostCenter", "IsBlkdForPrimaryCostsPosting", by_home(wanted.cost_centers, areas)
        ),
        await _centers(
            reader, PROFIT_CENTERS, "ProfitCenter", "ProfitCenterIsBlocked", by_home(wanted.profit_centers, areas)
        ),
    )


async def _companies(reader: ODataReader, codes: Iterable[str]) -> dict[str, CompanyFacts]:
    names = ("CompanyCode", "Currency", "ChartOfAccounts", "ControllingArea", "FiscalYearVariant")
    fields = [SourceField(name, str) for name in names]
    keys = [(code,) for code in sorted(codes) if _is_possible(code)]
    found: dict[str, CompanyFacts] = {}
    for block in key_blocks(("CompanyCode",), keys, Dialect.V2):
        for row in await reader.find(COMPANIES, fields, block):
            found[row[0]] = CompanyFacts(*row)
    return found


async def _accounts(reader: ODataReader, wanted: dict[str, set[str]]) -> dict[tuple[str, str], AccountFacts]:
    fields = [
        SourceField("GLAccount", str),
        SourceField("AccountIsBlockedForPosting", bool),
        SourceField("AccountIsMarkedForDeletion", bool),
    ]
    found: dict[tuple[str, str], AccountFacts] = {}
    for chart, numbers in wanted.items():
        for number, blocked, deleted in await named(reader, ACCOUNTS, fields, chart, numbers):
            key = same_number(number)
            if key in numbers:
                found[chart, key] = AccountFacts(number, blocked == "true", deleted == "true")
    return found


async def _centers(
    reader: ODataReader, source: ODataSource, number_field: str, block_field: str, wanted: dict[str, set[str]]
) -> dict[tuple[str, str], tuple[CenterSlice, ...]]:
    fields = [
        SourceField(number_field, str),
        SourceField("ValidityStartDate", date),
        SourceField("ValidityEndDate", date),
        SourceField("CompanyCode", str),
        SourceField(block_field, bool),
    ]
    found: dict[tuple[str, str], tuple[CenterSlice, ...]] = {}
    for area, numbers in wanted.items():
        for number, start, end, company_code, blocked in await named(reader, source, fields, area, numbers):
            key = same_number(number)
            if key in numbers:
                span = CenterSlice(
                    date.fromisoformat(start) if start else date.min,
                    date.fromisoformat(end) if end else date.max,
                    company_code if source is COST_CENTERS else "",
                    blocked == "true",
                )
                found[area, key] = (*found.get((area, key), ()), span)
    return found


async def named(
    reader: ODataReader, source: ODataSource, fields: list[SourceField], home: str, numbers: set[str]
) -> list[tuple[str, ...]]:
    """Rows of a chart or controlling area that bear one of the numbers; of a large wish, all of its rows."""
    home_field, number_field = source.key[:2]
    fixed = compare(home_field, "eq", home, Dialect.V2)
    keys = [(spelling,) for number in sorted(numbers) for spelling in spellings(number)]
    blocks = key_blocks((number_field,), keys, Dialect.V2)
    if len(blocks) > _FEW:
        blocks = [""]
    return [row for block in blocks for row in await reader.find(source, fields, all_of([fixed, block]))]


def by_home(pairs: Iterable[tuple[str, str]], homes: dict[str, str]) -> dict[str, set[str]]:
    """Numbers as they are compared, by the chart or controlling area of their company code; strange ones left out."""
    found: dict[str, set[str]] = {}
    for company_code, number in pairs:
        if (home := homes.get(company_code)) and _is_possible(number):
            found.setdefault(home, set()).add(same_number(number))
    return {home: found[home] for home in sorted(found)}


def _is_possible(number: str) -> bool:
    """Whether SAP could have such a number at all; asking for another could be an error."""
    return number.isprintable() and 0 < len(same_number(number)) <= _LONGEST
