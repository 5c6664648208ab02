"""Hostile texts through every widget and dialog, on a real pty: nothing of them steers it, and columns stand."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.ui.hostile import HOSTILE
from tests.ui.terminal import Terminal, kinds, strays

if TYPE_CHECKING:
    from collections.abc import Sequence

PARADE = Path(__file__).parent / "parade.py"
DEEP = bool(os.environ.get("DEEP_TESTS"))
PARTS, SHARE = (
    (4, 1) if DEEP else (2, 4)
)  # of so many texts one is tried; all of them walk through every screen as well
QUIET = 0.06
TOLD = ("f5", "f3", "f3", "f3")  # a notice, and dialogs that tell
TYPED = ("f3", "f3", "f3", "f3", "f3", "f4", "esc")  # dialogs that ask, and the prompt
EDGES = 8  # three rows of a list, each with its amount, and two lines of a block
TAME = ["tame", "a longer text of words " * 20, "w" * 400, ""]


class Seen(NamedTuple):
    """What reached the terminal where things are told, and where a person types; the columns of the right edges."""

    told: bytes
    typed: bytes
    edges: list[list[int]]


def parade(texts: Sequence[str], folder: Path) -> Seen:
    """Every text through every widget and dialog."""
    file = folder / f"texts-{len(list(folder.iterdir()))}.json"
    file.write_text(json.dumps(texts))
    edges = []
    with Terminal([sys.executable, str(PARADE), str(file)]) as terminal:
        for number in range(len(texts)):
            terminal.until(f"text {number:03}")
            terminal.until(lambda _: len(_edges(terminal)) == EDGES)
            edges.append(_edges(terminal))
            terminal.press(*TOLD, "f2", quiet=QUIET)
        terminal.until(f"text {len(texts):03}")  # the first one again
        terminal.settle(1.0)
        told = len(terminal.raw)
        for _ in texts:
            terminal.press(*TYPED, "f2", quiet=QUIET)
        terminal.until(f"text {2 * len(texts):03}")
        terminal.press("f10")
        assert terminal.wait() == 0, terminal.text
    return Seen(bytes(terminal.raw[:told]), bytes(terminal.raw[told:]), edges)


def _edges(terminal: Terminal) -> list[int]:
    return [column for _, column in terminal.find("EDGE") + terminal.find("1,204,551.10")]


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """What a terminal gets when nobody means any harm."""
    seen = parade(TAME, tmp_path_factory.mktemp("calm"))
    assert strays(seen.told) == strays(seen.typed) == set()
    assert all(one == seen.edges[0] for one in seen.edges)
    return seen


@pytest.mark.timeout(240)
@pytest.mark.parametrize("part", range(PARTS))
def test_widgets_and_dialogs(part: int, calm: Seen, tmp_path: Path) -> None:
    names = list(HOSTILE)[part :: PARTS * SHARE]
    seen = parade([HOSTILE[name] for name in names], tmp_path)
    assert strays(seen.told) == set()
    # A mark belongs to the letter it is typed after: in a line to type in it may stay. Nothing else may.
    assert not [one for one in strays(seen.typed) if unicodedata.category(one)[0] != "M"]
    assert kinds(seen.told + seen.typed).keys() == kinds(calm.told + calm.typed).keys()
    for name, found in zip(names, seen.edges, strict=True):
        assert found == calm.edges[0], name
