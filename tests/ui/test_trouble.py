"""Bad terminals and bad stores, on a real pty: the console stays, says what is wrong, and does nothing by itself."""

from __future__ import annotations

import random
import re
import string
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the library that the store uses

from tests.ui import afternoon
from tests.ui.terminal import KEYS, Terminal, strays
from tui_connector.domain.proposal import ProposalState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLAY = Path(__file__).parent / "play.py"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    afternoon.afternoon(tmp_path / "books").store.close()
    return tmp_path / "books"


@pytest.fixture
def open_console(folder: Path) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def open_one(*options: str, size: tuple[int, int] = (120, 40), **variables: str) -> Terminal:
        opened.append(Terminal([sys.executable, str(PLAY), str(folder), *options], size=size, variables=variables))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def last_event(folder: Path) -> int:
    with sqlite3.connect(folder / "state" / "connector.db") as handle:
        return int(handle.execute("SELECT max(seq) FROM audit_event").fetchone()[0])


def leave(terminal: Terminal) -> None:
    terminal.press("q")
    assert terminal.wait() == 0, terminal.text


def test_a_terminal_that_is_too_small_is_told_so_and_grows(open_console: Callable[..., Terminal]) -> None:
    terminal = open_console(size=(60, 15))
    terminal.until("The console needs 80 by 24")
    for columns, rows in ((79, 24), (80, 23), (20, 5), (5, 2), (1, 1)):
        terminal.resize(columns, rows)
        assert not terminal.ended, (columns, rows)
    terminal.resize(80, 24)
    terminal.until("Needs a person")
    terminal.resize(240, 70)
    terminal.until(lambda text: "Needs a person" in text and "needs 80 by 24" not in text)
    leave(terminal)


def test_the_terminal_changes_in_the_middle_of_a_decision(open_console: Callable[..., Terminal], folder: Path) -> None:
    before = last_event(folder)
    terminal = open_console()
    terminal.until("Needs a person")
    terminal.press("4")
    terminal.until("── Waits for a person")
    terminal.press("enter")
    text = terminal.until(lambda text: "── If you approve" in text and "▾ 1010" in text)
    found = re.search(r"fingerprint\s+([0-9a-f]{4}) ([0-9a-f]{4})", text)
    assert found
    terminal.press("A")
    terminal.until("Type the fingerprint to sign")
    terminal.type(found[1])
    terminal.until("4 of 8 match")
    for columns, rows in ((80, 24), (200, 60), (40, 10), (119, 35), (80, 24), (120, 40)):
        terminal.resize(columns, rows)
        assert not terminal.ended, (columns, rows)
        if columns >= 80:  # what is asked is never scrolled away, and nothing typed is lost
            text = terminal.until(lambda text: "4 of 8 match" in text and "esc go back" in text)
            assert found[1] in text
    terminal.type(found[2])
    terminal.until("8 of 8 match")
    terminal.press("esc")
    terminal.until(lambda text: "Type the fingerprint" not in text)
    leave(terminal)
    assert last_event(folder) == before


@pytest.mark.parametrize(
    "variables", [{"TERM": "linux"}, {"TERM": "dumb"}, {"TERM": "vt100", "NO_COLOR": "1"}, {"LANG": "C", "LC_ALL": "C"}]
)
def test_a_terminal_without_clipboard_mouse_or_colours(
    open_console: Callable[..., Terminal], variables: dict[str, str]
) -> None:
    """It answers no question and has no mouse: all is done by keys, and an id is sent to whoever listens."""
    terminal = open_console(COLORTERM="", **variables)
    terminal.until("Needs a person")
    terminal.press("4")
    terminal.until("▌ ◆ to sign")
    terminal.settle()
    terminal.press("y")
    terminal.until("Sent to the terminal: 290eca13")
    assert "copied" not in terminal.text
    assert terminal.sequences()["]52"] == 1
    leave(terminal)
    assert strays(bytes(terminal.raw)) == set()


def test_a_terminal_that_turns_text_around_is_asked_not_to(open_console: Callable[..., Terminal]) -> None:
    """In a row with a Hebrew name the columns of amounts would change places."""
    terminal = open_console()
    terminal.until("Needs a person")
    assert b"\x1b[8l" in terminal.raw
    leave(terminal)
    assert terminal.raw.index(b"\x1b[8h") > terminal.raw.index(b"\x1b[8l")


