"""A screen as text that can be compared and read: its words, and below them how each cell looks."""

from __future__ import annotations

import difflib
import os
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.ui.stage import shoot

if TYPE_CHECKING:
    from rich.style import Style

FOLDER = Path(__file__).parent / "snapshots"
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BELOW = "--- how it looks: a letter for each way, with how many cells\n"


def drawn(app: Any) -> str:
    """The screen in front. The letters stand for ways to look, which the last lines name."""
    words, looks, ways = list[str](), list[str](), dict[str, str]()
    for strip in app.screen._compositor.render_strips():
        words.append(strip.text.rstrip())
        cells = [(_way(segment.style), segment.cell_length) for segment in strip if segment.cell_length]
        row = ""
        for way, same in groupby(cells, key=lambda cell: cell[0]):
            letter = ways.setdefault(way, _LETTERS[len(ways)])
            row += f"{letter}{sum(count for _, count in same)}"
        looks.append(row)
    named = [f"{letter} {way}" for way, letter in ways.items()]
    return "\n".join([*words, _BELOW.rstrip(), *looks, *named, ""])


def _way(style: Style | None) -> str:
    if style is None:
        return "plain"
    marks = [name for name in ("bold", "dim", "italic", "underline", "reverse") if getattr(style, name)]
    colours = [
        one.name if one is not None and not one.is_default else "default" for one in (style.color, style.bgcolor)
    ]
    return " ".join([*marks, f"{colours[0]} on {colours[1]}"])


def compare(app: Any, name: str, folder: Path) -> None:
    """Hold the screen against the snapshot of this name; SNAPSHOTS=1 writes it anew. folder: for a picture of what differs."""
    now, path = drawn(app), FOLDER / f"{name}.txt"
    if os.environ.get("SNAPSHOTS"):
        FOLDER.mkdir(exist_ok=True)
        path.write_text(now, encoding="utf-8")
        return
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    if now != before:
        picture = shoot(app, folder / f"{name}.svg")
        told = difflib.unified_diff(before.splitlines(), now.splitlines(), "as kept", "as drawn", lineterm="", n=0)
        raise AssertionError(
            "\n".join([f"{name} looks different (picture: {picture}; SNAPSHOTS=1 keeps what is drawn now)", *told])
        )
