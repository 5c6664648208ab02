"""A load is told hop by hop and scope by scope: where its figures are the same, and where something was lost."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.journeys.conftest import Sandbox, assert_sound, request_runs, work
from tui_connector.domain.run import Run, RunState
from tui_connector.domain.tie import Hop, Tie, Verdict
from tui_connector.views.tie_sheet import read_sheet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from subprocess import CompletedProcess

    from tui_connector.bootstrap import Installation

MASTERS = ("gl_accounts", "profit_centers", "cost_centers")
LINES = "GLAccountLineItem"
MODULE_IMPORT = "ACT01 GL Actuals from gl_line_items.csv"
OWN = (Hop.READ, Hop.STAGED, Hop.UPLOADED, Hop.IMPORTED)
EXPORT = """
[flows.gl_line_items.totals]
by = ["Company Code", "GL Account", "Fiscal Year", "Period", "Currency"]
amount = "Amount"
export = "GL Totals export.csv"
count = "Line Count"
"""
by_export = pytest.mark.parametrize("more_config", [EXPORT])


def run(installation: Installation, *flows: str) -> list[tuple[Run, Tie]]:
    found = []
    for one in work(installation, request_runs(installation, *flows)):
        tie = installation.store.ties.get(one.id)
        assert one.state is RunState.DONE, one.reason
        assert tie is not None
        found.append((one, tie))
    return found


def spoil(sandbox: Sandbox, tenant: str, kind: str, **fields: Any) -> None:
    sandbox.call("POST", f"{tenant}/data_faults", {"kind": kind, **fields})


def words(installation: Installation, found: Run) -> str:
    return "\n".join(one.words for _, one in installation.store.ties.differences(found.id))


def test_every_hop_of_a_whole_load_tells_the_same(
    sandbox: Sandbox, installation: Installation, cli: Callable[..., CompletedProcess[str]], tmp_path: Path
) -> None:
    found = run(installation, *MASTERS, "gl_line_items")
    for one, tie in found:
        assert tie.verdict is Verdict.TIED, tie.words
        told = {hop.hop: hop for hop in tie.hops}
        assert [*told] == [*OWN, Hop.SOURCE, Hop.READ_BACK], one.flow
        assert len({hop.digest for hop in tie.hops}) == 1, (one.flow, tie.hops)
        assert len({hop.records for hop in tie.hops} - {None}) == 1, (
            one.flow,
            tie.hops,
        )  # SAP sums up, and counts nothing
    lines, tie = found[-1]
    gross = {
        json.dumps({name: str(amount.normalize()) for name, amount in (hop.gross or {}).items()}) for hop in tie.hops
    }
    assert len(gross) == 1
    assert gross != {"{}"}
    sheet = read_sheet(installation.store, lines.id)
    assert sheet is not None
    for scope in sheet.scopes():
        assert len({total.amount for total in sheet.row(scope).values() if total}) == 1, scope
    told_json = json.loads(cli("tie", str(lines.id), "--scopes", "--json").stdout)
    assert (told_json["parts"][:2], len(told_json["scopes"])) == (["Company Code", "GL Account"], len(sheet.scopes()))
    file = tmp_path / "sheet.csv"
    assert cli("tie", str(lines.id), "--scopes", "--output", str(file)).returncode == 0
    with file.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert len(rows) == len(sheet.scopes())
    assert all(float(row["read amount"]) == float(row["read back amount"]) for row in rows)
    # What stays where it is: nothing goes out the next time, and all of it is told to have been left out.
    ((_, tie),) = run(installation, "cost_centers")
    counted = {hop.hop: hop.records for hop in tie.hops}
    assert counted[Hop.LEFT] == counted[Hop.READ]
    assert Hop.UPLOADED not in counted
    assert_sound(installation)


def test_a_difference_tells_whether_the_run_had_read_it(sandbox: Sandbox, installation: Installation) -> None:
    run(installation, *MASTERS)
    spoil(sandbox, "sap", "drop_rows", name=LINES, rows=2, seed=3)
    ((found, tie),) = run(installation, "gl_line_items")
    assert tie.verdict is Verdict.NOT_TIED
    assert "; this run read " in words(installation, found)
    assert "all of it was read" not in words(installation, found)
    ((found, tie),) = run(installation, "gl_line_items")
    assert tie.verdict is Verdict.TIED, tie.words
    sandbox.call("DELETE", "sap/data_faults")


def test_what_anaplan_loses_was_read(sandbox: Sandbox, installation: Installation) -> None:
    run(installation, *MASTERS)
    spoil(sandbox, "anaplan", "drop_rows", name=MODULE_IMPORT, rows=2, seed=3)
    ((found, tie),) = run(installation, "gl_line_items")
    assert tie.verdict is Verdict.NOT_TIED
    said = words(installation, found).splitlines()
    assert all("all of it was read" in one for one in said if "Anaplan" in one), said
    sandbox.call("DELETE", "anaplan/data_faults")


def test_a_code_that_sap_did_not_give_is_told(sandbox: Sandbox, installation: Installation) -> None:
    # Three pages for the look before the load, three for the load itself, each a row short.
    spoil(sandbox, "sap", "drop_rows", name="A_GLAccountInChartOfAccounts", rows=1, seed=3, times=6)
    ((found, tie),) = run(installation, "gl_accounts")
    assert tie.verdict is Verdict.NOT_TIED
    assert "is not there; this run did not get it from SAP" in words(installation, found)


@by_export
def test_totals_are_read_back_by_an_export(sandbox: Sandbox, installation: Installation) -> None:
    *_, (found, tie) = run(installation, *MASTERS, "gl_line_items")
    assert tie.verdict is Verdict.TIED, tie.words
    assert len({hop.digest for hop in tie.hops}) == 1
    assert [one["kind"] for one in sandbox.tasks("GL Totals export.csv")] == ["exports"]
    assert installation.store.steps.get(found.id, "totals") is not None
    assert sandbox.clashes() == (0, 0)
    sandbox.anaplan(export_truncate_rows=5)  # the module holds them, the export does not show them
    ((found, tie),) = run(installation, "gl_line_items")
    assert (tie.verdict, tie.differences) == (Verdict.NOT_TIED, 5), tie.words  # also those that come to 0.00
    sandbox.anaplan(export_truncate_rows=0)
    spoil(sandbox, "anaplan", "hide_rows", name="ACT11 GL Totals", rows=2, seed=1)
    ((found, tie),) = run(installation, "gl_line_items")
    assert (tie.verdict, tie.differences) == (Verdict.NOT_TIED, 2), tie.words
    kept = installation.store.definitions.all(found.target_id)
    assert "export GL Totals export.csv" in kept
    sandbox.fault("status", "exports", method="POST", status=500, times=-1)
    ((found, tie),) = run(installation, "gl_line_items")
    assert tie.verdict is Verdict.UNVERIFIED, tie.words
    assert_sound(installation)
