"""How rejects are drawn: a cause, a record, what one record says of itself, what a replay would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.cause import CauseKind
from tui_connector.domain.record import RejectedBy
from tui_connector.domain.text import clean
from tui_connector.review.amounts import money
from tui_connector.ui.draw import MARGIN, Col, Grid, Line, rule, wrap
from tui_connector.views.refused import case_facts, mapping_words
from tui_connector.views.words import figure, moment, sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, tzinfo

    from tui_connector.domain.case import Missing
    from tui_connector.ui.draw import Cell
    from tui_connector.views.causes import CauseRow
    from tui_connector.views.refused import RefusedRecord
    from tui_connector.views.rejects import RecordRow, RejectsModel
    from tui_connector.views.replay import ReplayModel

CAUSES = (
    Col("cause", "cause", 36, grow=True), Col("class", "class", 19, rank=4), Col("flow", "flow", 18, rank=2),
    Col("records", "records", 9, right=True), Col("missing", "missing, gross", 20, right=True),
    Col("since", "since", 10, right=True, rank=3),
)  # fmt: skip
_LABEL, _SENT = 10, 18
_REFUSED = "  ▲ refused"
_MOST = 400  # cells of one value


def cause_line(row: CauseRow, width: int, now: datetime, zone: tzinfo, *, selected: bool) -> Line:
    """One cause."""
    indent = MARGIN + 2
    cells: dict[str, Cell] = {
        "cause": (row.brief, "bright" if selected else "ink"), "class": (row.cause.reject_class.words, "muted"),
        "flow": (row.group.flow, "muted"),
        "records": (figure(row.group.records), "bright"), "missing": _amounts(row),
        "since": (moment(row.group.since, now, zone), "muted"),
    }  # fmt: skip
    return Grid(CAUSES, width, indent=indent).line(cells, (row.mark.glyph, row.mark.role))


def cause_heads(width: int) -> Line:
    """The titles above the causes."""
    return Grid(CAUSES, width, indent=MARGIN + 2).head()


def _amounts(row: CauseRow) -> Cell:
    """The first amount, and how many other currencies there are: they are never added."""
    if row.missing is None:
        return ("not summed", "muted")
    told = [f"{money(amount, currency)} {currency}" for currency, amount in sorted(row.missing.gross.items())]
    if not told:
        return ("–", "muted")
    return ((told[0], "ink"), (f" +{len(told) - 1}", "muted")) if len(told) > 1 else told[0]


def record_columns(row: CauseRow) -> tuple[Col, ...]:
    """Columns for the records of a cause: the key, the value that was refused, the amount."""
    code = row.cause.kind is CauseKind.MEMBER or not row.cause.column  # codes are short, other values may be long
    columns = [Col("key", "record", 20, grow=code)]
    if row.cause.column:
        columns.append(Col("refused", clean(row.cause.column, limit=16), 16, grow=not code, rank=2))
    if row.missing is None or row.missing.gross or row.missing.unknown:
        columns.append(Col("amount", "amount", 18, right=True, rank=1))
    columns.append(Col("owner", "owner", 12, rank=3))
    return tuple(columns)


def record_line(row: RecordRow, cause: CauseRow, width: int, *, chosen: bool, selected: bool) -> Line:
    """One refused record, chosen or not."""
    amount: Cell = None
    if row.amount is not None:
        amount = ((money(row.amount, row.currency), "ink"), (f" {clean(row.currency, limit=5)}", "muted"))
    cells: dict[str, Cell] = {
        "key": (row.key, "bright" if selected else "ink"),
        "refused": (row.values.get(cause.cause.column, ""), "warn"), "amount": amount,
        "owner": (row.owner or "–", "ink" if row.owner else "muted"),
    }  # fmt: skip
    mark = ("■", "accent") if chosen else ("□", "muted")
    return Grid(record_columns(cause), width, indent=MARGIN + 2).line(cells, mark)


def chosen_line(count: int, missing: Missing | None, width: int) -> Line:
    """How many are chosen, and what they are worth."""
    line = Line((f"{figure(count)} selected", "muted"), indent=MARGIN + 2)
    if missing is None or not missing.gross:
        return line
    told = [f"{money(amount, currency)} {currency}" for currency, amount in missing.gross.items()]
    cancels = any(missing.gross[one] != abs(missing.net[one]) for one in missing.gross)
    return line.right(" and ".join(told) + (" gross" if cancels else ""), "bright", width - MARGIN)


def told(rows: Iterable[tuple[str, str]], width: int, label: int = _LABEL) -> list[Line]:
    """Labels before texts that go on below themselves."""
    lines: list[Line] = []
    for name, text in rows:
        first, *rest = wrap(text, width, indent=MARGIN + label)
        head = Line((name, "muted")).to(MARGIN + label)
        for part in first.parts[1:]:
            head.put(*part)
        lines += [head, *rest]
    return lines


def replay_panel(model: ReplayModel, width: int) -> list[Line]:
    """What a replay would do, for the panel."""
    if model.obstacle:
        first, *rest = wrap(sentence(model.obstacle), width, indent=MARGIN + 2)
        return [
            Line(("✗ ", "fail"), *first.parts[1:]), *rest,
            *wrap(sentence(model.hint), width, "muted", indent=MARGIN + 2),
        ]  # fmt: skip
    return told(((name, text) for name, text in model.facts if name != "worth"), width)


def replay_dialog(model: ReplayModel, environment: str, width: int) -> list[Line]:
    """What a replay would do, before it is asked for."""
    first, *rest = wrap(model.sentence, width - len(environment) - 4, "bright")
    return [
        first.right(f" {environment} ", "word", width - MARGIN), *rest, Line(), *told(model.facts, width),
        *told([("model", model.model_id)] if model.model_id else [], width),
    ]  # fmt: skip


def solved_lines(model: RejectsModel, width: int, now: datetime, zone: tzinfo, most: int) -> list[Line]:
    """What was solved lately."""
    return [
        Line((one.mark.glyph, one.mark.role), (f" {moment(one.at, now, zone)}", "muted"))
        .to(MARGIN + 13)
        .put(one.words, "ink", limit=width - 2 * MARGIN - 13)
        for one in model.solved[:most]
    ]


def classes_line(model: RejectsModel, width: int) -> Line:
    """Open rejects by class, the most first; those without room are counted."""
    line = Line(("by class", "muted")).to(MARGIN + 11)
    for at, (kind, count) in enumerate(model.classes):
        told, left = f"{kind.words} {figure(count)}", len(model.classes) - at - 1
        more = f"   {left} more" if left else ""
        if at and line.width + 3 + len(told) + len(more) > width - MARGIN:
            return line.put(f"   {left + 1} more", "muted")
        line.put("   ", "plain").put(kind.words, "muted").put(f" {figure(count)}", "bright")
    return line


def ages_line(model: RejectsModel) -> Line:
    """Open rejects by age."""
    line = Line(("open by age", "muted"))
    for word, count in model.ages:
        line.put("   ", "plain").put(word, "muted").put(f" {figure(count)}", "bright" if count else "muted")
    return line


def record_page(one: RefusedRecord, width: int, room: int | None = None) -> list[Line]:
    """Everything that is known of one refusal; with `room` as much as that many rows hold."""
    kind, full = one.cause.reject_class, room is None
    head = [
        *wrap(one.key, width, "bright"), Line(), Line(("cause", "muted")), *wrap(one.words, width),
        *wrap(f"{kind.words}: {kind.sentence}" if full else kind.words, width, "muted"), Line(),
        *([Line(("next", "muted")), *wrap(one.next, width, "bright")] if one.next else _standing(one, width)),
        *([Line()] if full else []), *told(case_facts(one), width, 8), Line(),
    ]  # fmt: skip
    by = "Refused here" if one.by is RejectedBy.CONNECTOR else f"{one.by.capitalize()} said"
    first, *others = one.said or ("nothing more was kept",)
    tail = [
        Line(), rule(by, "", width, active=False), *wrap(first, width),
        *(line for text in others for line in wrap(text, width, "muted")), Line(),
        rule("Where it is from", "", width, active=False),
        *(line for text in one.origin for line in wrap(text, width, "muted")),
        *(wrap(f"mapping {mapping_words(one)}", width, "muted") if room is None or not one.same else ()),
        Line(("t", "accent!"), (" whole trace", "muted")),
    ]  # fmt: skip
    title = "As sent" if one.task else "As it was to be sent"
    sent = [
        rule(title, "", width, active=False),
        *_sent(one, width, None if room is None else room - len(head) - len(tail) - 1),
    ]
    return [*head, *sent, *tail]


def _standing(one: RefusedRecord, width: int) -> Sequence[Line]:
    return [Line(("stands", "muted")), *wrap(one.standing, width, "bright")]


def _sent(one: RefusedRecord, width: int, room: int | None) -> Sequence[Line]:
    """The values in the file's order; where there is no room for all, the refused one stays."""
    if one.erased:
        return [Line(("the values were erased", "muted"))]
    values = list(one.sent)
    left = 0
    if room is not None and len(values) > room:
        wanted = one.shown[: max(room - 1, 1)]
        values = [value for value in values if value.header in wanted]
        left = len(one.sent) - len(values)
    lines = []
    for value in values:
        line = Line((value.header, "muted"), indent=MARGIN).to(MARGIN + _SENT)
        told = value.value[:_MOST] or "–"
        limit = width - 2 * MARGIN - _SENT
        if value.refused:
            line.put(told, "warn!", limit=limit - len(_REFUSED)).put(_REFUSED, "warn")
        else:
            line.put(told, "ink" if value.value else "muted", limit=limit)
        lines.append(line)
    return [*lines, *([Line((f"{left} more: enter", "muted"))] if left else [])]
