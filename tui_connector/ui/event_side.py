"""What stands beside the events: one of them in full, the story of a key, what can be proved; drawn as lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_connector.review.amounts import counted
from tui_connector.ui.draw import MARGIN, Line, cut, facts, rule, width_of, wrap
from tui_connector.views.words import actor, figure, moment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, tzinfo

    from tui_connector.views.audit import AuditHead, EventDetail
    from tui_connector.views.stations import Station
    from tui_connector.views.story import Trace

_LABEL = 10
_LEAST = 3
_WRONG = ("✗", "?", "▲")
_PEOPLE = ("◆", "◇", "»")


@dataclass(frozen=True, slots=True)
class Told:
    """Whose names are known, and in which zone and at which moment times are told."""

    names: dict[str, str]
    now: datetime
    zone: tzinfo

    def time(self, at: datetime | None) -> str:
        return moment(at, self.now, self.zone, seconds=True) if at else ""


def event_lines(detail: EventDetail, told: Told, width: int, height: int) -> list[Line]:
    """One event in full, as far as there is room."""
    row = detail.row
    who = f"{row.who} ({detail.account})" if row.person and row.who != detail.account else detail.account
    at = f"{row.at.astimezone(told.zone):%Y-%m-%d %H:%M:%S}"
    lines = [
        rule(f"Event {figure(row.seq)}", "", width, active=False),
        *wrap(row.text, width, "bright"),
        Line(),
        *facts(
            [("kind", row.kind), ("at", at), ("by", who), ("about", row.about)],
            label=_LABEL, width=width,
        ),
        Line(("digest", "muted")).to(MARGIN + _LABEL).put(detail.digest[:16], "ink", limit=width - MARGIN - 2 - _LABEL),
        Line(),
    ]  # fmt: skip
    for name, value in detail.data:
        label = max(_LABEL, len(name) + 2)
        if label + len(value) < width - 2 * MARGIN:
            lines += facts([(name, value)], label=label, width=width)
        else:
            lines += [Line((name, "muted")), *wrap(value, width, indent=MARGIN + 2)]
    return _cut(lines, height)


def trace_lines(trace: Trace, told: Told, width: int, height: int | None) -> list[Line]:
    """The story of a key, downwards; where there is little room without what matters least."""
    parts = list(trace.parts())
    tries = ((True, True, 9), (False, True, 9), (False, True, 1), (False, False, 1))
    made: list[Line] = []
    for minor, airy, details in tries:
        made = [rule("Trace", counted(len(parts), "story").replace("storys", "stories"), width, active=False)]
        for title, state, stations in parts:
            made += [Line((title, "muted")), *wrap(state, width, "bright"), Line()]
            shown = [one for one in stations if minor or not one.minor]
            for place, station in enumerate(shown):
                last = place == len(shown) - 1
                made += _station(station, told, width, airy=airy and not last, last=last, details=details)
            made.append(Line())
        if trace.more:
            made += wrap(f"and {counted(trace.more, 'more line')} of the same documents", width, "muted")
        if height is None or len(made) <= height:
            return made
    return _cut(made, height or len(made))


def _station(station: Station, told: Told, width: int, *, airy: bool, last: bool, details: int) -> list[Line]:
    mark, edge = station.mark, width - MARGIN
    by = f" by {actor(station.by, told.names)}" if station.by and not station.by.startswith("worker:") else ""
    time = told.time(station.at)
    word = f"{mark.role}!" if mark.glyph in _WRONG else "bright"
    line = Line((f"{mark.glyph} ", mark.role)).put(mark.word, word)
    line.put(by, "ink", limit=max(edge - len(time) - 1 - line.width, 0))
    lines = [line.right(time, "muted", edge) if time else line]
    thread = ("  ", "plain") if last else ("│ ", "rule")
    for detail in station.details[:details]:
        lines += [Line(thread, *one.parts[1:]) for one in wrap(detail, width - 2, "muted")]
    return [*lines, Line(thread)] if airy else lines


def strip_lines(trace: Trace, told: Told, width: int) -> list[Line]:
    """The story in few rows, for a small screen: stations side by side, their times, and what went wrong last."""
    _, state, stations = list(trace.parts())[-1]
    shown = [one for one in stations if not one.minor]
    while len(shown) > 1 and sum(width_of(_brief(one)) + 5 for one in shown) > width - MARGIN:
        shown.remove(min(shown[:-1], key=_weight))
    first, second = Line(), Line()
    for station in shown:
        mark, at = station.mark, first.width
        word = mark.role if mark.glyph in _WRONG else "ink"
        first.put(f"{mark.glyph} ", mark.role).put(_brief(station), word).put("   ", "plain")
        second.to(at + 2).put(f"{station.at.astimezone(told.zone):%H:%M}" if station.at else "", "muted")
    wrong = next((one for one in reversed(stations) if one.mark.glyph in _WRONG and one.details), None)
    third = Line((cut(wrong.details[0] if wrong else state, width - 2 * MARGIN), "ink"))
    return [rule(f"Trace of {trace.key}", "enter opens", width, active=False), first, second, third]


def _brief(station: Station) -> str:
    """A station's word where there is little room."""
    return station.mark.word.partition(" ")[0] if station.event in {"read", "rejected"} else station.mark.word


def _weight(station: Station) -> int:
    """What went wrong and what people did matters most of a story."""
    glyph = station.mark.glyph
    return 3 if glyph in _WRONG else 2 if glyph in _PEOPLE else int(station.event != "read")


def evidence_lines(head: AuditHead, trace: Trace | None, width: int) -> list[Line]:
    """What can be proved: whether the chain is whole, where it ends, and how much of a story it covers."""
    edge = width - MARGIN
    lines = [rule("Evidence", "", width, active=False)]
    if trace is not None:
        stations = [one for _, _, stations in trace.parts() for one in stations]
        found = sum(one.seq is not None for one in stations)
        rows = len(stations) - found  # told by a step or a document, which an event covers
        told_of = f"{counted(found, 'event')}, {counted(rows, 'row')}" if rows else counted(found, "event")
        lines.append(Line(("stations", "muted")).right(told_of, "ink", edge))
    known = head.verification
    if known is None:
        lines.append(Line(("chain", "muted")).right("○ not verified yet", "muted", edge))
    elif known.broken_at is not None:
        lines.append(Line(("chain", "muted")).right(f"✗ broken at {figure(known.broken_at)}", "fail", edge))
    else:
        unbroken = f"unbroken to {figure(known.up_to)}"
        lines.append(Line(("chain", "muted")).to(edge - len(unbroken) - 2).put("✓ ", "ok").put(unbroken, "ink"))
    lines.append(Line(("last event", "muted")).right(figure(head.last_seq), "ink", edge))
    lines.append(Line(("its digest", "muted")).right(_grouped(head.digest[:16]), "ink", edge))
    if head.holds:
        named = ", ".join(name for name, _ in head.holds)
        label = counted(len(head.holds), "legal hold")
        lines.append(Line((label, "muted")).right(cut(named, edge - len(label) - 2), "ink", edge))
    return [*lines, Line(("e", "accent!"), (" writes what is shown, with its filter", "muted"))]


def _grouped(digits: str) -> str:
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def _cut(lines: Sequence[Line], height: int) -> list[Line]:
    """As many lines as there is room for; the last one says how many more there are."""
    if len(lines) <= height or height < _LEAST:
        return list(lines[:height])
    return [*lines[: height - 1], Line((f"… {len(lines) - height + 1} more lines, enter opens all", "muted"))]
