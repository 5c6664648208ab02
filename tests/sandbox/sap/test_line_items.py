"""The aggregating set of line items: grain, sums, seeking, paging, balance."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from tui_connector.sandbox.sap.accounting import LINE_ITEMS
from tui_connector.sandbox.sap.filters import parse_filter
from tui_connector.sandbox.sap.journal import Journal
from tui_connector.sandbox.sap.predicates import build_predicate
from tui_connector.sandbox.seed.accounts import build_accounts
from tui_connector.sandbox.seed.centers import build_centers
from tui_connector.sandbox.seed.document_kinds import Pools
from tui_connector.sandbox.seed.line_items import LONGEST_CLEARING, LineItems, divide
from tui_connector.sandbox.seed.partners import build_partners

if TYPE_CHECKING:
    Served = Any

COUNT = 2407
KEYS = "CompanyCode,FiscalYear,AccountingDocument,LedgerGLLineItem"
LINE = f"SourceLedger,{KEYS},Ledger"
WHOLE = f"{LINE},GLAccount,CostCenter,ProfitCenter,DebitCreditCode,AmountInCompanyCodeCurrency,CompanyCodeCurrency"
LEADING = "Ledger eq '0L'"


@cache
def pools_of(seed: int) -> Pools:
    accounts, centers, partners = build_accounts(seed), build_centers(seed), build_partners(seed)
    sellers, buyers = partners.supplier_codes, partners.customer_codes
    return Pools(accounts.expenses, accounts.revenues, accounts.types, centers.postable, sellers, buyers)


def journal_of(seed: int, count: int) -> Journal:
    """The journal alone, without the rest of the stock."""
    return Journal(LINE_ITEMS.entities["GLAccountLineItem"], LineItems(seed, count, pools_of(seed)))


def key(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(row[name] for name in KEYS.split(","))


def test_every_line_once_per_ledger(sap: Served) -> None:
    both = sap.rows(sap.lines, select=LINE)
    leading = sap.rows(sap.lines, select=LINE, filter=LEADING)
    assert len(leading) == len({key(row) for row in leading}) == COUNT
    assert len(both) == 2 * COUNT
    assert {key(row) for row in both if row["Ledger"] == "2L"} == {key(row) for row in leading}
    assert [key(row) for row in leading] == sorted(key(row) for row in leading)


def test_documents_balance_with_signs(sap: Served) -> None:
    rows = sap.rows(sap.lines, select=WHOLE + ",AmountInGlobalCurrency,AmountInTransactionCurrency")
    sums: dict[Any, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 3)
    names = ("AmountInCompanyCodeCurrency", "AmountInGlobalCurrency", "AmountInTransactionCurrency")
    for row in rows:
        document = (*key(row)[:3], row["Ledger"])
        sums[document] = [total + Decimal(row[name]) for total, name in zip(sums[document], names, strict=True)]
        amount = Decimal(row["AmountInCompanyCodeCurrency"])
        assert amount >= 0 if row["DebitCreditCode"] == "S" else amount < 0
        if row["GLAccount"][0] in "4567":
            assert row["CostCenter"]
            assert row["ProfitCenter"]
    assert all(total == [0, 0, 0] for total in sums.values())
    assert {row["CompanyCodeCurrency"] for row in rows if row["CompanyCode"] == "2010"} == {"CHF"}


def test_master_data_of_the_lines_exist(sap: Served) -> None:
    rows = sap.rows(sap.lines, select=WHOLE + ",Supplier,Customer", filter=LEADING)
    accounts = {row["GLAccount"] for row in sap.rows("API_GLACCOUNTINCHARTOFACCOUNTS_SRV/A_GLAccountInChartOfAccounts")}
    centers = {row["CostCenter"] for row in sap.rows("API_COSTCENTER_SRV/A_CostCenter")}
    profits = {row["ProfitCenter"] for row in sap.rows("API_PROFITCENTER_SRV/A_ProfitCenter")}
    suppliers = {row["Supplier"] for row in sap.rows("API_BUSINESS_PARTNER/A_Supplier")}
    customers = {row["Customer"] for row in sap.rows("API_BUSINESS_PARTNER/A_Customer")}
    for row in rows:
        assert row["GLAccount"] in accounts
        assert row["CostCenter"] in centers | {""}
        assert row["ProfitCenter"] in profits | {""}
        assert row["Supplier"] in suppliers | {""}
        assert row["Customer"] in customers | {""}


def test_unselected_keys_collapse(sap: Served) -> None:
    select = "CompanyCode,GLAccount,CompanyCodeCurrency,AmountInCompanyCodeCurrency"
    sums = sap.rows(sap.lines, select=select, filter=LEADING)
    wanted: dict[Any, Decimal] = defaultdict(Decimal)
    for row in sap.rows(sap.lines, select=WHOLE, filter=LEADING):
        wanted[row["CompanyCode"], row["GLAccount"]] += Decimal(row["AmountInCompanyCodeCurrency"])
    assert {
        (row["CompanyCode"], row["GLAccount"]): Decimal(row["AmountInCompanyCodeCurrency"]) for row in sums
    } == wanted
    assert len(sums) == len(wanted) < COUNT


def test_forgotten_ledger_doubles_the_sums(sap: Served) -> None:
    select = "FiscalYear,AmountInCompanyCodeCurrency"
    where = "GLAccount ge '60000000' and GLAccount lt '70000000' and CompanyCode eq '1010'"
    one = sap.rows(sap.lines, select=select, filter=f"{where} and {LEADING}")
    both = sap.rows(sap.lines, select=select, filter=where)
    for left, right in zip(one, both, strict=True):
        total = Decimal(left["AmountInCompanyCodeCurrency"])
        assert total > 0
        assert Decimal(right["AmountInCompanyCodeCurrency"]) == 2 * total


def test_one_line_without_its_item_number_is_summed(sap: Served) -> None:
    rows = sap.rows(sap.lines, select="CompanyCode,FiscalYear,AccountingDocument,AmountInCompanyCodeCurrency")
    assert {row["AmountInCompanyCodeCurrency"] for row in rows} == {"0.00"}


@pytest.mark.parametrize("name", ["ID", "AmountInCompanyCodeCurrency", "Quantity"])
def test_measures_and_id_are_not_filterable(sap: Served, name: str) -> None:
    literal = "'1'" if name == "ID" else "1"
    assert sap.get(sap.lines, filter=f"{name} eq {literal}", select=LINE).status_code == 400


def test_id_is_not_sortable(sap: Served) -> None:
    assert sap.get(sap.lines, orderby="ID", select=LINE).status_code == 400


def test_all_fields_without_select_and_by_id(sap: Served) -> None:
    row = sap.get(sap.lines, top="1").json()["d"]["results"][0]
    assert set(row) - {"__metadata"} == set(LINE_ITEMS.entities["GLAccountLineItem"].properties)
    single = sap.client.get(row["__metadata"]["uri"]).json()["d"]
    assert single == row


def filters_to_seek() -> list[str]:
    moment = "2026-03-04T10:00:00Z"
    stamp, later = f"datetimeoffset'{moment}'", "datetimeoffset'2026-04-01T00:00:00Z'"
    return [
        LEADING,
        "CompanyCode eq '2010'",
        "FiscalYear gt '2025' and Ledger ne '0L'",
        "(CompanyCode eq '1010' or CompanyCode eq '2010') and FiscalPeriod eq '003'",
        "AccountingDocument ge '0100000050' and AccountingDocument lt '0100000060'",
        "PostingDate ge datetime'2025-12-30T00:00:00' and PostingDate le datetime'2026-01-03T00:00:00'",
        f"CreationDateTime lt datetimeoffset'{moment}' and CreationDateTime ge datetimeoffset'2026-02-01T00:00:00Z'",
        f"LastChangeDateTime ge datetimeoffset'{moment}'",
        f"LastChangeDateTime gt {stamp} and LastChangeDateTime le {later}",
        "FiscalYearPeriod eq '2026010' and DebitCreditCode eq 'H'",
        "not (CompanyCode eq '1010') and LedgerGLLineItem eq '000003'",
        "Supplier ne '' and ClearingDate eq null",
        "ControllingArea eq 'A000' and ChartOfAccounts ne 'YCOA'",
        (
            "Ledger eq '0L' and ((CompanyCode gt '1010') or (CompanyCode eq '1010' and FiscalYear gt '2025')"
            " or (CompanyCode eq '1010' and FiscalYear eq '2025' and AccountingDocument gt '0100000200')"
            " or (CompanyCode eq '1010' and FiscalYear eq '2025' and AccountingDocument eq '0100000200'"
            " and LedgerGLLineItem gt '000001'))"
        ),
        "(Ledger eq '0L' and CompanyCode eq '1010') or (Ledger eq '2L' and CompanyCode eq '2010')",
        "CompanyCode eq '9999'",
    ]


@pytest.mark.parametrize("where", filters_to_seek())
def test_seeking_finds_what_scanning_finds(where: str) -> None:
    journal = journal_of(11, 1000)
    node = parse_filter(where, journal.entity, 2)
    holds = build_predicate(node, journal.getter)
    scanned = [row for row in journal.rows(None) if holds(row)]
    assert list(journal.rows(node)) == scanned
    assert journal.count(node) == len(scanned)
    half = len(scanned) // 2
    assert list(journal.rows(node, skip=half)) == scanned[half:]
    if scanned:
        assert list(journal.rows(node, after=journal.place(scanned[half]))) == scanned[half + 1 :]


def test_a_page_touches_few_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = journal_of(11, 1_000_000)
    made: list[int] = []
    document = journal.items.document

    def counted(partition: Any, number: int) -> Any:
        made.append(number)
        return document(partition, number)

    monkeypatch.setattr(journal.items, "document", counted)
    where = (
        "Ledger eq '0L' and ((CompanyCode gt '2010') or (CompanyCode eq '2010' and FiscalYear eq '2026' and"
        " AccountingDocument ge '0100040000' and LedgerGLLineItem gt '000001'))"
    )
    rows = journal.rows(parse_filter(where, journal.entity, 2))
    assert len([next(rows) for _ in range(100)]) == 100
    assert len(made) < 100
    made.clear()
    assert len(list(journal.rows(parse_filter(LEADING, journal.entity, 2), skip=999_950))) == 50
    assert len(made) < 50


def test_keyset_walk_and_next_links_agree(sap: Served) -> None:
    linked = [key(row) for row in sap.rows(sap.lines, select=LINE, filter=LEADING, orderby=KEYS)]
    walked: list[tuple[str, ...]] = []
    where = LEADING
    while True:
        rows = sap.get(sap.lines, select=LINE, filter=where, orderby=KEYS, top="300").json()["d"]["results"]
        walked += [key(row) for row in rows]
        if len(rows) < 300:
            break
        names, last = KEYS.split(","), key(rows[-1])
        steps = [
            " and ".join([*(f"{names[j]} eq '{last[j]}'" for j in range(i)), f"{names[i]} gt '{last[i]}'"])
            for i in range(len(names))
        ]
        where = f"{LEADING} and ({' or '.join(f'({step})' for step in steps)})"
    assert walked == linked
    assert len(linked) == COUNT


def test_top_over_pages_and_count(sap: Served) -> None:
    sap.tenant.settings.page_size = 100
    first = sap.get(sap.lines, select=LINE, filter=LEADING, top="250", inlinecount="allpages").json()["d"]
    assert (len(first["results"]), first["__count"]) == (100, str(COUNT))
    assert len(sap.rows(sap.lines, select=LINE, filter=LEADING, top="250")) == 250
    skipped = sap.rows(sap.lines, select=LINE, filter=LEADING, top="150", skip="2300")
    assert len(skipped) == COUNT - 2300


def test_another_order(sap: Served) -> None:
    rows = sap.rows(sap.lines, select=WHOLE, filter=LEADING, orderby="GLAccount desc,AccountingDocument")
    pairs = [(row["GLAccount"], row["AccountingDocument"]) for row in rows]
    assert pairs == sorted(sorted(pairs, key=lambda pair: pair[1]), key=lambda pair: pair[0], reverse=True)
    assert len(rows) == COUNT


def test_clearing_stays_within_the_bound_that_seeking_uses() -> None:
    journal = journal_of(3, 5000)
    rows = [journal.record(row) for row in journal.rows(None)]
    cleared = [row for row in rows if row["ClearingDate"] is not None]
    assert 0 < len(cleared) < len(rows) / 5
    for row in rows:
        changed, created = int(str(row["LastChangeDateTime"])), int(str(row["CreationDateTime"]))
        assert 0 <= changed - created <= LONGEST_CLEARING


@pytest.mark.parametrize("count", [0, 1, 2, 23, 24, 25, 100, 20_000])
def test_any_number_of_lines(count: int) -> None:
    parts = divide(count)
    assert sum(part.lines for part in parts) == count
    assert sum(1 for _ in journal_of(7, count).rows(None)) == 2 * count


def test_the_same_seed_gives_the_same_lines() -> None:
    first, second, other = (list(journal_of(seed, 500).rows(None)) for seed in (5, 5, 6))
    assert first == second != other
