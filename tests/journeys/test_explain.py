"""What Anaplan holds, explained by SAP's documents, and documents by what they became: to the cent, whatever happened."""

from __future__ import annotations

import asyncio
import json
import os
import random
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from tests.journeys.conftest import Sandbox, assert_sound, request_runs, serve, work
from tests.journeys.desk import Desk, assert_plain
from tests.journeys.plan_desk import NOVAK, PlanDesk, plan_desk
from tests.journeys.test_tie_out import LINES, Ledger, clean, spoil
from tui_connector.anaplan import discovery
from tui_connector.anaplan.dimensions import row_dimensions
from tui_connector.bootstrap import Installation, open_installation
from tui_connector.domain.explanation import About, Agreement, Explanation, Held, Question, Standing
from tui_connector.domain.flow import LoadFlow
from tui_connector.domain.run import ReadMode, RunState
from tui_connector.domain.tie import Total
from tui_connector.engine import explain as engine
from tui_connector.views.explaining import explain_again, read_explanation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tui_connector.domain.proposal import Proposal, ProposedLine

DEEP = bool(os.environ.get("DEEP_TESTS"))
CELLS, ROUNDS = (60, 60) if DEEP else (2, 2)  # of each view, and of changes
MASTERS = ("gl_accounts", "profit_centers", "cost_centers")
MODULES = {
    "gl_line_items": "ACT01 GL Actuals", "supplier_invoices": "ACT02 Supplier Invoices",
    "purchase_orders": "ACT03 Purchase Orders",
}  # fmt: skip
KEY = {"CompanyCode": "1010", "FiscalYear": "2031", "AccountingDocument": "7700000001", "LedgerGLLineItem": "000001"}
NOWHERE = "0000009999"  # a cost center that is in no list


@pytest.fixture
def installation(config: Path, sandbox: Sandbox) -> Iterator[Installation]:
    """An installation that may ask as often as it likes."""
    sandbox.anaplan(rate_limit=False)
    with open_installation(str(config)) as opened:
        hasty = opened.settings.anaplan["main"].model_copy(update={"requests_per_second": 1000.0, "burst": 600})
        yield replace(opened, settings=opened.settings.model_copy(update={"anaplan": {"main": hasty}}))


def run(installation: Installation, *flows: str, **request: Any) -> None:
    for one in work(installation, request_runs(installation, *flows, **request)):
        assert one.state is RunState.DONE, (one.flow, one.reason)


def explain(installation: Installation, about: About, name: str, *values: str) -> Explanation:
    """Ask both sides; what is kept of the answer."""
    question, flows = Question(about, name, values), {one.name: one for one in installation.flows}

    async def ask() -> int:
        async with installation.tenants() as tenants:
            target = installation.target_id(flows[name])
            return await engine.explain_and_keep(
                question, flows, target, installation.store, tenants, by="uid:1", actor="worker:1"
            )

    number = asyncio.run(ask())
    kept = installation.store.explanations.newest(question)
    assert kept is not None
    assert (kept.id, kept.by, kept.explanation.question) == (number, "uid:1", question)
    return kept.explanation


def held(sandbox: Sandbox, installation: Installation, name: str) -> dict[tuple[str, ...], Total]:
    """What the model holds of a flow by scope, added up here from the module that it loads."""
    flow = load_flow(installation, name)
    assert flow.totals is not None
    found: dict[tuple[str, ...], Total] = {}
    for line in sandbox.module(MODULES[name])["cells"].values():
        scope = tuple(line.get(part) or "" for part in flow.totals.by)
        before = found.get(scope, Total(0, Decimal(0)))
        amount = (before.amount or Decimal(0)) + Decimal(line.get(flow.totals.amount) or 0)
        found[scope] = Total((before.records or 0) + 1, amount)
    return found


def load_flow(installation: Installation, name: str) -> LoadFlow:
    return next(one for one in installation.flows if isinstance(one, LoadFlow) and one.name == name)


