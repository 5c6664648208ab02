"""Printing: tables and sentences for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tui_connector.domain.text import clean

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from tui_connector.domain.errors import ConnectorError

_PIPE_WIDTH = 200


def console(*, error: bool = False) -> Console:
    """A console on standard output or error; wide enough when nobody looks, so that no line breaks."""
    stream = sys.stderr if error else sys.stdout
    width = None if stream.isatty() else _PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def print_json(value: Any) -> None:
    """One JSON document; moments as ISO text."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def say(given: argparse.Namespace, value: Any, sentence: str) -> None:
    """A single fact: a sentence, or its JSON."""
    if given.json:
        print_json(value)
    else:
        console().print(Text(sentence))


def fail(given: argparse.Namespace, error: ConnectorError) -> None:
    """An error with its place and the next move."""
    if given.json:
        print_json({"error": error.message, "kind": type(error).__name__, "hint": error.hint})
        return
    out = console(error=True)
    out.print(Text.assemble(("✗ ", "red"), error.message))
    out.print(Text.assemble(("  next: ", "dim"), error.hint))


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]], *, numbers: Sequence[str] = ()) -> None:
    """A table without frames; columns named in `numbers` are right-aligned."""
    made = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for head in heads:
        made.add_column(head, justify="right" if head in numbers else "left", no_wrap=True, overflow="ellipsis")
    for row in rows:
        made.add_row(
            *(
                cell if isinstance(cell, Text) else Text(clean(cell) if isinstance(cell, str) else str(cell))
                for cell in row
            )
        )
    console().print(made)


def moment(value: datetime | None) -> str:
    """A moment in UTC to the second; an absent one is a dash."""
    return value.strftime("%Y-%m-%d %H:%M:%S") if value else "–"


def figure(value: int | None) -> str:
    """A count with thousands."""
    return "–" if value is None else f"{value:,}"


_GLYPHS = {
    "done": ("✓", "green"), "running": ("●", "magenta"), "waiting": ("○", "dim"), "failed": ("✗", "red"),
    "blocked": ("✗", "red"), "cancelled": ("◇", "dim"), "rejected": ("▲", "yellow"), "intent": ("○", "dim"),
    "sent": ("✓", "green"), "unchanged": ("·", "dim"),
}  # fmt: skip


def state(word: str) -> Text:
    """A state: its shape and its word, never the colour alone."""
    glyph, colour = _GLYPHS.get(word, ("·", "dim"))
    return Text.assemble((glyph + " ", colour), word)
