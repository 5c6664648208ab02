"""A store whose every foreign text is hostile, on every screen and a real pty: nothing steers it, and figures stand."""

from __future__ import annotations

import re
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.ui import afternoon
from tests.ui.hostile import ALL, HOSTILE, keepable
from tests.ui.spoil import spoil
from tests.ui.terminal import Terminal, kinds, strays

if TYPE_CHECKING:
    from collections.abc import Sequence

PLAY = Path(__file__).parent / "play.py"
_STEERING = "".join(HOSTILE[name] for name in ("title", "clear", "clipboard", "C1", "8-bit OSC", "bidi override"))
PASTED = f"\x1b[200~pasted {_STEERING}\x1b[201~"
# Keys, and what tells that the screen has come, or with a minus that it has gone.
WIDE = [
    ("", "Needs a person"),
    ("2", "── Runs"),
    ("enter", "── Steps"),
    ("3", "── Causes"),
    ("enter", "── As it was to be sent"),
    ("y", "Sent to the terminal: "),
    ("t", "── Trace"),
    ("esc", "-── Trace"),
    ("esc", "-/ about"),
    ("enter", "esc go back"),
    ("esc", "-esc go back"),
    ("t", "\n  trace"),
    ("esc", "-\n  trace"),
    ("4", "── Waits for a person"),
    ("enter", "── If you approve"),
    ("u", "── Changes"),
    ("c", "Comment"),
    ("esc", "-Comment"),
    ("l", "── Flags"),
    ("esc", "-── Flags"),
    ("s", "Staleness"),
    ("esc", "-Staleness"),
    ("d", "── Documents"),
    ("enter", "Document 1"),
    ("esc", "── Documents"),
    ("esc", "── Changes"),
    ("A", "Approve P-0003"),
    ("esc", "-Approve P-0003"),
    ("6", "── Flows"),
    ("enter", "gl_accounts"),
    ("7", "── Credentials"),
    ("d", "-── Credentials"),
    ("esc", "── Credentials"),
    ("?", "Everywhere"),
    ("esc", "-Everywhere"),
    ("/", "\n  /"),
    (PASTED, "pasted"),
    ("esc", "-pasted"),
    ("ctrl+p", "Search for commands"),
    (PASTED, "pasted"),
    ("esc", "-pasted"),
]
SMALL = [
    ("", "Needs a person"),
    ("2", "── Runs"),
    ("enter", "── Steps"),
    ("esc", "── Runs"),
    ("3", "── Causes"),
    ("4", "── Waits for a person"),
    ("enter", "── Changes"),
    ("down", "── Changes"),
    ("A", "Approve P-0003"),
    ("esc", "-Approve P-0003"),
    ("d", "── Documents"),
    ("esc", "── Changes"),
    ("5", "── Events"),
    ("6", "── Flows"),
    ("enter", "── Schedule"),
    ("esc", "── Flows"),
    ("7", "anaplan.main"),
]
_AMOUNT = re.compile(r"(?<![\d,.])-?[\d,]+\.\d\d(?![\d.])")
_IN_TEXTS = set(_AMOUNT.findall(" ".join(ALL)))


def visit(
    texts: Sequence[str], folder: Path, size: tuple[int, int], stops: Sequence[tuple[str, str]]
) -> tuple[bytes, list[set[int]]]:
    """What reached the terminal on a walk through every screen; where amounts ended at each stop."""
    folder.mkdir()
    afternoon.afternoon(folder).store.close()
    spoil(folder, texts)
    ends = []
    with Terminal([sys.executable, str(PLAY), str(folder)], size=size) as terminal:
        for key, sign in stops:
            terminal.press(*([key] if key else []))
            terminal.until(partial(_shows, sign))
            terminal.settle(0.2)
            ends.append(edges(terminal))
        terminal.press("q")
        assert terminal.wait() == 0, terminal.text
    return bytes(terminal.raw), ends


def _shows(sign: str, text: str) -> bool:
    return sign[1:] not in text if sign.startswith("-") else sign in text


def edges(terminal: Terminal) -> set[int]:
    """Columns in which amounts end."""
    rows = ["".join(cell or "\0" for cell in terminal.cells(row)) for row in range(2, terminal.screen.lines)]
    return {found.end() for row in rows for found in _AMOUNT.finditer(row) if found[0] not in _IN_TEXTS}


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("size", "stops"), [((120, 40), WIDE), ((80, 24), SMALL)], ids=["wide", "small"])
def test_every_screen(size: tuple[int, int], stops: list[tuple[str, str]], tmp_path: Path) -> None:
    raw, ends = visit([keepable(text) for text in ALL], tmp_path / "hostile", size, stops)
    calm, wanted = visit(["tame", "some tame words"], tmp_path / "tame", size, stops)
    assert strays(calm) == strays(raw) == set()
    assert kinds(raw).keys() == kinds(calm).keys()
    for stop, found, known in zip(stops, ends, wanted, strict=True):
        assert found <= known, stop
    assert sum(map(len, ends)) > len(stops)  # there were figures
