"""How one flow's page is drawn: when it runs, how it last went, what it reads, where that lands, column by column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.ui.draw import MARGIN, Col, Grid, Line, facts, rule, wrap
from tui_connector.ui.progress import mark_cell
from tui_connector.views.words import figure, moment, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, tzinfo

    from tui_connector.ui.draw import Cell
    from tui_connector.views.flows import FlowPage

_LABEL = 15
_RUNS = (
    Col("id", "", 5, right=True),
    Col("result", "", 14),
    Col("at", "", 10, right=True, role="muted"),
    Col("took", "", 12, right=True, role="muted", rank=1),
    Col("records", "", 9, right=True),
    Col("rejected", "", 11, right=True, rank=2),
    Col("tie", "", 10, rank=3, role="muted"),
)
_COLUMNS = (
    Col("header", "column", 18),
    Col("field", "from", 20, grow=True, role="muted"),
    Col("type", "type", 7, role="muted", rank=2),
    Col("checked", "checked", 18, role="muted", rank=1),
)
_MEANINGS = (Col("header", "column", 24), Col("field", "means", 24, grow=True, role="muted"))
_PAST = 6


def flow_block(page: FlowPage, now: datetime, zone: tzinfo, width: int) -> list[Line]:
    """The page of one flow."""
    lines = [_state(page, now, zone, width), *wrap(_kind(page), width, "muted"), Line()]
    lines += [rule("Schedule", "", width, active=False), *_schedule(page, width), Line()]
    if page.past:
        lines += [rule("Last runs", "newest first", width, active=False)]
        lines += [_run(page, at, now, zone, width) for at in range(min(len(page.past), _PAST))]
        lines.append(Line())
    for title, found in (("Reads", page.reads), ("Lands in", page.lands)):
        lines += [rule(title, "", width, active=False), *_facts(found, width), Line()]
    typed = any(one.type for one in page.columns)
    grid = Grid(_COLUMNS if typed else _MEANINGS, width)
    lines += [rule("Columns", f"{len(page.columns)}", width, active=False), grid.head()]
    for one in page.columns:
        cells: dict[str, Cell] = {"header": one.header, "field": one.field, "type": one.type, "checked": one.checked}
        lines.append(grid.line(cells))
    return lines


def _state(page: FlowPage, now: datetime, zone: tzinfo, width: int) -> Line:
    line = Line().cells(mark_cell(page.row.mark))
    last = page.row.last
    if last is not None:
        line.put(f"   ran {moment(last.at, now, zone)}", "ink")
        if last.took is not None:
            line.put(f", took {span(last.took)}", "muted")
    told, role = page.row.next
    if told == "approval":
        told = "waits for approval"
    elif told[-1:].isdigit() and not told.startswith("after"):
        told = f"next {told}"
    return line.right(told, "bright" if role == "muted" else role, width - MARGIN)


def _kind(page: FlowPage) -> str:
    title = page.row.title
    return f"{title}, {page.kind}"


def _schedule(page: FlowPage, width: int) -> list[Line]:
    rows: list[tuple[str, str, str]] = []
    if page.paused:
        rows.append(("paused", page.paused, "warn"))
    rows.append(("schedule", page.timetable or "none", "ink"))
    rows.append(("next", page.next, "ink"))
    rows.append(("watermark", page.watermark, "ink"))
    rows += [(label, value, "ink") for label, value in page.tie]
    if page.after:
        rows.append(("after", ", ".join(page.after), "ink"))
    if page.before:
        rows.append(("before", ", ".join(page.before), "ink"))
    return _facts(rows, width)


def _facts(rows: Iterable[Sequence[str]], width: int) -> list[Line]:
    """Labels before their values; a long value goes on below itself."""
    lines: list[Line] = []
    for label, value, *role in rows:
        shown = role[0] if role else "ink"
        first, *rest = wrap(value, width, shown, indent=MARGIN + _LABEL)
        lines += facts([(label, tuple(first.parts[1:]))], label=_LABEL, width=width)
        lines += rest
    return lines


def _run(page: FlowPage, at: int, now: datetime, zone: tzinfo, width: int) -> Line:
    run = page.past[at]
    cells: dict[str, Cell] = {
        "id": (str(run.id), "bright"), "result": mark_cell(run.mark), "at": moment(run.at, now, zone),
        "took": span(run.took) if run.took is not None else "",
        "records": (figure(run.records), "ink" if run.records else "muted"),
        "rejected": (f"{figure(run.rejected)} rejected" if run.rejected else "", "warn"), "tie": run.unverified,
    }  # fmt: skip
    return Grid(_RUNS, width).line(cells)


def flow_row(page: FlowPage, grid: Grid, now: datetime, zone: tzinfo, *, selected: bool) -> Line:
    """A flow in the list."""
    row, last = page.row, page.row.last
    cells: dict[str, Cell] = {
        "flow": (row.name, "bright" if selected else "ink"), "result": mark_cell(row.mark), "next": row.next,
        "schedule": (page.schedule or "when asked", "muted"),
    }  # fmt: skip
    if last is not None:
        cells |= {
            "ran": (moment(last.at, now, zone), "muted"),
            "records": (figure(last.records), "ink" if last.records else "muted"),
        }
    return grid.line(cells)