def test_a_mouse_that_reports_nonsense(open_console: Callable[..., Terminal]) -> None:
    terminal = open_console()
    terminal.until("Needs a person")
    for code in (
        "0;9999;9999M",
        "0;0;0M",
        "64;5;5M",
        "65;200;1M",
        "35;1;1m",
        "0;-3;7M",
        "999;1;1M",
        "0;5;9M",
        "0;5;9m",
    ):
        terminal.send(f"\x1b[<{code}")
    terminal.send("\x1b[M   \x1b[M\xff\xff\xff".encode("latin-1"))  # no UTF-8 at all
    terminal.settle()
    assert not terminal.ended
    terminal.press("1")
    leave(terminal)


@pytest.mark.timeout(240)
def test_a_cat_on_the_keyboard_changes_nothing_where_one_only_reads(
    open_console: Callable[..., Terminal], folder: Path
) -> None:
    before = last_event(folder)
    terminal = open_console("read-only")
    terminal.until("Needs a person")
    chance = random.Random(4711)
    keys = sorted((set(string.printable) - set("qe\x0b\x0c")) | (set(KEYS.values()) - {"\x03", "\x11"}))
    for _ in range(60):
        terminal.send("".join(chance.choices(keys, k=12)))
        terminal.settle(0.05, 1.0)
        assert not terminal.ended, terminal.text
    for _ in range(4):
        terminal.press("esc")
        terminal.settle(0.2)
    assert last_event(folder) == before
    assert not terminal.ended, terminal.text
    assert strays(bytes(terminal.raw)) == set()


def comment(terminal: Terminal, text: str) -> None:
    """A remark beside a row of P-0003, which writes into the store."""
    terminal.press("4")
    terminal.until("── Waits for a person")
    terminal.press("enter")
    terminal.until(lambda text: "── If you approve" in text and "▾ 1010" in text)
    terminal.press("c")
    terminal.until("Comment")
    terminal.type(text)
    terminal.press("enter")


@pytest.mark.timeout(120)
def test_a_store_that_another_process_holds(open_console: Callable[..., Terminal], folder: Path) -> None:
    before = last_event(folder)
    terminal = open_console()
    terminal.until("Needs a person")
    holder = sqlite3.connect(folder / "state" / "connector.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    comment(terminal, "is it right?")
    terminal.until("another process has held the store", 60)
    holder.execute("ROLLBACK")
    holder.close()
    assert last_event(folder) == before
    terminal.press("esc")
    leave(terminal)


def test_a_store_that_is_gone_while_one_looks_at_it(open_console: Callable[..., Terminal], folder: Path) -> None:
    terminal = open_console()
    terminal.until("Needs a person")
    terminal.settle(1.0)
    (folder / "state").rename(folder / "away")
    terminal.until("was moved, removed or replaced")
    (folder / "away").rename(folder / "state")
    before = last_event(folder)
    comment(terminal, "it is there again")
    end = time.monotonic() + 20
    while last_event(folder) == before:
        assert time.monotonic() < end, terminal.text
        terminal.read()
    leave(terminal)


def test_a_worker_of_another_version_is_told(open_console: Callable[..., Terminal], folder: Path) -> None:
    with sqlite3.connect(folder / "state" / "connector.db") as handle:
        handle.execute("UPDATE worker SET version = '0.0.9'")
    handle.close()
    terminal = open_console()
    terminal.until("0.0.9")
    leave(terminal)


def test_a_proposal_that_somebody_else_decides_while_it_is_open(
    open_console: Callable[..., Terminal], folder: Path
) -> None:
    terminal = open_console()
    terminal.until("Needs a person")
    terminal.press("4")
    terminal.until("── Waits for a person")
    terminal.press("enter")
    terminal.until(lambda text: "── If you approve" in text and "▾ 1010" in text)
    terminal.press("A")
    terminal.until("Type the fingerprint to sign")
    with sqlite3.connect(folder / "state" / "connector.db") as handle:
        handle.execute(
            "UPDATE proposal SET state = ?, reason = 'by somebody else' WHERE id = 3", (ProposalState.REJECTED,)
        )
    handle.close()
    terminal.until(lambda text: "rejected" in text and "Type the fingerprint to sign" not in text)
    terminal.press("esc", "esc")
    leave(terminal)
