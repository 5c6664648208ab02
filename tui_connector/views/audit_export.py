"""Events as a file: CSV for a sheet, JSON lines for a program, text to read; each tells its filter."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tui_connector.review.sheet import quoted
from tui_connector.views import events
from tui_connector.views.audit import describe, row_of, row_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tui_connector.domain.audit import AuditEvent
    from tui_connector.views.audit import View
    from tui_connector.views.desk import Desk

COLUMNS = ("event", "at", "kind", "what", "by", "subject", "run", "says", "digest")
_PAGE = 500


def each(desk: Desk, view: View, newest: int | None = None) -> Iterator[AuditEvent]:
    """The events of a view, oldest first; only the `newest` of them, or all. Read a page at a time."""
    search = desk.store.audit.events_page
    last = desk.store.audit.last_seq()  # what comes later belongs to another export
    if newest is not None:
        found: list[AuditEvent] = []
        anchor, ended = last + 1, False
        while len(found) < newest and not ended:
            page = search(view.wanted, anchor, min(newest - len(found), _PAGE), back=True)
            found += page.events
            anchor, ended = page.reached, page.ended
        yield from reversed(found)
        return
    anchor, ended = 0, False
    while not ended and anchor < last:
        page = search(view.wanted, anchor, _PAGE, back=False)
        yield from (event for event in page.events if event.seq <= last)
        anchor, ended = page.reached, page.ended


def cells(event: AuditEvent) -> dict[str, Any]:
    """One event by the names of the columns."""
    fact = event.fact
    return {
        "event": event.seq, "at": event.at.isoformat(), "kind": fact.kind, "what": events.mark_of(fact.kind).word,
        "by": fact.actor, "subject": fact.subject, "run": fact.run_id, "says": events.text_of(fact),
        "digest": event.digest,
    }  # fmt: skip


def head(desk: Desk, view: View) -> dict[str, Any]:
    """What an export is: its filter, when it was made, and the last event of the log then, with its digest."""
    last = desk.store.audit.head()
    return {
        "export": "audit", "environment": desk.environment, "filter": view.text,
        "made_at": desk.clock.now().isoformat(timespec="seconds"),
        "last_event": last.seq if last else 0, "digest": last.digest if last else "",
    }  # fmt: skip


def head_words(desk: Desk, view: View) -> str:
    """The same in a line."""
    said = head(desk, view)
    shown = f"filter {view.text}" if view.text else "no filter"
    return (
        f"audit of {said['environment']}, {shown}, made {said['made_at']}, up to event {said['last_event']},"
        f" digest {said['digest']}"
    )


def csv_lines(desk: Desk, view: View, newest: int | None = None) -> Iterator[str]:
    """What it is, then a row of heads, then an event a row, each with CR LF; no text of it becomes a formula."""
    yield f"{quoted(head_words(desk, view))}\r\n"
    yield f"{','.join(map(quoted, COLUMNS))}\r\n"
    for event in each(desk, view, newest):
        yield f"{','.join(map(_cell, cells(event).values()))}\r\n"


def json_lines(desk: Desk, view: View, newest: int | None = None) -> Iterator[str]:
    """An object that says what it is, then one for each event, with all its data."""
    yield f"{json.dumps(head(desk, view))}\n"
    for event in each(desk, view, newest):
        yield f"{json.dumps(describe(event), default=str)}\n"


def text_lines(desk: Desk, view: View, newest: int | None = None) -> Iterator[str]:
    """Lines to read, a heading for each day."""
    yield f"{head_words(desk, view)}\n"
    now, before = desk.clock.now(), ""
    for event in each(desk, view, newest):
        row = row_of(event, view.names, now, desk.zone)
        if row.day != before:
            before = row.day
            yield f"\n{row.day}\n"
        yield f"{row_words(row)}\n"


FORMATS: dict[str, Callable[[Desk, View, int | None], Iterator[str]]] = {
    "csv": csv_lines,
    "jsonl": json_lines,
    "text": text_lines,
}


def _cell(value: Any) -> str:
    return "" if value is None else str(value) if isinstance(value, int) else quoted(str(value))
