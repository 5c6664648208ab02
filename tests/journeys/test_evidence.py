"""From SAP into Anaplan and back, and then to the auditor: a pack that a bare Python checks in a folder of its own."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

from tests.journeys.desk import ACCOUNT_SERVICE, ACCOUNT_SET, read_sap
from tests.journeys.plan_desk import PERIOD, plan_desk
from tests.review.packs import Parts
from tui_connector.domain.ledger import FiscalPeriod

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.journeys.conftest import Sandbox


def verified(pack: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """What the pack's own verifier says, alone in a folder, without this project and without any library."""
    folder.mkdir()
    with zipfile.ZipFile(pack) as archive:
        archive.extract("verify.py", folder)
    command = [sys.executable, "-I", "-S", "verify.py", str(pack)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False, env={})


def test_a_pack_of_everything_stands_alone(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = plan_desk(sandbox, tmp_path, monkeypatch)
    (row,) = read_sap(sandbox, f"{ACCOUNT_SERVICE}/{ACCOUNT_SET}", top="1", select="GLAccount")
    key = {"ChartOfAccounts": "YCOA", "GLAccount": row["GLAccount"]}
    sandbox.change(ACCOUNT_SET, key, GLAccountName="a\nsecond line")
    desk.tell("run", "gl_accounts")
    desk.posts(desk.propose())
    desk.does("audit", "checkpoint")
    said = desk.json("audit", "export", "--since", "today", "--output", str(tmp_path / "day.zip"))
    assert (said["sound"], said["fault"]) == (True, "")
    told = verified(tmp_path / "day.zip", tmp_path / "alone")
    assert (told.returncode, told.stderr) == (0, "")
    lines = told.stdout.splitlines()
    assert lines[1].startswith("ok     the pack is sealed by tui-connector/")
    assert re.search(r"[12] under a checkpoint$", lines[2])
    assert lines[0] == f"ok     15 members are those of the manifest; the pack's digest is {said['digest']}"
    assert lines[-1] == "SOUND  all of this pack fits"
    pack = Parts.of(tmp_path / "day.zip")
    ties = {one["verdict"] for one in pack.lines("ties.jsonl")}
    assert "tied" in ties
    (proposal,) = pack.lines("proposals.jsonl")
    assert {one["standing"]["state"] for one in proposal["documents"]} == {"verified"}
    assert any("line feed" in one["cause"] for one in pack.lines("rejects.jsonl"))
    by_period = desk.json("audit", "export", "--period", PERIOD, "--output", str(tmp_path / "period.zip"))
    assert by_period["proposals"] == 1  # it posts into that period, whenever that is done
    assert str(FiscalPeriod.parse(PERIOD)) == by_period["scope"]["period"]

    changed = pack.copy()
    changed.members["report.html"] = changed.members["report.html"].replace(b"proved", b"proven")
    (tmp_path / "changed.zip").write_bytes(changed.packed().getvalue())
    told = verified(tmp_path / "changed.zip", tmp_path / "elsewhere")
    assert told.returncode == 1
    assert told.stdout.endswith("WRONG  report.html is not as it was made\n")
    nothing = subprocess.run(
        [sys.executable, "-I", "-S", "verify.py"], cwd=tmp_path / "alone", capture_output=True, check=False
    )
    assert nothing.returncode == 1
    assert b"PACK.zip [CHECKPOINTS]" in nothing.stderr