def adds_up(told: Explanation, in_model: Total | None) -> None:
    """The cell is what the model holds, and the listed records with the rest are all there are."""
    assert told.cells[0].held == in_model, told.words
    listed = [one.amount for one in told.sources if one.amount is not None]
    assert sum(listed) + (told.rest.amount or 0) == told.total().amount
    assert len(told.sources) + (told.rest.records or 0) == told.records


@pytest.mark.timeout(1800 if DEEP else 120)
def test_cells_of_every_view_are_the_sums_of_their_sources(sandbox: Sandbox, installation: Installation) -> None:
    run(installation, *(one.name for one in installation.flows if isinstance(one, LoadFlow)))
    draw = random.Random(20261126)
    assert {*MODULES} == {one.name for one in installation.flows if isinstance(one, LoadFlow) and one.totals}
    for name in MODULES:
        model = held(sandbox, installation, name)
        for scope in draw.sample(sorted(model), min(CELLS, len(model))):
            told = explain(installation, About.CELL, name, *scope)
            adds_up(told, model[scope])
            assert told.agreement is Agreement.EQUAL, told.words
            assert told.total(Standing.LOADED) == model[scope]
            assert len(told.sources) <= engine.MOST
            for source in told.sources[:20]:
                assert source.scope == scope
                (stage,) = installation.store.records.trace(source.key, name)
                assert (source.run, source.line) == (stage.run_id, stage.record.file_line)
            forth = explain(installation, About.RECORD, name, draw.choice(told.sources).key)
            assert (forth.agreement, [one.scope for one in forth.cells]) == (Agreement.EQUAL, [scope]), forth.words
            (own,) = forth.sources
            assert own.held is not None
            assert (own.held.amount, own.held.odd) == (own.amount, ())
    with patch.object(engine, "MOST", 5):
        told = explain(installation, About.CELL, "supplier_invoices", "1010", "EUR")
    assert told.agreement is Agreement.EQUAL, told.words
    assert len(told.sources) == 5
    assert told.rest.records == told.records - 5 > 200  # more than a page of the simulated SAP
    adds_up(told, held(sandbox, installation, "supplier_invoices")["1010", "EUR"])
    lines = sandbox.module(MODULES["supplier_invoices"])["cells"].values()
    amounts = [abs(Decimal(line["Gross Amount"])) for line in lines if line["Company Code"] == "1010"]
    assert sorted(abs(one.amount or Decimal(0)) for one in told.sources) == sorted(amounts)[-5:], (
        "the largest are listed"
    )
    assert_sound(installation)


