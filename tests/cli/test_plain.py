"""--plain: the console's views as lines of words."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.ui import afternoon as made
from tui_connector.cli import build_parser
from tui_connector.cli.plain import changes, view_of
from tui_connector.domain.errors import ConfigError
from tui_connector.views.rejects import CauseList, RecordList

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tui_connector.views.desk import Desk

GLYPHS = "✓✗▲◆●○◇■□━─▌"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    found = made.afternoon(tmp_path)
    yield found
    found.store.close()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "2 proposals wait for approval, 1 posting has an unknown outcome, 1 load is not tied."),
        (
            ["overview"],
            "Needs a person: approve P-0003: Plan writeback, 12 documents, 1,204,551.10 EUR and 88,400.00 USD",
        ),
        (["run", "135"], "Run 135 gl_line_items: running, step 4 of 5, import, 9 min 05 s, about 1 min left"),
        (["run", "125"], "Tie-out: not tied. 3 of 1,204 scopes differ."),
        (["run", "125"], "Hop read back: 391,569 records, 48,207,282.77 EUR and 3,903,278.20 USD"),
        (["run", "126"], "Tie-out: unverified. The model has no view ACT12 Invoice Totals"),
        (
            ["differences", "125"],
            "Period 011, Currency EUR: SAP asked again: 7 records, 1,319.60 EUR; read back: nothing",
        ),
        (["overview"], "Needs a person: not tied run 125: gl_line_items: SAP and Anaplan differ, 3 scopes"),
        (["flow", "gl_line_items"], "tied out: by Company Code"),
        (["runs", "outcome:unverified"], "run 126 supplier_invoices: clean"),
        (["proposal", "P-0003"], "P-0003"),
        (["audit", "kind:posted"], "filter kind:posted"),
        (["runs"], "run 135 gl_line_items: running, began 14:31"),
        (["runs", "outcome:failed"], "failed"),
        (["approvals"], "P-0003"),
        (["staleness", "P-0003"], "The plan"),
        (["documents", "P-0002"], "document 1 in"),
        (["document", "P-0002", "1"], "sum: debit"),
        (["rejects"], "17 records were refused, for 3 causes."),
        (["rejects", "suppliers"], "suppliers"),
        (["reject", "REJECT"], "stands: open since"),
    ],
)
def test_each_view_is_told_in_words(desk: Desk, words: list[str], told: str) -> None:
    if words == ["reject", "REJECT"]:
        words = ["reject", str(RecordList(desk, CauseList(desk).after(None, 1)[0].group).after(None, 1)[0].place)]
    lines = list(view_of(desk, words)())
    assert any(told in line for line in lines), lines[:20]
    assert all(line.strip() for line in lines)
    assert not set("".join(lines)) & set(GLYPHS), [line for line in lines if set(line) & set(GLYPHS)]


@pytest.mark.parametrize(
    "words",
    [
        ["nothing"],
        ["run"],
        ["run", "9999"],
        ["run", "x"],
        ["differences", "124"],
        ["differences", "x"],
        ["proposal", "P-0999"],
        ["reject", "1/1"],
        ["reject", "x"],
        ["document", "P-0002", "99"],
    ],
)
def test_what_is_not_there_is_said(desk: Desk, words: list[str]) -> None:
    with pytest.raises(ConfigError):
        list(view_of(desk, words)())


def test_only_what_changed_is_told_again() -> None:
    before = [
        "Overview, Tue 1 Dec 2026, 14:40:12 CET", "Needs a person: approve P-0003: 12 documents, waits 38 min",
        "Running: run 135 gl_line_items, step 3 of 4, import 62 %, for 9 min 05 s", "Requests: 114 of 570/min",
    ]  # fmt: skip
    older = [
        "Overview, Tue 1 Dec 2026, 14:41:12 CET", "Needs a person: approve P-0003: 12 documents, waits 39 min",
        "Running: run 135 gl_line_items, step 3 of 4, import 62 %, for 10 min", "Requests: 99 of 570/min",
    ]  # fmt: skip
    assert list(changes(before, older)) == []
    moved = [older[0], older[2].replace("62 %", "71 %"), older[3]]
    assert list(changes(older, moved)) == [f"No more: {older[1]}", moved[1]]


def test_plain_takes_its_words_before_a_command_could() -> None:
    given = build_parser().parse_args(["--plain", "run", "12", "--follow"])
    assert (given.plain, given.follow, given.handler) == (["run", "12"], True, "")
    assert build_parser().parse_args(["--plain"]).plain == []
    assert build_parser().parse_args(["runs", "12", "--follow"]).plain is None


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()


def test_following_tells_one_line_for_a_change(desk: Desk, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tui_connector", "--config", str(tmp_path / "config.toml"), "--plain", "--follow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process, ended(process):
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.startswith("Overview, ")
        seen = [process.stdout.readline() for _ in range(12)]
        with desk.store.transaction() as tx:
            tx.change("UPDATE proposal SET state = 'rejected' WHERE id = 4")
        deadline = time.monotonic() + 20
        while "No more: Needs a person: approve P-0004" not in seen[-1] and time.monotonic() < deadline:
            seen.append(process.stdout.readline())
    assert "No more: Needs a person: approve P-0004" in seen[-1]
    assert sum("P-0003" in line for line in seen) == 1
