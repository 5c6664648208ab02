"""Financial plan data: the entities of both services, and the write that replaces what lies in its scope.

No metadata of these services is at hand. Fields of the items that are not in SAP's description carry the names they
have in the journal; the generated ID is the sandbox's own.
"""

from __future__ import annotations

import re
from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tui_connector.sandbox.sap.created import Created, read_children, read_record
from tui_connector.sandbox.sap.edm import entity, link, service
from tui_connector.sandbox.sap.errors import bad_request
from tui_connector.sandbox.seed.company import CHART, CONTROLLING_AREA, CURRENCIES, GLOBAL_CURRENCY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tui_connector.sandbox.sap.edm import Record
    from tui_connector.sandbox.sap.tables import Table

_ITEM = """
*ID:S!foc Ledger:S2u PlanningCategory:S10u LedgerFiscalYear:S4n CompanyCode:S4u ControllingArea:S4u ChartOfAccounts:S4u
GLAccount:S10u CostCenter:S10u ProfitCenter:S10u Segment:S10u FunctionalArea:S16u FiscalPeriod:S3n FiscalYearPeriod:S8u
TransactionCurrency:S5u AmountInTransactionCurrency:N24.3m CompanyCodeCurrency:S5u AmountInCompanyCodeCurrency:N24.3m
GlobalCurrency:S5u AmountInGlobalCurrency:N24.3m
"""
_DATA = "*ID:S!foc PlanDataAggrgnLvlFieldsString:S PlanDataRplcScopeFieldsString:S"
_TABLE = "A_FinPlanningEntryItem"
_LINES = "to_FinPlanningEntryItemTP"
_PERIOD = re.compile(r"(0(?:0[1-9]|1[0-6]))\.(\d{4})")

PLAN_ITEMS = service("API_FINPLANNINGENTRYITEM_SRV", entity(_TABLE, _ITEM))
PLAN_DATA = service(
    "API_FINPLANNINGDATA_SRV",
    # without fields to join: the head of a write is kept nowhere
    entity("FinancialPlanData", _DATA, link(_LINES, "FinPlanningEntryItemTP"), creatable=True),
    entity("FinPlanningEntryItemTP", _ITEM, table=_TABLE),
)
DATA = PLAN_DATA.entities["FinancialPlanData"]
LINE = PLAN_DATA.entities["FinPlanningEntryItemTP"]
MEASURES = tuple(one.name for one in LINE.properties.values() if one.measure)
# what a line may say without being part of the aggregation level
BESIDE = {*MEASURES, "TransactionCurrency", "CompanyCodeCurrency", "GlobalCurrency", "FiscalPeriod", "LedgerFiscalYear"}


def create_plan_data(body: Any, tables: Mapping[str, Table]) -> Created:
    """Replace plan data; ODataError 400, and nothing changed, for what cannot be."""
    head = read_record(DATA, body)
    lines = read_children(LINE, _LINES, body.get(_LINES, []))
    level = _read_fields(head, "PlanDataAggrgnLvlFieldsString")
    scope = _read_fields(head, "PlanDataRplcScopeFieldsString") or level
    if not level or not lines:
        raise bad_request("Plan data need an aggregation level and lines")
    if missing := set(scope) - set(level):
        raise bad_request(f"Fields of the scope are not in the aggregation level: {', '.join(sorted(missing))}")
    whole = [_complete(line, number, tables) for number, line in enumerate(lines, 1)]
    for number, line in enumerate(lines, 1):
        if others := set(line) - set(level) - BESIDE:
            raise bad_request(f"Line {number}: not in the aggregation level: {', '.join(sorted(others))}")
    table = tables[_TABLE]
    replaced = {tuple(line[name] for name in scope) for line in whole}
    for row in [row for row in table.rows if tuple(row[name] for name in scope) in replaced]:
        table.remove(table.key_of(row))
    made = [table.put(record) for record in _sum_up(whole, level)]
    return Created(DATA.complete(head | {"ID": "1"}), {_LINES: made})


def _read_fields(head: Record, name: str) -> list[str]:
    fields = [part.strip() for part in str(head.get(name) or "").split(",") if part.strip()]
    for one in fields:
        if one not in LINE.properties or one in MEASURES or one == "ID":
            raise bad_request(f"Field {one} of {name} is unknown")
    return fields


def _complete(line: Record, number: int, tables: Mapping[str, Table]) -> Record:
    """The line with what follows from its company code and period."""
    company, account = str(line.get("CompanyCode", "")), str(line.get("GLAccount", ""))
    period = _PERIOD.fullmatch(str(line.get("FiscalYearPeriod", "")))
    if company not in CURRENCIES:
        raise bad_request(f"Line {number}: company code {company} does not exist")
    master = tables["A_GLAccountInChartOfAccounts"].get((CHART, account.lstrip("0")))
    if master is None:
        raise bad_request(f"G/L account {account} is not in chart of accounts {CHART}", "F5/507")
    if master["AccountIsBlockedForPlanning"]:
        raise bad_request(f"Line {number}: G/L account {account} is blocked for planning")
    if period is None:
        raise bad_request(f"Line {number}: FiscalYearPeriod is not of the form 005.2026")
    given: Record = {
        "Ledger": "0L",
        "ControllingArea": CONTROLLING_AREA,
        "ChartOfAccounts": CHART,
        "CompanyCodeCurrency": CURRENCIES[company],
        "GlobalCurrency": GLOBAL_CURRENCY,
    }
    fixed: Record = {"FiscalPeriod": period[1], "LedgerFiscalYear": period[2], "GLAccount": master["GLAccount"]}
    return LINE.complete(given | line | fixed)


def _sum_up(lines: Iterable[Record], level: list[str]) -> Iterable[Record]:
    """One record for each combination of the level's fields."""
    sums: dict[tuple[object, ...], dict[str, Decimal]] = defaultdict(lambda: dict.fromkeys(MEASURES, Decimal(0)))
    first: dict[tuple[object, ...], Record] = {}
    for line in lines:
        key = tuple(line[name] for name in level)
        first.setdefault(key, line)
        for name in MEASURES:
            sums[key][name] += Decimal(str(line[name]))
    for key, line in first.items():
        yield line | sums[key] | {"ID": ".".join(f"{name}={value}" for name, value in zip(level, key, strict=True))}