@pytest.mark.timeout(1800 if DEEP else 120)
def test_cells_add_up_after_changes_reversals_and_refusals(sandbox: Sandbox, installation: Installation) -> None:
    run(installation, *MASTERS, "gl_line_items")
    ledger, draw = Ledger(sandbox), random.Random(7)
    for _ in range(ROUNDS):
        scopes = ledger.post(draw)
        unread = explain(installation, About.CELL, "gl_line_items", *min(scopes))
        assert unread.total(Standing.UNREAD).records
        assert unread.agreement is Agreement.EXPLAINED, unread.words
        run(installation, "gl_line_items")
        model = held(sandbox, installation, "gl_line_items")
        for scope in draw.sample(sorted(scopes), 2):
            told = explain(installation, About.CELL, "gl_line_items", *scope)
            adds_up(told, model[scope])
            assert told.agreement is Agreement.EQUAL, told.words
    told = explain(installation, About.RECORD, "gl_line_items", "-".join(KEY.values()))
    (cell,), (source,) = told.cells, told.sources

    def again(**values: str) -> Explanation:
        sandbox.change(LINES, KEY, **values)
        return explain(installation, About.CELL, "gl_line_items", *cell.scope)

    changed = again(AmountInCompanyCodeCurrency="1.00")  # not read again yet
    assert changed.agreement is Agreement.EXPLAINED, changed.words
    assert f"The other {source.amount:,} EUR can be of 1 record changed since (1.00 EUR)." in changed.words
    assert changed.words.endswith(f"ACT01 GL Actuals holds {source.key} with Amount {source.amount} (in SAP 1.00).")
    (stale,) = [one for one in changed.sources if one.held and one.held.odd]
    assert (stale.key, stale.held and stale.held.amount) == (source.key, source.amount)
    assert again(AmountInCompanyCodeCurrency=str(source.amount), CostCenter=NOWHERE).agreement is Agreement.EXPLAINED
    sandbox.advance(700)
    run(installation, "gl_line_items")  # refuses the change, and Anaplan holds what was loaded before
    refused = explain(installation, About.CELL, "gl_line_items", *cell.scope)
    adds_up(refused, held(sandbox, installation, "gl_line_items")[cell.scope])
    assert refused.agreement is Agreement.EXPLAINED, refused.words
    assert "1 record refused" in refused.words
    assert NOWHERE in refused.sources[0].cause
    # Its reversal: the same amount with the other sign, in a document of its own.
    sandbox.change(LINES, KEY, CostCenter="")
    other = KEY | {"AccountingDocument": "7800000001"}
    values = dict(
        zip(("GLAccount", "FiscalPeriod", "CompanyCodeCurrency"), (*cell.scope[1:2], *cell.scope[3:]), strict=True)
    )
    sandbox.change(LINES, other, SourceLedger="0L", AmountInCompanyCodeCurrency=str(-(source.amount or 0)), **values)
    new = KEY | {"AccountingDocument": "7800000002"}
    sandbox.change(LINES, new, SourceLedger="0L", AmountInCompanyCodeCurrency="480.00", CostCenter=NOWHERE, **values)
    sandbox.advance(700)
    run(installation, "gl_line_items")
    told = explain(installation, About.CELL, "gl_line_items", *cell.scope)
    adds_up(told, held(sandbox, installation, "gl_line_items")[cell.scope])
    assert told.agreement is Agreement.EXPLAINED, told.words
    assert told.words.endswith("Not among them: 1 record refused (480.00 EUR).")
    assert told.total().amount == (told.total(Standing.LOADED).amount or 0) + 480
    assert {one.key.split("-")[2] for one in told.sources} >= {"7700000001", "7800000001", "7800000002"}
    # What Anaplan loses in silence is left over, and named.
    scopes = ledger.post(draw)
    spoil(sandbox, "anaplan", "drop_rows", name="ACT01 GL Actuals from gl_line_items.csv", rows=1)
    run(installation, "gl_line_items")
    clean(sandbox)
    every = [explain(installation, About.CELL, "gl_line_items", *scope) for scope in scopes]
    (lost,) = [one for one in every if one.agreement is Agreement.DIFFERENT]
    (gone,) = [one for one in lost.sources if one.held and not one.held.there]
    assert lost.words.endswith(f"missing in Anaplan. ACT01 GL Actuals has no row for {gone.key}.")
    told = explain(installation, About.RECORD, "gl_line_items", gone.key)
    assert (told.agreement, told.sources[0].held) == (Agreement.DIFFERENT, Held(False)), told.words
    run(installation, "gl_line_items", mode=ReadMode.FULL)
    mended = explain(installation, About.CELL, "gl_line_items", *lost.question.values)
    assert mended.agreement is Agreement.EQUAL, mended.words
    nothing = explain(installation, About.CELL, "gl_line_items", "1010", "1", "1999", "001", "EUR")
    assert (nothing.agreement, nothing.records) == (Agreement.NOTHING, 0)
    assert_sound(installation)


