"""The reject desk over a labelled set: every refusal joined to its source record, classed, and sent again alone."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.journeys import conftest as journeys
from tests.journeys.desk import ACCOUNT_SERVICE, ACCOUNT_SET, Desk, read_sap, restore, set_up
from tests.journeys.test_bad_records import LINE_SET, key_of
from tui_connector.anaplan import dumps
from tui_connector.cli import Exit
from tui_connector.domain.run import RunState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.journeys.conftest import Sandbox

DEEP = bool(os.environ.get("DEEP_TESTS"))
LABELLED = 5000 if DEEP else 800
LINES = 6000 if DEEP else 800
MEMBERS, ACTUALS = "GL Line Items from gl_line_items.csv", "ACT01 GL Actuals from gl_line_items.csv"
INVOICES, ORDERS = (
    "ACT02 Supplier Invoices from supplier_invoices.csv",
    "ACT03 Purchase Orders from purchase_orders.csv",
)
ACCOUNTS, SUPPLIERS = "Accounts from accounts.csv", "Suppliers from suppliers.csv"


@dataclass(frozen=True)
class Kind:
    """Rows that one import refuses, of one kind: Anaplan's own name of it, and the class that a person gives it."""

    imported: str
    type: str
    column: str
    status: str
    wanted: str
    share: float


KINDS = (
    Kind(ACCOUNTS, "hierarchyImportNameOrCodeExists", "Name", "E", "duplicate-code", 0.1),
    Kind(ACCOUNTS, "hierarchyImportAccessDenied", "Code", "E", "no-access", 0.1),
    Kind(SUPPLIERS, "hierarchyImportInvalidParent", "Account Group", "W", "parent-missing", 1),
    Kind(SUPPLIERS, "hierarchyImportDuplicateKeyInSource", "Code", "E", "duplicate-code", 1),
    Kind(MEMBERS, "hierarchyImportInvalidCode", "Code", "E", "bad-code", 2),
    Kind(MEMBERS, "hierarchyImportAccessDenied", "Code", "E", "no-access", 2),
    Kind(ACTUALS, "moduleImportNumberFormat", "Amount", "W", "bad-number", 3),
    Kind(ACTUALS, "moduleImportDateFormat", "Posting Date", "W", "bad-date", 2),
    Kind(ACTUALS, "invalidDate", "Posting Date", "E", "bad-date", 2),
    Kind(ACTUALS, "moduleImportInvalidListIdentifier", "GL Account", "W", "unknown-member", 3),
    Kind(ACTUALS, "moduleImportInvalidTimeEntityIdentifier", "Period", "E", "unknown-period", 2),
    Kind(ACTUALS, "moduleImportInvalidLineItemIdentifier", "", "E", "unknown-line-item", 2),
    Kind(ACTUALS, "moduleImportRepeatedNonNumeric", "Document", "W", "duplicate-code", 2),
    Kind(ACTUALS, "cellIsCalculated", "Debit Credit", "I", "calculated-cell", 2),
    Kind(INVOICES, "moduleImportBooleanFormat", "Reversed", "W", "bad-yes-or-no", 2),
    Kind(INVOICES, "dateFormatMalformed", "Document Date", "E", "bad-date", 2),
    Kind(ORDERS, "moduleImportNumberFormat", "Quantity", "W", "bad-number", 2),
    Kind(ORDERS, "moduleImportInvalidListIdentifier", "Supplier", "W", "unknown-member", 2),
)
FLOW_OF = {ACCOUNTS: "gl_accounts", SUPPLIERS: "suppliers", MEMBERS: "gl_line_items", ACTUALS: "gl_line_items",
           INVOICES: "supplier_invoices", ORDERS: "purchase_orders"}  # fmt: skip
LONG_NAMES, TABS, NEW_CENTERS = 20, 5, 30
CLASS_OF = {(one.imported, one.type): one.wanted for one in KINDS}


