"""The console on a real terminal: from an empty folder to documents that are posted, proved and traced, by keys alone."""

from __future__ import annotations

import os
import re
import signal
import sys
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.ui.terminal import Terminal, strays
from tui_connector.bootstrap import open_installation
from tui_connector.demo import PASSPHRASE
from tui_connector.domain.proposal import DocumentState, ProposalState

CLEAR = "\x15"  # ctrl+u
if TYPE_CHECKING:
    from collections.abc import Iterator

PATHS = {
    "2": "Runs", "3": "Rejects", "4": "Approvals", "5": "Audit", "6": "Flows", "7": "Connections", "1": "S/4HANA",
}  # fmt: skip


@contextmanager
def demo(folder: Path) -> Iterator[Terminal]:
    command = [sys.executable, "-m", "tui_connector", "demo", "--state", str(folder), "--line-items", "600"]
    try:
        with Terminal(command, size=(120, 40)) as terminal:
            yield terminal
    finally:
        for left in workers(folder):  # it outlives a console that is killed
            os.kill(left, signal.SIGKILL)


def workers(folder: Path) -> list[int]:
    """Processes that serve this folder."""
    found = []
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = one.read_bytes().split(b"\0")
            if str(folder / "config.toml").encode() in words and b"--no-ui" in words:
                found.append(int(one.parent.name))
    return found


def seen(text: str, pattern: str) -> str:
    found = re.search(pattern, text)
    assert found, f"no {pattern} in\n{text}"
    return found[1]


@pytest.mark.timeout(300)
def test_a_plan_is_watched_reviewed_signed_posted_and_traced(tmp_path: Path) -> None:
    with demo(tmp_path / "state") as terminal:
        pid = watch_the_first_runs(terminal)
        visit_every_screen(terminal)
        fingerprint = review_and_sign(terminal)
        number = see_it_posted(terminal)
        trace_a_line(terminal, number, line_key(tmp_path / "state"))
        terminal.press("q")
        terminal.until(f"This console started a worker, process {pid}.")
        terminal.press("enter")  # drains it
        assert terminal.wait(60) == 0
        assert workers(tmp_path / "state") == []
    assert strays(bytes(terminal.raw)) == set()
    with open_installation(str(tmp_path / "state" / "config.toml"), read_only=True) as installation:
        store = installation.store
        proposal = store.proposals.get(1)
        assert proposal.state is ProposalState.POSTED
        assert proposal.short == fingerprint
        assert {one.state for one in store.proposals.documents(1)} == {DocumentState.VERIFIED}
        assert [one.name for one in store.proposals.approvals(1)] == ["controller"]
        assert store.audit.verify().broken_at is None


def watch_the_first_runs(terminal: Terminal) -> int:
    """The console starts a worker of its own, since none serves; its number."""
    terminal.until("No worker runs", 60)
    pid = int(seen(terminal.until("A worker was started here"), r"A worker was started here, process (\d+)"))
    assert "--no-ui" in Path(f"/proc/{pid}/cmdline").read_text()
    terminal.press("2")
    terminal.until(lambda text: "●" in text and "Steps" in text, 60)
    terminal.until(lambda text: f"worker {pid} on" in text and "step done" in text, 60)
    terminal.press("1")
    text = terminal.until("1 proposal waits for approval", 120)
    assert re.search(r"All \d+ runs of today ended clean", text)
    return pid


def visit_every_screen(terminal: Terminal) -> None:
    for key, title in PATHS.items():
        terminal.press(key)
        terminal.until(partial(_on, title))
        assert "DEMO" in terminal.lines[0]
        terminal.press("?")
        terminal.until("Everywhere")
        terminal.press("esc")
        terminal.until(lambda text: "Everywhere" not in text)
    terminal.press("ctrl+p")
    terminal.until("Go to Approvals")
    terminal.press("esc")
    terminal.until(lambda text: "Go to Approvals" not in text)


def _on(title: str, text: str) -> bool:
    return text.split("\n")[1].strip().startswith(title)


def review_and_sign(terminal: Terminal) -> str:
    terminal.press("4")
    terminal.until("P-0001")
    terminal.press("enter")
    text = terminal.until(lambda text: "If you approve" in text and "▸ 4100" in text)
    fingerprint = seen(text, r"fingerprint\s+([0-9a-f]{4} [0-9a-f]{4})")
    assert re.search(r"You sign 8 documents with 64 lines: [\d,.]+ CHF and [\d,.]+ EUR gross in 2 company codes", text)
    assert "0L ACTUALS" in text
    terminal.press("down", "enter")
    terminal.until("▾ 4100")
    terminal.press("A")
    text = terminal.until("Type the fingerprint to sign")
    assert "8 reversal documents" in text
    typed = fingerprint.replace(" ", "")
    terminal.send(f"\x1b[200~{typed}\x1b[201~")  # nothing is pasted here
    terminal.settle()
    assert "0 of 8 match" in terminal.text
    wrong = "0" if typed[0] != "0" else "1"
    terminal.type(wrong)
    terminal.until("does not match at character 1")
    terminal.press("backspace")
    terminal.type(typed)
    terminal.until("8 of 8 match")
    terminal.press("enter")
    terminal.type(PASSPHRASE)
    assert PASSPHRASE not in terminal.text
    terminal.press("enter")
    terminal.until("What was signed")
    assert b"Signed " in terminal.raw  # told for some seconds
    assert PASSPHRASE.encode() not in bytes(terminal.raw)
    return fingerprint


def see_it_posted(terminal: Terminal) -> str:
    """The documents go out while one looks on; the number of the first in SAP."""
    terminal.press("d")
    proved = "All 8 documents are posted and proved to the cent."
    text = terminal.until(lambda text: proved in text and text.count("✓ proved") == 8, 90)
    return seen(text, r"1\s+1010 .*✓ proved\s+(\d{10}) 2026")


def line_key(folder: Path) -> str:
    with open_installation(str(folder / "config.toml"), read_only=True) as installation:
        lines = installation.store.proposals.lines(1)
        return next(line.key for line in lines if line.document == 1)


def trace_a_line(terminal: Terminal, number: str, key: str) -> None:
    terminal.press("home")  # the cursor began where something was under way
    terminal.until("Document 1")
    terminal.press("a")  # from the document to its story
    terminal.until(lambda text: "── Trace" in text and number in text)
    terminal.press("esc")
    terminal.until(lambda text: "── Trace" not in text)
    terminal.press("t")
    terminal.until(lambda text: text.split("\n")[-1].startswith("  trace"))
    terminal.send(CLEAR)
    terminal.until(lambda text: text.split("\n")[-1] == "  trace")
    terminal.type(key)
    terminal.until(lambda text: text.split("\n")[-1].endswith(f"  {key}"))
    terminal.press("enter")
    terminal.until(lambda text: "── Trace" in text and "signed by controller" in text and f"✓ proved, {number}" in text)
    terminal.press("v")
    terminal.until(lambda text: "It has not been verified yet" not in text and "whole" in text)