def test_what_anaplan_refused_in_part_may_be_held_all_the_same(sandbox: Sandbox, config: Path, tmp_path: Path) -> None:
    del tmp_path
    Desk(config, sandbox).append('[flows.gl_line_items]\nunknown_members = "send"\n')
    sandbox.anaplan(rate_limit=False)
    with open_installation(str(config)) as installation:
        run(installation, *MASTERS)
        account = min(sandbox.items("GL Accounts"))
        values = {"FiscalPeriod": "003", "CompanyCodeCurrency": "EUR", "AmountInCompanyCodeCurrency": "480.00"}
        sandbox.change(LINES, KEY, GLAccount=account, CostCenter=NOWHERE, SourceLedger="0L", **values)
        sandbox.advance(700)
        run(installation, "gl_line_items")
        told = explain(installation, About.CELL, "gl_line_items", "1010", account, "2031", "003", "EUR")
        adds_up(told, held(sandbox, installation, "gl_line_items").get(told.question.values))
        assert told.agreement is Agreement.EXPLAINED, told.words
        (source,) = told.sources
        assert (source.standing, source.maybe, bool(source.line)) == (Standing.REFUSED, True, True)


def write_cell(installation: Installation, module: str, code: str, name: str, value: object) -> None:
    """As a person does in Anaplan who types over what was loaded."""

    async def write() -> None:
        async with installation.tenants() as tenants:
            client = tenants.anaplan("main")
            found = await discovery.find_module(client, module)
            (rows,) = await row_dimensions(client, module)
            path = f"/2/0/models/{client.model_id}/modules/{found.id}/data"
            cell = {"lineItemName": name, "dimensions": [{"dimensionId": rows, "itemCode": code}], "value": value}
            await client.request("POST", path, json=[cell], what="a cell", repeatable=True)

    asyncio.run(write())


@pytest.mark.parametrize("shown", ["codes", "names"])
def test_what_stands_in_a_records_own_row_is_told_beside_saps(
    sandbox: Sandbox, installation: Installation, shown: str
) -> None:
    sandbox.anaplan(view_members=shown)
    run(installation, "suppliers", "supplier_invoices")
    module = sandbox.module("ACT02 Supplier Invoices")["cells"]
    draw, scopes = random.Random(11), {}
    for code in draw.sample(sorted(module), 3):
        told = explain(installation, About.RECORD, "supplier_invoices", code)
        (source,) = told.sources
        assert (told.agreement, source.held and source.held.there) == (Agreement.EQUAL, True), told.words
        same = f"ACT02 Supplier Invoices holds it as SAP does: {source.amount:,} {source.scope[-1]}"
        assert told.words.endswith(same + ("." if shown == "codes" else "; its Supplier cannot be compared."))
        assert source.held is not None
        # A list without names of its own tells no more than its codes.
        odd = {"Supplier": None} if shown == "names" else {}
        assert {one.header: one.same for one in source.held.cells} == dict.fromkeys(module[code], True) | odd
        scopes[code] = source
    code, source = next(iter(scopes.items()))
    write_cell(installation, "ACT02 Supplier Invoices", code, "Gross Amount", 999)
    told = explain(installation, About.RECORD, "supplier_invoices", code)
    assert told.agreement is Agreement.DIFFERENT, told.words
    assert told.words.endswith(f"holds {code} with Gross Amount 999 (in SAP {source.amount}).")
    other = next(one for one in module.values() if one["Supplier"] != module[code]["Supplier"])["Supplier"]
    write_cell(installation, "ACT02 Supplier Invoices", code, "Supplier", other)
    cell = explain(installation, About.CELL, "supplier_invoices", *source.scope)
    assert cell.agreement is Agreement.DIFFERENT, cell.words
    named = [f"{code} with {'Supplier ' if shown == 'codes' else 'Gross Amount 999 (in SAP '}"]
    assert f"ACT02 Supplier Invoices holds {named[0]}" in cell.words
    assert cell.cells[0].held == cell.counted
    assert cell.beyond == ()
    # What SAP counts elsewhere by now is what the module counts too much.
    moved, before = list(scopes.items())[1]
    company = "2010" if before.scope[0] != "2010" else "1010"
    number, year = moved.split("-")
    sandbox.change("A_SupplierInvoice", {"SupplierInvoice": number, "FiscalYear": year}, CompanyCode=company)
    cell = explain(installation, About.CELL, "supplier_invoices", *before.scope)
    (beyond,) = cell.beyond
    assert (beyond.standing, beyond.amount) == (Standing.GONE, before.amount)
    assert f"counts {beyond.key} ({before.amount:,}) there, and SAP does not." in cell.words
    if shown == "codes":  # by its name alone nobody tells which record it is
        assert (beyond.key, beyond.run, beyond.line) == (moved, before.run, before.line)


