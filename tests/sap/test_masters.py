"""Masters of a proposal, as SAP tells of them: either spelling, every slice, few and short requests."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_connector.domain.errors import ContractChangedError
from tui_connector.domain.ledger import AccountFacts, CenterSlice, CompanyFacts, same_number
from tui_connector.sap.filters import spellings
from tui_connector.sap.masters import WantedMasters, read_masters

if TYPE_CHECKING:
    from tests.sap.conftest import Asked, Bench, Run, Sandbox

OPEN_END = "/Date(253402214400000)/"


def company(code: str) -> dict[str, str]:
    return {
        "CompanyCode": code,
        "Currency": "EUR",
        "ChartOfAccounts": "YCOA",
        "ControllingArea": "A000",
        "FiscalYearVariant": "K4",
    }


def account(number: str, *, blocked: bool = False, deleted: bool = False) -> dict[str, Any]:
    return {
        "ChartOfAccounts": "YCOA",
        "GLAccount": number,
        "AccountIsBlockedForPosting": blocked,
        "AccountIsMarkedForDeletion": deleted,
    }


def center(kind: str, number: str, start: str | None, end: str, flag: str = "") -> dict[str, Any]:
    block = "IsBlkdForPrimaryCostsPosting" if kind == "CostCenter" else "ProfitCenterIsBlocked"
    return {
        "ControllingArea": "A000",
        kind: number,
        "ValidityStartDate": start,
        "ValidityEndDate": end,
        "CompanyCode": "1010",
        block: flag,
    }


ROWS: dict[str, list[dict[str, Any]]] = {
    "A_CompanyCode": [company("1010")],
    "A_GLAccountInChartOfAccounts": [
        account("0021550000", blocked=True),
        account("0061003000"),
        account("AB12", deleted=True),
    ],
    "A_CostCenter": [
        center("CostCenter", "0010101101", "/Date(1325376000000)/", "/Date(1767139200000)/", "X"),
        center("CostCenter", "0010101101", "/Date(1767225600000)/", OPEN_END),
    ],
    "A_ProfitCenter": [center("ProfitCenter", "YB600", None, OPEN_END)],
}


def respond(asked: Asked) -> dict[str, Any]:
    return {"d": {"results": ROWS[asked.path.rpartition("/")[2]]}}


def test_either_spelling_finds_the_master_and_all_slices_come(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(respond)
        wanted = WantedMasters(
            {"1010", "9999"},
            {("1010", "61003000"), ("1010", "0021550000"), ("1010", "AB12"), ("1010", "99"), ("9999", "1")},
            {("1010", "10101101"), ("1010", "")},
            {("1010", "YB600"), ("1010", "bad\x07name"), ("1010", "much-too-long")},
        )
        found = await read_masters(bench.sap(stub.url), wanted)
        assert found.companies == {"1010": CompanyFacts("1010", "EUR", "YCOA", "A000", "K4")}
        assert found.accounts == {
            ("YCOA", "61003000"): AccountFacts("0061003000"),
            ("YCOA", "21550000"): AccountFacts("0021550000", blocked_for_posting=True),
            ("YCOA", "AB12"): AccountFacts("AB12", marked_for_deletion=True),
        }
        assert found.cost_centers == {
            ("A000", "10101101"): (
                CenterSlice(date(2012, 1, 1), date(2025, 12, 31), "1010", blocked=True),
                CenterSlice(date(2026, 1, 1), date(9999, 12, 31), "1010"),
            )
        }
        assert found.profit_centers == {("A000", "YB600"): (CenterSlice(date.min, date(9999, 12, 31)),)}
        assert len(stub.asked) == 4
        asked = {one.path.rpartition("/")[2]: one.query["$filter"] for one in stub.asked}
        assert asked["A_CostCenter"] == (
            "ControllingArea eq 'A000' and "
            "(CostCenter eq '10101101' or CostCenter eq '010101101' or CostCenter eq '0010101101')"
        )
        assert asked["A_ProfitCenter"] == "ControllingArea eq 'A000' and (ProfitCenter eq 'YB600')"

    run_async(story)


@pytest.mark.parametrize(("count", "most"), [(1, 2), (150, 8), (5000, 2)])
def test_requests_stay_few_and_their_addresses_short(run_async: Run, count: int, most: int) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(respond)
        numbers = {("1010", str(61000000 + place)) for place in range(count)}
        await read_masters(bench.sap(stub.url), WantedMasters(accounts=numbers))
        assert 2 <= len(stub.asked) <= most
        assert max(len(asked.target) for asked in stub.asked) < 6000
        if count == 5000:
            assert stub.asked[-1].query["$filter"] == "ChartOfAccounts eq 'YCOA'"

    run_async(story)


def test_nothing_wanted_asks_nothing_and_an_odd_value_is_told(run_async: Run) -> None:
    async def story(bench: Bench) -> None:
        stub = await bench.stub(respond)
        found = await read_masters(bench.sap(stub.url), WantedMasters())
        assert (found.companies, stub.asked) == ({}, [])
        odd = {**account("0061003000"), "AccountIsBlockedForPosting": "perhaps"}
        rows = {**ROWS, "A_GLAccountInChartOfAccounts": [odd]}
        strange = await bench.stub(lambda asked: {"d": {"results": rows[asked.path.rpartition("/")[2]]}})
        wanted = WantedMasters(accounts={("1010", "61003000")})
        with pytest.raises(ContractChangedError, match="AccountIsBlockedForPosting"):
            await read_masters(bench.sap(strange.url), wanted)

    run_async(story)


def test_masters_of_the_sandbox(run_async: Run, sandbox: Sandbox) -> None:
    async def story(bench: Bench) -> None:
        client = bench.sap(sandbox.url)
        wanted = WantedMasters({"1010"}, {("1010", "61003000"), ("1010", "99999999")}, {("1010", "4103")})
        found = await read_masters(client, wanted)
        assert found.companies["1010"].controlling_area == "A000"
        assert set(found.accounts) == {("YCOA", "61003000")}
        assert not found.accounts["YCOA", "61003000"].blocked_for_posting
        assert found.cost_centers["A000", "4103"] == (
            CenterSlice(date(2018, 1, 1), date(2025, 12, 31), "1010"),
            CenterSlice(date(2026, 1, 1), date(9999, 12, 31), "1010"),
        )

    run_async(story)


@given(number=st.integers(0, 10**10 - 1), width=st.integers(1, 10))
def test_every_width_of_a_number_is_asked_for(number: int, width: int) -> None:
    stored = str(number).zfill(width)
    assert stored in spellings(str(number))
    assert stored in spellings(str(number).zfill(10))
    assert {same_number(one) for one in spellings(stored)} == {str(number)}


def test_other_names_have_one_spelling() -> None:
    assert [spellings(name) for name in ("YB600", "00AB", "١٢")] == [["YB600"], ["00AB"], ["١٢"]]
