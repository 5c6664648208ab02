"""The demo by keys, from the first run to the proved document; SCREENSHOTS=1 writes the README's pictures from it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from contextlib import ExitStack
from dataclasses import fields, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.journeys.conftest import Sandbox
from tests.journeys.desk import read_sap
from tests.ui.played import played
from tests.ui.stage import SMALL, WIDE, browser, console, press, settled, shoot, shown, text, type_in, until
from tui_connector.bootstrap import Installation, open_installation
from tui_connector.demo import (
    FIRST_PERSON,
    PASSPHRASE,
    SECOND_PERSON,
    second_person,
    start_sandbox,
    write_demo_config,
)
from tui_connector.domain.proposal import ProposalState
from tui_connector.domain.run import ReadMode, RunRequest
from tui_connector.ui.dialogs.decide import Decide

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.pilot import Pilot

    from tui_connector.domain.proposal import Proposal
    from tui_connector.ui.app import Console

ROOT = Path(__file__).parents[2]
PICTURES = bool(os.environ.get("SCREENSHOTS"))
_LINE_ITEMS, _CYCLES = (60_000, 8) if PICTURES else (2_000, 1)
_HOST = "demo-host"
_LINES = "/sap/opu/odata/sap/API_GLACCOUNTLINEITEM/GLAccountLineItem"
_LINE_KEY = ("CompanyCode", "FiscalYear", "AccountingDocument", "LedgerGLLineItem")
_SUPPLIERS = "/sap/opu/odata/sap/API_BUSINESS_PARTNER/A_Supplier"
_PLANNED = (
    "Code", "Company Code", "GL Account", "Cost Center", "Profit Center", "Posting Date", "Amount", "Currency", "Text",
    "Group", "Status", "Approved By", "Approved At",
)  # fmt: skip
_PATIENCE = 180.0


class Controller(Installation):
    """The demo's installation, with its second person at the console."""

    __slots__ = ()

    def person(self) -> str:
        return SECOND_PERSON