def test_members_lead_to_their_master_record(sandbox: Sandbox, installation: Installation) -> None:
    run(installation, *MASTERS)
    code = sorted(sandbox.items("Cost Centers"))[2]
    told = explain(installation, About.ITEM, "cost_centers", code)
    assert (told.agreement, told.place, told.records) == (Agreement.EQUAL, "Cost Centers", 1)
    assert {one.same for one in told.texts} == {True}
    (source,) = told.sources
    (stage,) = installation.store.records.trace(source.key, "cost_centers")
    assert (source.key, source.run, source.line) == (f"A000-{code}", stage.run_id, stage.record.file_line)
    key = {"ChartOfAccounts": "YCOA", "GLAccount": min(sandbox.items("GL Accounts"))}
    sandbox.change("A_GLAccountInChartOfAccounts", key, GLAccountName="\x1b[31m<b>[red]renamed")
    told = explain(installation, About.ITEM, "gl_accounts", key["GLAccount"])
    assert (told.agreement, told.sources[0].standing) == (Agreement.EXPLAINED, Standing.CHANGED), told.words
    assert [(one.header, one.same) for one in told.texts if one.same is False] == [("Name", False)]
    assert "\x1b" not in told.texts[0].sap
    sandbox.change("A_GLAccountInChartOfAccounts", key | {"GLAccount": "0099000001"}, GLAccountName="New in SAP")
    told = explain(installation, About.ITEM, "gl_accounts", "0099000001")
    assert told.words == "GL Accounts does not hold 0099000001, and SAP does: 1 record not read yet."
    assert explain(installation, About.ITEM, "gl_accounts", "nowhere").agreement is Agreement.NOTHING


def test_documents_of_every_flow_lead_to_their_cells_and_back(sandbox: Sandbox, config: Path) -> None:
    desk = Desk(config, sandbox)
    sandbox.anaplan(rate_limit=False)
    desk.loads("suppliers", "Suppliers")
    assert desk.tell("run", "supplier_invoices", "purchase_orders").code == 0
    orders = sandbox.module("ACT03 Purchase Orders")["cells"]
    order = min(key.partition("-")[0] for key in orders)
    items = {key: one for key, one in orders.items() if key.startswith(f"{order}-")}
    invoice = min(sandbox.module("ACT02 Supplier Invoices")["cells"])
    for what, name, keys in (
        (order, "purchase_orders", items),
        (invoice.replace("-", "/"), "supplier_invoices", [invoice]),
    ):
        told = desk.tell("audit", "explain", what, "--json")
        assert told.code == 0, told.text
        value = json.loads(told.out)
        assert (value["flow"], value["about"], value["agreement"]) == (name, "document", "equal")
        assert [one["key"] for one in value["sources"]] == sorted(keys)
        assert {one["held"]["there"] for one in value["sources"]} == {True}
        (cell,) = value["cells"]
        with patch.object(engine, "MOST", 10_000):  # all of the cell's records are listed
            back = desk.tell("audit", "trace", name, *cell["scope"], "--json")
        assert back.code == 0, back.text
        assert {*keys} <= {one["key"] for one in json.loads(back.out)["sources"]}
        story = desk.tell("audit", "trace", what)
        assert story.code == 0, story.text
        for key in keys:
            assert f"{name}: {key}" in story.out
        assert "imported: task" in story.out
        assert f"cell {' '.join(cell['scope'])} of {value['place']}" in story.out, "where it counts"
    member = min(sandbox.items("Suppliers"))
    assert "equal" in desk.tell("audit", "trace", "Suppliers", member).out
    assert "equal" in desk.tell("audit", "trace", "Suppliers", member, "--kept").out
    assert desk.tell("audit", "trace", "Suppliers").code == 2
    assert desk.tell("audit", "trace", "nothing", "here").code == 2


