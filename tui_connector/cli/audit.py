"""audit: the chain of events, found under a filter, written into files, and recomputed."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from tui_connector.bootstrap import open_installation
from tui_connector.cli import Exit
from tui_connector.cli.files import write_whole
from tui_connector.cli.out import console, moment, print_json, say, table
from tui_connector.views import audit as told
from tui_connector.views import audit_export, events
from tui_connector.views.words import actor, figure

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

_NEWEST = 50
_WIDTH = 30


def show(given: argparse.Namespace) -> int:
    """Events that fit, newest last; or all of them as a file."""
    words = [
        " ".join(given.filter),
        f"run:{given.run}" if given.run else "",
        f"kind:{given.kind}" if given.kind else "",
    ]
    with open_installation(given.config, read_only=True) as installation:
        desk = installation.desk()
        view = told.read_view(desk, " ".join(word for word in words if word))
        if given.format or given.output:
            return _export(given, audit_export.FORMATS[given.format or "csv"](desk, view, given.limit))
        found = list(audit_export.each(desk, view, given.limit or _NEWEST))
    if given.json:
        print_json([told.describe(event) for event in found])
    elif not found:
        say(given, [], told.empty(view).removesuffix(" esc clears the filter."))
    else:
        rows = [
            (e.seq, moment(e.at), e.fact.kind, actor(e.fact.actor, view.names), events.text_of(e.fact)) for e in found
        ]
        table(("seq", "at (UTC)", "event", "by", "what it says"), rows, numbers=("seq",), spare=("by",))
    return Exit.DONE


def _export(given: argparse.Namespace, pieces: Iterator[str]) -> int:
    if given.output is None:
        sys.stdout.writelines(pieces)
        return Exit.DONE
    path = Path(given.output).absolute()
    size, digest = write_whole(path, pieces)
    value = {"format": given.format or "csv", "file": str(path), "bytes": size, "sha256": digest}
    say(given, value, f"{path}: {figure(size)} bytes, SHA-256 {digest}.")
    return Exit.DONE


def verify(given: argparse.Namespace) -> int:
    """Recompute the chain, the payloads and the records they cover; with --note the log tells that it was done."""
    with open_installation(given.config, read_only=not given.note) as installation:
        desk = installation.desk()
        with _progress(desk.store.audit.last_seq()) as progress:
            found = told.verify(desk, progress)
    sound = found.broken_at is None
    value = {
        "sound": sound,
        "events": found.up_to,
        "records": found.records,
        "broken_at": found.broken_at,
        "finding": found.finding or "everything fits",
    }
    counted = f"{figure(found.up_to)} events and {figure(found.records)} records"
    say(
        given,
        value,
        f"✓ The chain is sound: {counted}." if sound else f"✗ Broken at event {found.broken_at}: {found.finding}",
    )
    return Exit.DONE if sound else Exit.FAILED


@contextmanager
def _progress(last: int) -> Iterator[Callable[[int], None] | None]:
    """A bar on a terminal that goes with the events looked at; nothing elsewhere."""
    out = console(error=True)
    if not out.is_terminal or not last:
        yield None
        return

    def tell(seq: int) -> None:
        done = round(_WIDTH * min(seq / last, 1))
        bar = Text.assemble(("━" * done, "magenta"), ("─" * (_WIDTH - done), "dim"))
        out.print(Text.assemble("\r", bar, f" {figure(seq)} of {figure(last)} events "), end="", soft_wrap=True)

    try:
        yield tell
    finally:
        out.print("\r" + " " * min(out.width - 1, _WIDTH + 40) + "\r", end="", soft_wrap=True)
