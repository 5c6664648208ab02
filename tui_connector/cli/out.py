"""Printing: tables and sentences for people, JSON for programs."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tui_connector.domain.run import Purpose
from tui_connector.domain.text import clean, clean_lines
from tui_connector.domain.tie import Verdict
from tui_connector.views.words import figure

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from rich.console import JustifyMethod

    from tui_connector.domain.errors import ConfigError, ConnectorError
    from tui_connector.domain.run import Counts, Run

_PIPE_WIDTH = 200
_GAP = 3
_LEAST_LAST = 16
_STEERING = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")  # what json.dumps leaves as it is


def console(*, error: bool = False) -> Console:
    """A console on standard output or error; wide enough when nobody looks, so that no line breaks."""
    stream = sys.stderr if error else sys.stdout
    width = None if stream.isatty() else _PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def print_json(value: Any) -> None:
    """One JSON document; moments as ISO text, and nothing in it that steers a terminal."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    print(_STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def say(given: argparse.Namespace, value: Any, sentence: str) -> None:
    """A single fact: a sentence, or its JSON."""
    if given.json:
        print_json(value)
    else:
        console().print(Text(clean_lines(sentence)))


def fail(given: argparse.Namespace, error: ConnectorError) -> None:
    """An error with its place and the next move."""
    if given.json:
        print_json({"error": error.message, "kind": type(error).__name__, "hint": error.hint})
        return
    out = console(error=True)
    out.print(Text.assemble(("✗ ", "red"), clean_lines(error.message)))
    out.print(Text.assemble(("  next: ", "dim"), clean_lines(error.hint)))


def asked(prompt: str, nobody: ConfigError) -> str:
    """What a person types at this terminal; raises `nobody` where there is none."""
    if not sys.stdin.isatty():
        raise nobody
    print(prompt, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def say_next(hint: str) -> None:
    """The operator's next move."""
    console().print(Text.assemble(("next: ", "dim"), clean_lines(hint)))


def table(
    heads: Sequence[str], rows: Iterable[Sequence[Any]], *, numbers: Sequence[str] = (), spare: Sequence[str] = ()
) -> None:
    """A table without frames; columns named in `numbers` are right-aligned.

    On a terminal that is too narrow the columns named in `spare` go, the first one first; then the last column is cut.
    Elsewhere everything is printed in full.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(cell_len(head), *(row[at].cell_len for row in cells), 0) for at, head in enumerate(heads)]
    out = console()
    shown = list(range(len(heads)))
    for head in spare if out.is_terminal else ():
        if sum(widths[at] + _GAP for at in shown) - _GAP > out.width:
            shown.remove(heads.index(head))
    last = shown[-1]
    room = out.width - sum(widths[at] + _GAP for at in shown[:-1])
    if out.is_terminal and room >= min(_LEAST_LAST, widths[last]):
        widths[last] = min(widths[last], room)
    else:
        out.width = sum(widths[at] + _GAP for at in shown)
    made = Table(box=None, show_header=any(heads), pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
    for at in shown:
        side: JustifyMethod = "right" if heads[at] in numbers else "left"
        made.add_column(heads[at], justify=side, no_wrap=True, overflow="ellipsis", width=widths[at])
    for row in cells:
        made.add_row(*(row[at] for at in shown))
    out.print(made)


def facts(rows: Iterable[tuple[str, Any]]) -> None:
    """Labels before their values, one a line; a long value goes on below itself and is never cut."""
    made = Table.grid(padding=(0, _GAP, 0, 0))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for label, value in rows:
        made.add_row(label, _cell(value))
    console().print(made)


def _cell(value: Any) -> Text:
    return value if isinstance(value, Text) else Text(clean(str(value)))


def moment(value: datetime | None) -> str:
    """A moment in UTC to the second; an absent one is a dash."""
    return value.strftime("%Y-%m-%d %H:%M:%S") if value else "–"


def run_name(run: Run) -> str:
    """A run by its flow, and by its purpose when it is not the flow's own."""
    if run.purpose is Purpose.REPLAY:
        return f"{run.flow} (replay)"
    return run.flow if run.proposal is None else f"{run.flow} ({run.purpose} P-{run.proposal:04})"


def counted(counts: Counts) -> str:
    """What a run counted, as one phrase."""
    names = ("read", "unchanged", "sent", "loaded", "ignored", "rejected")
    return ", ".join(f"{figure(getattr(counts, name))} {name}" for name in names)


_GLYPHS = {
    "done": ("✓", "green"), "running": ("●", "magenta"), "waiting": ("○", "dim"), "failed": ("✗", "red"),
    "blocked": ("✗", "red"), "cancelled": ("◇", "dim"), "rejected": ("▲", "yellow"), "intent": ("○", "dim"),
    "sent": ("✓", "green"), "unchanged": ("·", "dim"),
}  # fmt: skip


_TIES = {
    Verdict.TIED: ("✓", "green"), Verdict.NOT_TIED: ("✗", "red"), Verdict.UNVERIFIED: ("–", "dim"),
}  # fmt: skip


def state(word: str) -> Text:
    """A state: its shape and its word, never the colour alone."""
    return mark(*_GLYPHS.get(word, ("·", "dim")), word)


def tie_state(verdict: Verdict | None) -> Text:
    """What a tie-out came to; a dash where there was none."""
    if verdict is None:
        return Text("–")
    return mark(*_TIES[verdict], verdict.value)


def mark(glyph: str, colour: str, word: str) -> Text:
    """A shape before its word."""
    return Text.assemble((glyph + " ", colour), clean(word))