def test_the_worker_answers_what_the_console_asks(sandbox: Sandbox, installation: Installation) -> None:
    run(installation, "gl_accounts")
    desk, store = installation.desk(), installation.store
    question = Question(About.ITEM, "gl_accounts", (max(sandbox.items("GL Accounts")),))
    assert read_explanation(desk, question).number is None
    assert explain_again(desk, question) == "It waits for a worker to ask both sides."
    assert read_explanation(desk, question).asked
    serve(installation, lambda: not store.commands.pending())
    page = read_explanation(desk, question)
    assert page.mark is not None
    assert (page.mark.word, page.number, page.asked, page.error, page.rest) == ("equal", 1, "", "", "")
    (row,) = page.rows
    assert (row.run, row.file, bool(row.task), bool(row.mapping)) == (1, "accounts.csv", True, True)
    assert [one.changes for one in page.mappings] == [()]
    sandbox.fault("status", "/lists/", status=500, times=-1)
    explain_again(desk, question)
    desk_command = installation.command("explain", "nothing", {"about": "moon", "flow": "gl_accounts"})
    serve(installation, lambda: not store.commands.pending())
    refused = store.commands.get(desk_command)
    assert refused is not None
    assert (refused.ok, refused.answer["error"]) == (False, "this is no question")
    page = read_explanation(desk, question)
    assert (page.number, bool(page.error)) == (1, True), "what was told before stays, beside why there is nothing newer"
    assert_sound(installation)