@pytest.fixture
def anonymous(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No picture tells the machine it was made on, whichever process says its name."""
    place = tmp_path / "site"
    place.mkdir()
    (place / "sitecustomize.py").write_text(
        f'import socket\nsocket.gethostname = lambda: "{_HOST}"\n', encoding="utf-8"
    )
    monkeypatch.setenv("PYTHONPATH", f"{place}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setattr(socket, "gethostname", lambda: _HOST)


@pytest.fixture
def demo(tmp_path: Path, anonymous: None) -> Iterator[tuple[Controller, Sandbox, Path]]:
    """The parts that `tui-connector demo` starts, and a way to spoil some records."""
    with ExitStack() as stack:
        address = stack.enter_context(start_sandbox(_LINE_ITEMS))
        config = write_demo_config(tmp_path, address, scheduled=False)
        opened = stack.enter_context(open_installation(str(config)))
        installation = Controller(*(getattr(opened, one.name) for one in fields(Installation)))
        http = stack.enter_context(httpx.Client(trust_env=False, timeout=30))
        yield installation, Sandbox(address, http), tmp_path


def spoil(sandbox: Sandbox) -> None:
    """Names with a line break, and line items on a cost center that Anaplan does not have."""
    for number, row in enumerate(read_sap(sandbox, _SUPPLIERS, top="3", select="Supplier"), 1):
        sandbox.change("A_Supplier", {"Supplier": row["Supplier"]}, SupplierName=f"Huber & Söhne\nWerk {number}")
    wanted = "Ledger eq '0L' and FiscalPeriod ne '000' and CompanyCode eq '1010'"
    rows = read_sap(sandbox, _LINES, filter=wanted, top="200")
    for row in [one for one in rows if one["CostCenter"]][:5]:
        sandbox.change("GLAccountLineItem", {name: row[name] for name in _LINE_KEY}, CostCenter="0010109736")


def plan_anew(sandbox: Sandbox) -> None:
    """A planner raises and lowers amounts of five documents, and adds a line; each document still balances."""
    lines: dict[str, dict[str, str]] = sandbox.call("GET", "anaplan/plan")["lines"]
    groups: dict[tuple[str, str], list[str]] = {}
    for code, cells in lines.items():
        groups.setdefault((cells["Company Code"], cells["Group"]), []).append(code)
    changed, more = dict[str, dict[str, str]](), list[dict[str, str]]()
    for number, codes in enumerate(list(groups.values())[:5]):
        up, down, *_, rest = sorted(codes, key=lambda code: Decimal(lines[code]["Amount"]), reverse=True)
        raised, lowered = Decimal(1250 + 333 * number), Decimal("480.50") + 95 * number
        moved = {up: raised, down: -lowered, rest: lowered - raised}
        if not number:
            added = Decimal("1980.00")
            moved[rest] -= added
            more.append(lines[up] | {"Code": "PL-9001", "Amount": str(added), "Text": "Agency welders, weeks 46 to 48"})
        changed |= {code: {"Amount": str(Decimal(lines[code]["Amount"]) + by)} for code, by in moved.items()}
    add = [{name: line[name] for name in _PLANNED} for line in more]
    sandbox.call("PATCH", "anaplan/plan", {"lines": changed, "add": add})


def shrink(picture: Path) -> None:
    """To a fifth, where ImageMagick is there: a screen has few colours."""
    program = shutil.which("convert")
    if program:  # without chunks that some viewers take for another brightness
        how = ["+dither", "-colors", "128", "-strip", "-define", "png:exclude-chunk=all"]
        subprocess.run([program, str(picture), *how, f"PNG8:{picture}"], check=True, timeout=60)


class Tour:
    """The way through the console, with pictures where they are wanted."""

    def __init__(self, app: Console, pilot: Pilot[Any]) -> None:
        self.app = app
        self.pilot = pilot

    async def keys(self, *keys: str) -> None:
        await press(self.pilot, *keys)

    async def see(self, *words: str) -> None:
        await until(self.pilot, lambda: all(word in text(self.app) for word in words), _PATIENCE)

    async def sign(self, proposal: Proposal) -> None:
        await self.keys("A")
        assert isinstance(self.app.screen, Decide)
        await type_in(self.pilot, proposal.short.replace(" ", ""))
        await self.keys("enter")
        await type_in(self.pilot, PASSPHRASE)
        await self.keys("enter")
        found = self.app.desk.store.proposals
        await until(self.pilot, lambda: found.get(proposal.id).state is not ProposalState.PLANNED, _PATIENCE)

    async def take(self, name: str) -> None:
        await settled(self.pilot)
        if PICTURES:
            picture = shoot(self.app, ROOT / "screenshots" / f"{name}.png")
            shrink(picture)
            told = picture.with_suffix(".svg").read_text(encoding="utf-8")
            assert str(ROOT) not in told
            assert "/tmp" not in told

    async def resize(self, size: tuple[int, int]) -> None:
        await self.pilot.resize_terminal(*size)
        await settled(self.pilot)


@pytest.mark.timeout(900)
@played
async def test_the_demo_by_keys(demo: tuple[Controller, Sandbox, Path]) -> None:
    installation, sandbox, folder = demo
    assert browser() or not PICTURES, "pictures need a browser"
    desk = replace(installation.desk(approver_key=second_person(folder).path), person=SECOND_PERSON)
    store, flows = installation.store, [RunRequest(flow.name) for flow in installation.flows]
    app = console(desk, attend=True, worker_stays=False)
    async with app.run_test(size=WIDE, notifications=False) as pilot:
        tour = Tour(app, pilot)
        await until(pilot, lambda: bool(store.workers.alive()), _PATIENCE)
        for cycle in range(_CYCLES):
            if cycle == max(0, _CYCLES - 2):
                spoil(sandbox)
            installation.request_runs(flows, FIRST_PERSON)
            await until(pilot, lambda: not store.runs.waiting() and not store.runs.running(), _PATIENCE)

        # the overview, while line items are read again
        await tour.see("1 proposal waits for approval")
        both = RunRequest("gl_line_items", ReadMode.FULL), RunRequest("customers", ReadMode.FULL)
        run_id, other = installation.request_runs(both, FIRST_PERSON)
        await until(pilot, lambda: _half_way(installation, run_id) or store.runs.get(run_id).state.ended, _PATIENCE)
        await tour.keys("home")
        await tour.take("overview")
        await tour.keys("2")
        await tour.see("── Runs ", "── Steps ")
        await tour.take("runs")
        await until(pilot, lambda: store.runs.get(other).state.ended, _PATIENCE)

        # the proposal is read and signed, and posted
        await tour.keys("4", "enter")
        await tour.see("If you approve")
        proposal = store.proposals.history(1, states=(ProposalState.PLANNED,))[0]
        await tour.sign(proposal)
        await until(pilot, lambda: store.proposals.get(proposal.id).state is ProposalState.POSTED, _PATIENCE)
        await tour.keys("d")
        await tour.see("proved to the cent")
        await until(pilot, lambda: not store.runs.waiting() and not store.runs.running(), _PATIENCE)
        await tour.take("documents")

        # the plan moves: what is proposed now stands beside what was planned and posted before
        plan_anew(sandbox)
        (run_id,) = installation.request_runs([RunRequest("plan_writeback")], FIRST_PERSON)
        await until(pilot, lambda: store.runs.get(run_id).state.ended, _PATIENCE)
        await tour.keys("4")
        await tour.see("1 proposal waits for approval")
        await tour.keys("home", "enter")
        await tour.see("If you approve", "16 of 65 lines", "4 Approvals 1")
        await tour.keys("down", "down", "down", "space", "down")
        await tour.take("review")
        app.use("light")
        await tour.take("review-light")
        app.use("dark")
        await tour.resize(SMALL)
        await tour.take("review-80x24")
        await tour.resize(WIDE)
        await tour.keys("A")
        again = store.proposals.history(1, states=(ProposalState.PLANNED,))[0]
        await type_in(pilot, again.short.replace(" ", "")[:5])
        await tour.see("5 of 8 match")
        await tour.take("decision")
        await tour.keys("escape")

        # one line's story, and the log verified
        line = next(line for line in store.proposals.each_line(proposal.id) if line.key)
        await tour.keys("5", "v")
        await tour.see("The log is whole up to event")
        await tour.keys("t")
        await type_in(pilot, line.key)
        await tour.keys("enter")
        await tour.see("── Trace ", "✓ proved")
        await tour.take("audit")

        await tour.keys("3")
        await tour.see("records were refused, for")
        await tour.keys("down")
        await tour.take("rejects")
        await tour.keys("6")
        await tour.see("in running order")
        await tour.take("flows")
        await tour.keys("7", "a")
        await tour.see("Both tenants answer")
        await tour.take("connections")
        assert shown(app)[0].endswith(" DEMO")

        await tour.keys("q")
        await pilot.press("d")
        await until(pilot, lambda: app.attendant.pid is None, _PATIENCE)
    assert app.attendant.ended_with == 0
    verdict = store.audit.verify()
    assert verdict.broken_at is None, verdict.finding


def _half_way(installation: Installation, run_id: int) -> bool:
    found = installation.store.steps.progress_of([run_id]).get(run_id)
    return found is not None and found.data.get("percent", 0) > 20
