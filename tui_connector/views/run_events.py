"""What happened in a run, event by event; what repeats page by page is told once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tui_connector.views.events import mark_of, text_of
from tui_connector.views.words import figure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from tui_connector.domain.audit import AuditEvent
    from tui_connector.store.store import Store
    from tui_connector.views.marks import Mark

_FOLDED = "records.batch"
_PAGE, _PAGES = 200, 5


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event, or several of one kind that follow one another. seq: of the newest of them."""

    seq: int
    at: datetime
    kind: str
    mark: Mark
    text: str


def read_events(store: Store, run_id: int, flow: str, most: int) -> tuple[EventRow, ...]:
    """The newest events of a run, newest last; at most so many rows, whatever is folded into one.

    Never more than a thousand events are looked at: a run of millions of records is mostly batches.
    """
    found: list[AuditEvent] = []
    rows: list[EventRow] = []
    whole = False
    while not whole and len(found) < _PAGE * _PAGES and len(rows) <= most:
        page = store.audit.events_before(found[0].seq if found else None, _PAGE, run_id=run_id)
        found = [*page[::-1], *found]
        rows = list(_rows(found, flow))
        whole = len(page) < _PAGE
    if not whole and rows and rows[0].kind == _FOLDED:  # its first batches may lie further back
        rows[0] = replace(rows[0], text=f"at least {rows[0].text}")
    return tuple(rows[-most:])


def _rows(events: Sequence[AuditEvent], flow: str) -> Iterator[EventRow]:
    batches, records = 0, 0
    for at, event in enumerate(events):
        kind = event.fact.kind
        if kind != _FOLDED:
            text = text_of(event.fact)
            plain = text.removeprefix(f"{flow}/").removeprefix(f"{flow}; ")  # whose run it is stands above
            yield EventRow(event.seq, event.at, kind, mark_of(kind), plain)
            continue
        batches, records = batches + 1, records + int(event.fact.data.get("count", 0))
        if at + 1 == len(events) or events[at + 1].fact.kind != _FOLDED:
            many = "1 batch" if batches == 1 else f"{figure(batches)} batches"
            yield EventRow(event.seq, event.at, kind, mark_of(kind), f"{figure(records)} records kept in {many}")
            batches = records = 0