@pytest.fixture
def plan(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlanDesk:
    return plan_desk(sandbox, tmp_path, monkeypatch)


def plan_lines(plan: PlanDesk, proposal: Proposal, document: int) -> list[ProposedLine]:
    with plan.opened() as installation:
        return list(installation.store.proposals.each_line(proposal.id, document))


def test_a_posted_plan_is_told_from_cell_to_approver_and_back(plan: PlanDesk) -> None:
    for flow in MASTERS:
        plan.does("run", flow)
    proposal = plan.propose()
    plan.posts(proposal)
    (document, *_) = plan.documents(proposal)
    place = f"{document.document.company_code}/{document.accounting_document}/{document.fiscal_year}"
    assert "gl_line_items" not in plan.does("audit", "trace", place).out
    unread = plan.json("audit", "explain", place)
    assert (unread["agreement"], {one["standing"] for one in unread["sources"]}) == ("explained", {"not read yet"})
    plan.sandbox.advance(700)
    plan.does("run", "gl_line_items")

    value = plan.json("audit", "explain", place)
    assert (value["agreement"], value["about"], len(value["cells"])) == ("equal", "document", 2)
    source = value["sources"][0]
    assert source["posted"] == "P-0001, signed by a.novak"
    rows = {line.row: line for line in plan_lines(plan, proposal, document.document.number)}
    exported = proposal.origin
    for one in value["sources"]:
        row = rows[int(one["origin"].removeprefix("row ").partition(" ")[0])]
        assert (format(row.amount, "f"), row.gl_account in one["scope"]) == (one["amount"], True)
        mapping = f"mapping {proposal.head.mapping[:4]} {proposal.head.mapping[4:8]}"
        assert one["origin"] == (
            f"row {row.row} of PLN01 Journal.csv of Finance Hub, approved there by {exported.approved_by},"
            f" task {exported.task_id}, run {proposal.run_id}, {mapping}"
        )
    assert f"run {proposal.run_id}; {mapping}" in " ".join(plan.does("audit", "trace", "PL-0001").out.split())
    assert source["mapping"] == value["mappings"][0]["digest"]
    assert value["mappings"][0]["columns"][0] == "Code = the key (str)"
    for told in (
        plan.does("audit", "trace", place).out, plan.does("audit", "trace", "PL-0001").out,
        plan.does("audit", "trace", source["key"]).out,
    ):  # fmt: skip
        assert "imported: task" in told, "as a load"
        assert "signed by a.novak" in told, "as a posting"
        assert f"cell {' '.join(source['scope'])} of ACT11 GL Totals" in told
        assert f"mapping {source['mapping'][:4]} {source['mapping'][4:8]}, in force since run" in told
    stages = plan.json("audit", "trace", place)
    assert {one["mapping"] for one in stages if "mapping" in one} == {source["mapping"]}
    assert [one["proposal"] for one in stages if "proposal" in one] == ["P-0001"]

    for named in ("PL-0001", document.reference):
        assert plan.json("audit", "explain", named)["question"] == value["question"], "a plan's line to its cells"
    cell = plan.json("audit", "explain", "ACT11 GL Totals", *source["scope"], by=NOVAK)
    assert (cell["agreement"], cell["asked_by"]) == ("equal", NOVAK)
    assert [one["amount"] for one in cell["sources"]] == [source["amount"]]
    assert cell == plan.json("audit", "explain", "gl_line_items", *source["scope"], "--kept")
    assert "signed by a.novak" in plan.does("audit", "explain", source["key"]).out
    lines = plan.does("--plain", "explanation", "gl_line_items", *source["scope"]).out
    assert f"Record {source['key']}: loaded, " in lines
    assert "posted P-0001, signed by a.novak" in lines
    assert "explained" in plan.does("audit", "show", "kind:explanation.made").out
    assert plan.tell("audit", "verify").code == 0


def test_another_mapping_is_told_with_what_it_was(sandbox: Sandbox, config: Path) -> None:
    desk = Desk(config, sandbox)
    desk.loads()
    code = min(sandbox.items("GL Accounts"))

    def mapping() -> dict[str, Any]:
        told = desk.tell("audit", "explain", "GL Accounts", code, "--json")
        assert told.code == 0, told.text
        (found,) = json.loads(told.out)["mappings"]
        return dict(found)

    first = mapping()
    assert (first["since"], first["changes"]) == (1, [])
    assert desk.tell("run", "gl_accounts").code == 0
    desk.append('[flows.gl_accounts]\ncolumns = { "Code" = "GLAccount", "Name" = "GLAccountLongName" }\n')
    told = desk.tell("audit", "explain", "GL Accounts", code)
    assert "The columns of gl_accounts are other ones than at its last run." in " ".join(told.out.split())
    assert desk.tell("run", "gl_accounts").code == 0
    second = mapping()
    assert second["since"] == 3
    assert second["digest"] != first["digest"]
    assert any("GLAccountLongName" in one for one in second["changes"])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("gl_line_items", "1010"), 2, "gl_line_items knows nothing by '1010'"),
        (("gl_line_items", "1010", "EUR"), 2, "it knows a cell by Company Code, GL Account, Fiscal Year, Period, Currency"),
        (("nothing",), 2, "is nothing that can be explained"),
        (("0100000008",), 2, "write company code, number and fiscal year"),
        (("plan_writeback", "1"), 2, "is nothing that can be explained"),
        (("Cost Centers", "\x1b[31mred\x1b]0;owned\x07"), 2, "control character"),
        (("Cost Centers", "' or Code ne '"), 4, "Neither SAP nor Cost Centers holds"),
        (("Cost Centers", "\u202e0001"), 4, "Neither SAP nor Cost Centers holds"),
        (("cell", "gl_line_items", "1010", "x", "2026", "011", "EUR"), 4, "Neither SAP nor Anaplan holds anything"),
        (("1010/1/1999", "--kept"), 2, "was not explained yet"),
    ],
)  # fmt: skip
def test_what_cannot_be_explained_says_what_can(
    sandbox: Sandbox, config: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    told = Desk(config, sandbox).tell("audit", "explain", *words)
    assert (told.code, said in told.text) == (code, True), told.text
    assert_plain(told.text)