@pytest.fixture(scope="module")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox of its own, with as many line items as the labelled set needs."""
    command = [sys.executable, "-m", "tui_connector.sandbox", "--parent-pipe", "--line-items", str(LINES)]
    pipe, complaints = subprocess.PIPE, tmp_path_factory.mktemp("sandbox") / "err"
    with (
        complaints.open("w") as err,
        subprocess.Popen(command, cwd=journeys.ROOT, stdin=pipe, stdout=pipe, stderr=err, text=True) as process,
    ):
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        with httpx.Client(trust_env=False, timeout=60) as http:
            yield journeys.Sandbox(f"http://127.0.0.1:{port}", http)
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def desk(sandbox_process: Sandbox, tmp_path: Path) -> Desk:
    restore(sandbox_process)
    return set_up(sandbox_process, tmp_path)


@dataclass(frozen=True)
class Label:
    """What is true of a refused record: its flow, the code of its line, the class, and the values sent."""

    flow: str
    code: str
    wanted: str
    values: dict[str, str] | None


def spoil_sap(sandbox: Sandbox) -> list[Label]:
    """Records that SAP itself holds badly, so that nobody has to be told to refuse them."""
    labels = []
    # SAP's names are short; other systems put longer ones into the same answer
    accounts = read_sap(sandbox, f"{ACCOUNT_SERVICE}/{ACCOUNT_SET}", expand="to_Text", top="5000")
    for at, row in enumerate(accounts[: LONG_NAMES + TABS]):
        long = at < LONG_NAMES
        for text in row["to_Text"]["results"]:
            text["GLAccountName"] = f"{'n' * 61}{at}" if long else f"tab\t{at}"
        labels.append(Label("gl_accounts", row["GLAccount"], "name-too-long" if long else "forbidden-character", None))
    sandbox.fault("replace_json", f"/{ACCOUNT_SET}\\?", body={"d": {"results": accounts}}, times=-1)
    rows = read_sap(sandbox, LINE_SET, filter="Ledger eq '0L' and FiscalPeriod ne '000'", top=str(NEW_CENTERS))
    for row in rows:
        sandbox.change("GLAccountLineItem", key_of(row), CostCenter="NEW4736")
        labels.append(Label("gl_line_items", "-".join(key_of(row).values()), "unknown-member", None))
    return labels


def lay_faults(sandbox: Sandbox, rows: int) -> None:
    """Let imports refuse so many rows, spread over the kinds."""
    unit = rows / sum(kind.share for kind in KINDS)
    sandbox.call("DELETE", "anaplan/data_faults")
    for at, kind in enumerate(KINDS):
        fault = {"kind": "refuse_rows", "name": kind.imported, "rows": round(unit * kind.share), "seed": at}
        sandbox.call(
            "POST", "anaplan/data_faults", fault | {"type": kind.type, "column": kind.column, "status": kind.status}
        )


def told_labels(sandbox: Sandbox) -> list[Label]:
    """What the sandbox says it refused, a record once: a line that a list refused is missing in the module after it."""
    found: dict[tuple[str, str], Label] = {}
    for one in sandbox.call("GET", "anaplan/refused")["refused"]:
        flow, code = FLOW_OF[one["import"]], one["values"]["Code"]
        found.setdefault((flow, code), Label(flow, code, CLASS_OF[one["import"], one["type"]], one["values"]))
    return list(found.values())


def listed(desk: Desk, *arguments: str) -> list[dict[str, Any]]:
    told = desk.tell("rejects", "list", "--records", "--limit", "100000", "--json", *arguments)
    assert told.code == 0, told.text
    rejects: list[dict[str, Any]] = json.loads(told.out)["rejects"]
    return rejects


def code_of(reject: dict[str, Any]) -> str:
    """The code of its line, from SAP's key."""
    key: str = reject["key"]
    return key.partition("-")[2] if reject["flow"] == "gl_accounts" else key


