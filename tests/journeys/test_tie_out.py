"""Tenants that say all is well when it is not: a run is done when totals agree, and only then."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from tests.journeys.conftest import Sandbox, assert_sound, request_runs, work
from tui_connector.bootstrap import Installation, open_installation
from tui_connector.domain.flow import LoadFlow
from tui_connector.domain.run import ReadMode, Run, RunState
from tui_connector.domain.tie import Tie, Verdict
from tui_connector.engine.tie import TieOut

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEEP = bool(os.environ.get("DEEP_TESTS"))
ROUNDS = 200 if DEEP else 18
MASTERS = ("gl_accounts", "profit_centers", "cost_centers")
LINES = "GLAccountLineItem"
ACCOUNTS = "A_GLAccountInChartOfAccounts"
MODULE_IMPORT, ACCOUNT_IMPORT = "ACT01 GL Actuals from gl_line_items.csv", "Accounts from accounts.csv"


@pytest.fixture
def installation(config: Path, sandbox: Sandbox) -> Iterator[Installation]:
    """An installation that may ask as often as it likes."""
    sandbox.anaplan(rate_limit=False)
    with open_installation(str(config)) as opened:
        hasty = opened.settings.anaplan["main"].model_copy(update={"requests_per_second": 1000.0, "burst": 600})
        yield replace(opened, settings=opened.settings.model_copy(update={"anaplan": {"main": hasty}}))


def run(installation: Installation, *flows: str, **request: Any) -> list[tuple[Run, Tie | None]]:
    runs = work(installation, request_runs(installation, *flows, **request))
    return [(one, installation.store.ties.get(one.id)) for one in runs]


def tied(installation: Installation, *flows: str, **request: Any) -> None:
    """Run these flows; all must be tied."""
    for one, tie in run(installation, *flows, **request):
        assert one.state is RunState.DONE, one.reason
        assert tie is not None
        assert tie.verdict is Verdict.TIED, (one.flow, tie.words, installation.store.ties.differences(one.id))


def spoil(sandbox: Sandbox, tenant: str, kind: str, **fields: Any) -> None:
    sandbox.call("POST", f"{tenant}/data_faults", {"kind": kind, **fields})


def clean(sandbox: Sandbox) -> None:
    for tenant in ("sap", "anaplan"):
        sandbox.call("DELETE", f"{tenant}/data_faults")
    sandbox.anaplan(room=-1, room_variant="failed")


@dataclass
class Ledger:
    """New lines in SAP: a document of its own for each round, in scopes that nothing else is in."""

    sandbox: Sandbox
    number: int = 0
    accounts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.accounts = sorted(self.sandbox.items("GL Accounts"))

    def post(self, draw: random.Random) -> set[tuple[str, ...]]:
        """A few lines; the scopes they are in."""
        self.number += 1
        scopes = set[tuple[str, ...]]()
        for line in range(1, draw.randint(2, 6) + 1):
            account, period = draw.choice(self.accounts), f"{draw.randint(1, 12):03}"
            key = {
                "CompanyCode": "1010", "FiscalYear": "2031", "AccountingDocument": f"77{self.number:08}",
                "LedgerGLLineItem": f"{line:06}",
            }  # fmt: skip
            self.sandbox.change(
                LINES, key, GLAccount=account, FiscalPeriod=period, CompanyCodeCurrency="EUR", SourceLedger="0L",
                AmountInCompanyCodeCurrency=f"{draw.randint(1, 99_999)}.{draw.randint(10, 99)}", DebitCreditCode="S",
                PostingDate="2031-01-31", ChartOfAccounts="YCOA", FiscalYearPeriod=f"2031{period}",
            )  # fmt: skip
            scopes.add(("1010", account, "2031", period, "EUR"))
        self.sandbox.advance(700)  # past the safety before SAP's clock, and past the overlap with the run before
        return scopes


KINDS = ("sap drop", "sap double", "sap blank", "import drop", "import double", "truncate", "shift", "hide", "room")


def lay_down(sandbox: Sandbox, draw: random.Random, kind: str) -> None:
    """One of the ways in which line items go wrong without a word."""
    rows = draw.randint(1, 2)
    seed = draw.randint(0, 10_000)
    match kind:
        case "sap drop":
            spoil(sandbox, "sap", "drop_rows", name=LINES, rows=rows, seed=seed)
        case "sap double":
            spoil(sandbox, "sap", "double_rows", name=LINES, rows=rows, seed=seed)
        case "sap blank":
            name = draw.choice(("AmountInCompanyCodeCurrency", "GLAccount", "FiscalPeriod"))
            spoil(sandbox, "sap", "blank_field", name=LINES, rows=rows, seed=seed, field=name)
        case "import drop":
            spoil(sandbox, "anaplan", "drop_rows", name=MODULE_IMPORT, rows=rows, seed=seed)
        case "import double":
            spoil(sandbox, "anaplan", "double_rows", name=MODULE_IMPORT, rows=rows, seed=seed)
        case "truncate":
            spoil(sandbox, "anaplan", "truncate_file", name=MODULE_IMPORT, rows=rows)
        case "shift":
            spoil(sandbox, "anaplan", "shift_column", name=MODULE_IMPORT, rows=rows, seed=seed)
        case "hide":
            spoil(sandbox, "anaplan", "hide_rows", name="ACT11 GL Totals", rows=rows, seed=seed)
        case "room":
            sandbox.anaplan(room=0, room_variant="silent")


@pytest.mark.timeout(900 if DEEP else 240)
def test_what_tenants_get_wrong_in_silence_is_named_and_nothing_else_is(
    sandbox: Sandbox, installation: Installation
) -> None:
    tied(installation, *MASTERS, "gl_line_items")
    ledger, draw = Ledger(sandbox), random.Random(20261126)
    for number in range(ROUNDS):
        scopes = ledger.post(draw)
        kind = KINDS[number % len(KINDS)]
        lay_down(sandbox, draw, kind)
        ((found, tie),) = run(installation, "gl_line_items")
        told = (number, kind, found.state, found.reason)
        if found.state is RunState.DONE:
            assert tie is not None, told
            assert tie.verdict is Verdict.NOT_TIED, (told, tie.words)
            assert found.hint.startswith(f"`tie {found.id}` lists where")
            differing = {one.scope for _, one in installation.store.ties.differences(found.id)}
            blamed = {one for one in differing if one and "" not in one}
            assert differing, told
            # What goes wrong with new lines stands in their scopes; hidden ones may be any.
            assert kind == "hide" or blamed <= scopes | {()}, (told, blamed - scopes)
        else:
            assert found.state is RunState.FAILED, told
            assert found.reason, told
        clean(sandbox)
        tied(installation, "gl_line_items", mode=ReadMode.FULL)
    assert_sound(installation)


# The look at masters reads first: SAP's three pages of accounts, and the members of the list.
LIST_FAULTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "SAP leaves a record out": ("sap", "drop_rows", {"name": ACCOUNTS, "times": 3 + 2}),
    "the import takes a row for done": ("anaplan", "drop_rows", {"name": ACCOUNT_IMPORT}),
    "a column is shifted": ("anaplan", "shift_column", {"name": ACCOUNT_IMPORT}),
    "the end of the file is lost": ("anaplan", "truncate_file", {"name": ACCOUNT_IMPORT}),
    "a member is hidden": ("anaplan", "hide_rows", {"name": "GL Accounts", "times": 2}),
}


@pytest.mark.parametrize("fault", LIST_FAULTS)
def test_a_list_is_tied_out_by_its_codes(sandbox: Sandbox, installation: Installation, fault: str) -> None:
    tied(installation, "gl_accounts")
    code = "0099000001"
    sandbox.change(ACCOUNTS, {"ChartOfAccounts": "YCOA", "GLAccount": code}, GLAccountName="New in SAP")
    sandbox.advance(60)
    tenant, kind, fields = LIST_FAULTS[fault]
    spoil(sandbox, tenant, kind, **fields)
    ((found, tie),) = run(installation, "gl_accounts")
    if found.state is RunState.DONE:
        assert tie is not None
        assert tie.verdict is Verdict.NOT_TIED, tie.words
        differing = [one.scope for _, one in installation.store.ties.differences(found.id)]
        assert fault == "a member is hidden" or (code,) in differing or () in differing
        mark = installation.store.watermarks.get(found.target_id)
        assert mark is not None
        assert mark.run_id != found.id, "what is missing must be read again"
    else:
        assert found.state is RunState.FAILED
    clean(sandbox)
    tied(installation, "gl_accounts", mode=ReadMode.FULL)
    assert code in sandbox.items("GL Accounts")


def test_what_is_not_tied_stops_what_comes_after_it(sandbox: Sandbox, installation: Installation) -> None:
    spoil(sandbox, "anaplan", "hide_rows", name="GL Accounts", times=-1)
    accounts, lines = run(installation, "gl_accounts", "gl_line_items")
    assert accounts[1] is not None
    assert accounts[1].verdict is Verdict.NOT_TIED
    assert lines[0].state is RunState.BLOCKED
    assert lines[0].reason == "not started: gl_accounts is not tied in this cycle"
    allowed = tuple(
        replace(flow, go_on_untied=True) if isinstance(flow, LoadFlow) else flow for flow in installation.flows
    )  # fmt: skip
    _, lines = run(replace(installation, flows=allowed), "gl_accounts", "gl_line_items")
    assert lines[0].state is RunState.DONE


def test_refused_records_explain_what_is_missing(sandbox: Sandbox, installation: Installation) -> None:
    tied(installation, *MASTERS, "gl_line_items")
    key = {
        "CompanyCode": "1010",
        "FiscalYear": "2031",
        "AccountingDocument": "7700000001",
        "LedgerGLLineItem": "000001",
    }
    values = {"FiscalPeriod": "003", "CompanyCodeCurrency": "EUR", "AmountInCompanyCodeCurrency": "480.00"}
    sandbox.change(LINES, key, GLAccount="0061003000", CostCenter="0000009999", SourceLedger="0L", **values)
    sandbox.advance(60)
    ((found, tie),) = run(installation, "gl_line_items")
    assert found.counts.rejected == 1
    assert tie is not None
    assert (tie.verdict, tie.explained) == (Verdict.TIED, 1)
    assert "without 1 refused record" in tie.words
    tied(installation, "gl_line_items", mode=ReadMode.FULL)


def test_a_change_that_was_refused_leaves_what_was_loaded_before(sandbox: Sandbox, installation: Installation) -> None:
    tied(installation, *MASTERS)
    scopes = Ledger(sandbox).post(random.Random(3))
    tied(installation, "gl_line_items")
    key = {
        "CompanyCode": "1010",
        "FiscalYear": "2031",
        "AccountingDocument": "7700000001",
        "LedgerGLLineItem": "000001",
    }
    sandbox.change(LINES, key, CostCenter="0000009999")  # a center that is in no list; the amount stays
    sandbox.advance(700)
    ((found, tie),) = run(installation, "gl_line_items")
    assert found.counts.rejected == 1
    assert tie is not None
    assert (tie.verdict, tie.explained) == (Verdict.TIED, 1), tie.words
    sandbox.change(LINES, key, AmountInCompanyCodeCurrency="7.77")  # and now Anaplan holds another amount than SAP
    sandbox.advance(700)
    ((found, tie),) = run(installation, "gl_line_items")
    assert tie is not None
    assert tie.verdict is Verdict.NOT_TIED, tie.words
    assert {one.scope for _, one in installation.store.ties.differences(found.id)} <= scopes


def test_what_sap_changes_meanwhile_is_left_to_the_next_run(sandbox: Sandbox, installation: Installation) -> None:
    tied(installation, *MASTERS, "gl_line_items")
    ledger, draw = Ledger(sandbox), random.Random(7)
    ledger.post(draw)
    late, go = Ledger(sandbox, number=500), TieOut.go

    async def later(self: TieOut) -> Tie:
        late.post(draw)  # between the read of the load and the one of its tie-out
        return await go(self)

    with patch.object(TieOut, "go", later):
        ((found, tie),) = run(installation, "gl_line_items")
    assert found.state is RunState.DONE
    assert tie is not None
    assert tie.verdict is Verdict.TIED, tie.words
    assert tie.moving > 0
    tied(installation, "gl_line_items")


def test_a_sum_that_sap_leaves_blank_is_a_difference_and_no_fault(sandbox: Sandbox, installation: Installation) -> None:
    tied(installation, *MASTERS, "gl_line_items")
    spoil(sandbox, "sap", "blank_field", name=LINES, field="AmountInCompanyCodeCurrency", only_keys=False)
    ((found, tie),) = run(installation, "gl_line_items")  # nothing changed: the read for control figures is the first
    assert found.state is RunState.DONE, found.reason
    assert tie is not None
    assert (tie.verdict, tie.differences) == (Verdict.NOT_TIED, 1), tie.words


def test_a_view_that_cannot_be_read_leaves_the_run_unverified(sandbox: Sandbox, installation: Installation) -> None:
    tied(installation, *MASTERS)
    sandbox.fault("status", "/views/", status=500, times=-1)
    ((found, tie),) = run(installation, "gl_line_items")
    assert found.state is RunState.DONE
    assert tie is not None
    assert tie.verdict is Verdict.UNVERIFIED
    assert tie.words.startswith("Nothing could be read back: ")
    sandbox.clear_faults()
    tied(installation, "gl_line_items")  # though nothing is new: the last one was not tied


INVOICES = "A_SupplierInvoice"


def test_a_refused_record_that_sap_no_longer_holds_explains_nothing(
    sandbox: Sandbox, installation: Installation
) -> None:
    tied(installation, "suppliers", "supplier_invoices")
    values = {
        "InvoicingParty": "0099999999",
        "CompanyCode": "1010",
        "InvoiceGrossAmount": "480.00",
        "DocumentCurrency": "EUR",
    }
    for number in ("5105699901", "5105699902"):
        sandbox.change(INVOICES, {"SupplierInvoice": number, "FiscalYear": "2026"}, **values)
    ((found, tie),) = run(installation, "supplier_invoices")
    assert found.counts.rejected == 2
    assert tie is not None
    assert (tie.verdict, tie.explained) == (Verdict.TIED, 2), tie.words
    sandbox.remove(INVOICES, {"SupplierInvoice": "5105699901", "FiscalYear": "2026"})
    ((found, tie),) = run(installation, "supplier_invoices")
    assert tie is not None
    assert (tie.verdict, tie.explained) == (Verdict.TIED, 1), tie.words
    assert tie.words.endswith("without 1 refused record; 1 record refused before SAP holds no more.")
    # What Anaplan lacks besides is still named.
    sandbox.change(
        INVOICES,
        {"SupplierInvoice": "5105699903", "FiscalYear": "2026"},
        **values | {"InvoicingParty": min(sandbox.items("Suppliers"))},
    )
    spoil(sandbox, "anaplan", "drop_rows", name="ACT02 Supplier Invoices from supplier_invoices.csv")
    ((found, tie),) = run(installation, "supplier_invoices")
    assert tie is not None
    assert (tie.verdict, tie.differences) == (Verdict.NOT_TIED, 1), tie.words
    ((_, difference),) = installation.store.ties.differences(found.id)
    # As much as the one that is gone would have explained.
    assert difference.words.startswith("960.00 missing in Anaplan")
    clean(sandbox)
    ((found, tie),) = run(installation, "supplier_invoices", mode=ReadMode.FULL)
    assert tie is not None
    assert (tie.verdict, tie.explained) == (Verdict.TIED, 1), tie.words
    assert len(installation.store.cases.places(found.target_id)) == 1  # the other ended with this run
    assert_sound(installation)
