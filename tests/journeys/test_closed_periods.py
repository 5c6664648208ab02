"""A load that would change a closed period: a person sees the totals before and after, and says why it may."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.journeys.conftest import assert_sound, request_runs, work
from tui_connector.domain.concern import Look, Rule
from tui_connector.domain.ledger import FiscalPeriod, PeriodStatus
from tui_connector.domain.run import ReadMode, RunState
from tui_connector.domain.tie import Verdict

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from tests.journeys.conftest import Sandbox
    from tui_connector.bootstrap import Installation
    from tui_connector.domain.concern import Concern
    from tui_connector.domain.run import Run

FLOW, VIEW = "gl_line_items", "anaplan/modules/ACT11 GL Totals"
SEPTEMBER = FiscalPeriod(2026, 9)
TOTALS = """by = ["Company Code", "GL Account", "Fiscal Year", "Period", "Currency"]
amount = "Amount"
count = "Line Count"
"""
NO_PERIODS = """[flows.gl_line_items.totals]
view = "ACT11 GL Totals"
by = ["Company Code", "GL Account", "Currency"]
amount = "Amount"
"""


@pytest.fixture
def loaded(installation: Installation, sandbox: Sandbox) -> Installation:
    """Everything is loaded, then September of 1010 closed."""
    sandbox.anaplan(rate_limit=False)
    ids = request_runs(installation, "gl_accounts", "profit_centers", "cost_centers", FLOW)
    assert {one.state for one in work(installation, ids)} == {RunState.DONE}
    close(installation, SEPTEMBER)
    return installation


def close(installation: Installation, period: FiscalPeriod, status: PeriodStatus = PeriodStatus.CLOSED) -> None:
    store = installation.store
    with store.transaction() as tx:
        store.periods.set(tx, "1010", period, status, "month end", "a.novak")


def post_late(sandbox: Sandbox, amount: str = "100.00", number: str = "0099000001", **more: str) -> None:
    """A balanced document into September, on two accounts that are used there."""
    used = {key.split("/")[1] for key in sandbox.call("GET", VIEW)["cells"] if key.startswith("1010/")}
    for line, (account, sign) in enumerate(zip(sorted(used)[:2], "+-", strict=True), 1):
        key = {
            "CompanyCode": "1010",
            "FiscalYear": "2026",
            "AccountingDocument": number,
            "LedgerGLLineItem": f"{line:06}",
        }
        values = {
            "GLAccount": account, "FiscalPeriod": "009", "PostingDate": "/Date(1790640000000)/",
            "AmountInCompanyCodeCurrency": f"{sign}{amount}".lstrip("+"), "CompanyCodeCurrency": "EUR",
            "DebitCreditCode": "S" if sign == "+" else "H", **more,
        }  # fmt: skip
        sandbox.change("GLAccountLineItem", key, **values)
    sandbox.advance(10)  # a delta ends some seconds before SAP's own time


def september(sandbox: Sandbox) -> dict[str, Decimal]:
    """What Anaplan holds of 1010 in September, by scope."""
    cells = sandbox.call("GET", VIEW)["cells"].items()
    return {scope: Decimal(one["Amount"]) for scope, one in cells if "1010/" in scope and "/2026/009/" in scope}


def run_one(installation: Installation, name: str = FLOW, **request: object) -> Run:
    (number,) = request_runs(installation, name, **request)
    return work(installation, [number])[0]


def concerns(installation: Installation, run: Run) -> list[Concern]:
    return [one for _, one in installation.store.concerns.page(run.id) if one.look is Look.PERIODS]


def test_a_late_document_asks_with_both_totals_and_is_loaded_when_allowed(
    loaded: Installation, sandbox: Sandbox, cli: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    assert concerns(loaded, run_one(loaded)) == []  # nothing new
    post_late(sandbox)
    tasks, before = len(sandbox.tasks()), september(sandbox)
    run = run_one(loaded)
    assert run.reason == "asks a person first: 1 closed period (1010 009/2026)"
    (concern,) = concerns(loaded, run)
    gross = f"{sum(map(abs, before.values())):,f}"
    assert concern.was.startswith(f"0.00 EUR, {gross} without signs, ")
    assert concern.now.startswith("0.00 EUR, ")
    assert concern.now.endswith(" without signs, 200.00 moved")
    assert concern.effect.startswith("2 of ")
    assert concern.effect.endswith("by +100.00; closed by a.novak: month end")
    assert (len(sandbox.tasks()), september(sandbox)) == (tasks, before)

    told = cli("runs", "allow", str(run.id), "--reason", "auditor's late entry")
    assert told.returncode == 0, told.stderr
    tie = loaded.store.ties.get(run.id + 1)
    assert tie is not None
    assert tie.verdict is Verdict.TIED
    assert sum(abs(now - before.get(scope, 0)) for scope, now in september(sandbox).items()) == 200
    assert "auditor's late entry" in cli("runs", str(run.id + 1)).stdout
    (event,) = loaded.store.audit.events(kind="run.allowed")
    assert event.fact.data["reason"] == "auditor's late entry"
    again = run_one(loaded, mode=ReadMode.FULL)  # an equal reload asks nothing
    assert (again.state, again.counts.sent, concerns(loaded, again)) == (RunState.DONE, again.counts.read, [])
    assert_sound(loaded)


@pytest.mark.parametrize(
    ("more_config", "state"),
    [
        ('[flows.gl_line_items]\nclosed_periods = "stop"\n', RunState.FAILED),
        ('[flows.gl_line_items]\nclosed_periods = "go on"\n', RunState.DONE),
    ],
)
def test_an_operator_sets_another_rule(loaded: Installation, sandbox: Sandbox, state: RunState) -> None:
    post_late(sandbox)
    run = run_one(loaded)
    assert run.state is state
    (concern,) = concerns(loaded, run)
    assert concern.rule is (Rule.STOP if state is RunState.FAILED else Rule.GO_ON)
    assert concern.subject == "1010 009/2026"


@pytest.mark.parametrize("more_config", ['[flows.gl_line_items.totals]\nview = "ACT11 gone"\n' + TOTALS, NO_PERIODS])
def test_where_no_totals_can_be_compared_records_of_a_closed_period_ask(loaded: Installation, sandbox: Sandbox) -> None:
    assert concerns(loaded, run_one(loaded)) == []
    post_late(sandbox)
    run = run_one(loaded)
    assert run.state is RunState.BLOCKED
    (concern,) = concerns(loaded, run)
    assert (concern.subject, concern.was, concern.now) == ("1010 009/2026", "", "2 records would be sent")
    assert "totals" in concern.effect
    close(loaded, SEPTEMBER, PeriodStatus.SOFT)
    assert concerns(loaded, run_one(loaded)) == []


def test_what_is_not_closed_costs_nothing_and_what_cannot_be_seen_is_said(
    installation: Installation, sandbox: Sandbox
) -> None:
    sandbox.anaplan(rate_limit=False)
    close(installation, SEPTEMBER, PeriodStatus.SOFT)
    ids = request_runs(installation, "gl_accounts", "profit_centers", "cost_centers", FLOW)
    work(installation, ids)
    assert len(sandbox.requests("POST", "/views/")) == 1  # the tie-out
    close(installation, SEPTEMBER)
    run = run_one(installation, "supplier_invoices")
    (noted,) = concerns(installation, run)
    assert (run.state, noted.rule, noted.change) == (RunState.DONE, Rule.GO_ON, "periods unseen")
    assert concerns(installation, run_one(installation, "gl_accounts")) == []


def test_a_first_load_of_a_closed_period_is_noted(installation: Installation, sandbox: Sandbox) -> None:
    sandbox.anaplan(rate_limit=False)
    close(installation, SEPTEMBER)
    run = run_one(installation)  # the lists are empty: everything is refused, nothing was ever loaded
    (noted,) = concerns(installation, run)
    assert (run.state, noted.rule) == (RunState.DONE, Rule.GO_ON)
    assert noted.effect.endswith("nothing was loaded before")
    delta = run_one(installation)
    assert concerns(installation, delta) == []  # all of it stays refused

    work(installation, request_runs(installation, "gl_accounts", "profit_centers", "cost_centers"))
    places = installation.store.cases.places(run.target_id)
    number = installation.request_replay(FLOW, places, "test")
    replay = work(installation, [number])[0]
    assert replay.state is RunState.BLOCKED
    (concern,) = concerns(installation, replay)
    assert concern.effect.startswith("refused records are sent once more")
    assert_sound(installation)