def every_line(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """SAP's own line items, by their keys."""
    found: dict[str, dict[str, Any]] = {}
    while page := read_sap(sandbox, LINE_SET, filter="Ledger eq '0L'", skip=str(len(found)), top="1000"):
        found |= {"-".join(key_of(row).values()): row for row in page}
    return found


def received(sandbox: Sandbox, file: str) -> list[dict[str, str]]:
    """The rows of a file as the simulated Anaplan holds it."""
    model, headers = journeys.anaplan(sandbox)
    files = sandbox.http.get(f"{model}/files", headers=headers).json()["files"]
    number = next(one["id"] for one in files if one["name"] == file)
    text = sandbox.http.get(f"{model}/files/{number}", headers=headers).content.decode()
    return list(csv.DictReader(io.StringIO(text)))


def share(good: int, of: int) -> str:
    return f"{good:,} of {of:,}"


# in Anaplan's words as far as they are known, and in words that say nothing: then its names of errors have to do
@pytest.mark.parametrize("odd_words", [False, True] if DEEP else [False])
def test_a_labelled_set_is_joined_classed_and_replayed(desk: Desk, odd_words: bool) -> None:
    sandbox = desk.sandbox
    sandbox.anaplan(dump_ignored="I", odd_error_words=odd_words)
    sandbox.sap(gzip=False)  # an answer that is replaced is not packed
    natural = spoil_sap(sandbox)
    lay_faults(sandbox, round(1.15 * LABELLED))  # more than wanted, as some fall on a record that is refused anyway
    told = desk.tell("run", "--all")
    assert told.code in (Exit.REJECTS, Exit.NOT_TIED), told.text
    labels = {(one.flow, one.code): one for one in (*natural, *told_labels(sandbox))}
    assert len(labels) >= LABELLED
    assert len({one.wanted for one in labels.values()}) >= 10

    rejects = {(one["flow"], code_of(one)): one for one in listed(desk)}
    sources = every_line(sandbox)
    joined, right, wrong = 0, 0, Counter[tuple[str, str]]()
    for place, label in labels.items():
        reject = rejects.get(place)
        if reject is None or (label.values is not None and reject["values"] != label.values):
            continue
        if label.flow == "gl_line_items":
            source = sources[label.code]
            same = Decimal(source["AmountInCompanyCodeCurrency"]) == Decimal(reject["values"]["Amount"])
            assert same, (source, reject)
        joined += 1
        if reject["class"] == label.wanted:
            right += 1
        else:
            wrong[label.wanted, reject["class"]] += 1
    print(f"\nlabelled {len(labels):,} of {len({one.wanted for one in labels.values()})} classes:"
          f" joined {share(joined, len(labels))}, rightly classed {share(right, len(labels))}; wrong {dict(wrong)}")  # fmt: skip
    assert joined == len(labels), [place for place in labels if place not in rejects][:5]
    assert right >= 0.95 * len(labels), wrong
    assert desk.tell("audit", "verify").code == 0

    run, named_as_ignored = (
        desk.latest("gl_line_items"),
        sum(one.wanted == "calculated-cell" for one in labels.values()),
    )
    with desk.opened() as installation:
        steps = {one.name: one.data for one in installation.store.steps.of(run.id)}
    told_apart = steps["import"]["refused"], steps["import"]["ignored_rows"], steps["transfer"]["rejected"]
    assert told_apart[1] == named_as_ignored <= run.counts.ignored
    assert run.counts.rejected == sum(told_apart)

    sandbox.call("DELETE", "anaplan/data_faults")
    named = [place for place, label in labels.items() if place[0] == "gl_line_items" and label.values is not None]
    chosen = [rejects[place] for place in random.Random(7).sample(sorted(named), 37)]
    tasks = len(sandbox.tasks())
    told = desk.tell("rejects", "replay", *(one["id"] for one in chosen), "--yes", "--json")
    assert told.code == 0, told.text
    got = received(sandbox, "gl_line_items.csv")
    by_code = {one["key"]: one["values"] for one in chosen}
    assert {row["Code"]: row for row in got} == by_code
    assert len(got) == len(chosen)
    assert len(sandbox.tasks()) == tasks + 1
    left = {one["id"] for one in listed(desk)}
    assert left == {one["id"] for one in rejects.values()} - {one["id"] for one in chosen}
    assert desk.tell("audit", "verify").code == 0


def test_a_dump_that_counts_lines_otherwise_is_joined_to_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would notice that every reject bears its neighbour's key."""
    read = dumps.dump_rows

    async def one_off(*given: Any) -> AsyncIterator[dumps.DumpRow]:
        async for row in read(*given):
            yield replace(row, line=(row.line or 0) - 1)

    monkeypatch.setattr(dumps, "dump_rows", one_off)
    desk.sandbox.anaplan(code_limit=3)
    told = desk.tell("run", "gl_accounts")
    run = desk.latest("gl_accounts")
    assert (told.code, run.state) == (1, RunState.FAILED)
    assert "which is not what was sent there" in run.reason
    desk.nothing_lost(run)
    monkeypatch.undo()
    desk.sandbox.anaplan(code_limit=60)
    assert desk.tell("run", "gl_accounts").code == 0
