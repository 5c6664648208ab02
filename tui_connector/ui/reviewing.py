"""How a review is drawn: its identity, its gates, the rows of its tree, one row in detail, and what is signed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.proposal import Verdict
from tui_connector.domain.sums import Level
from tui_connector.ui.draw import MARGIN, Col, Grid, Line, facts, rule, width_of, wrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_connector.store.sums import Reading
    from tui_connector.ui.draw import Cell, Part
    from tui_connector.views.identity import Panel
    from tui_connector.views.review import Detail, Review
    from tui_connector.views.tree import TreeRow

_MOST = 160
_LABELS = (13, 10, 9)
_INDENT = 4
_DETAIL = 3  # rows below the title
_SIDES = {"=": "bright", "Dr": "more", "Cr": "less"}


def identity_lines(model: Review, width: int, *, small: bool) -> Sequence[Line]:
    """Three panels side by side, or what must not be missed of them in two lines."""
    if small:
        return _identity_small(model, width)
    width = min(width, _MOST)
    each = (width - 2 * MARGIN - 8) // 3
    places = [MARGIN, MARGIN + each + 4, MARGIN + 2 * (each + 4)]
    wide = (each, each, width - MARGIN - places[2])
    parts = [_panel(*one) for one in zip(model.panels, wide, _LABELS, strict=True)]
    lines = []
    for row in range(max(map(len, parts))):
        line = Line(indent=0)
        for place, panel in zip(places, parts, strict=True):
            if row < len(panel):
                line.to(place)
                for text, role in panel[row].parts:
                    line.put(text, role)
        lines.append(line)
    return [*lines, Line()]


def _panel(panel: Panel, width: int, label: int) -> list[Line]:
    head = rule(panel.title, "", width + MARGIN, active=False, indent=0)
    rows: list[tuple[str, Cell]] = [
        (fact.label, (fact.text, "bright" if fact.strong else "ink")) for fact in panel.facts
    ]
    return [head, *facts(rows, label=label, width=width + MARGIN, indent=0)]


def _identity_small(model: Review, width: int) -> Sequence[Line]:
    made, anaplan, sap = ({fact.label: fact.text for fact in panel.facts} for panel in model.panels)
    first: list[Part] = [(made["fingerprint"], "bright"), ("   ledger ", "muted"), (sap["ledger"], "bright")]
    first += [("   posting ", "muted"), (sap["posting"].partition(",")[0], "ink")]
    first += [("   period ", "muted"), (sap["period"].partition(",")[0], "ink")]
    told = anaplan["exported"].split(", ")
    age = told[1].replace(" old", " ago") if len(told) > 1 else told[0]
    second: list[Part] = [("prepared ", "muted"), (made["prepared"], "ink"), ("   exported ", "muted"), (age, "ink")]
    label = next((name for name in ("expires", "expired", "state") if name in made), "")
    second += [(f"   {label} ", "muted"), (made.get(label, "").rpartition(", ")[2], "ink")]
    return [Line().cells(tuple(parts), limit=width - 2 * MARGIN) for parts in (first, second)]


def gate_lines(model: Review, width: int, *, small: bool) -> Sequence[Line]:
    """Every gate by its word and mark, then a sentence for those that do not simply pass."""
    width = min(width, _MOST)
    if small:
        return _gates_small(model, width)
    lines = [rule("Gates", model.gates_note, width, active=False)]
    rows = list(model.gates)
    columns = max(1, min(5, (width - 2 * MARGIN) // 21))
    room = (width - 2 * MARGIN) // columns
    for start in range(0, len(rows), columns):
        line = Line(indent=0)
        for at, gate in enumerate(rows[start : start + columns]):
            line.to(MARGIN + at * room).put(f"{gate.mark.glyph} ", gate.mark.role)
            line.put(gate.name, gate.mark.word_role, limit=room - 3)
        lines.append(line)
    for said in model.said[:2]:
        lines += wrap(said, width, "muted", indent=MARGIN + 2)[:2]
    if len(model.said) > 2:
        lines.append(Line((f"and {len(model.said) - 2} more, see the gates with e", "muted"), indent=MARGIN + 2))
    return [*lines, Line()]


def _gates_small(model: Review, width: int) -> Sequence[Line]:
    passed = sum(gate.verdict is Verdict.PASS for gate in model.gates)
    line = Line(("✓ ", "ok"), (f"{passed} gates pass" if passed != 1 else "1 gate passes", "ink"))
    others = [gate for gate in model.gates if gate.verdict is not Verdict.PASS]
    for gate in others[:3]:
        line.put("   ", "plain").put(f"{gate.mark.glyph} {gate.name}", gate.mark.role)
    if others:
        told = next((said for said in model.said), "")
        name, colon, rest = told.partition(": ")
        told = rest if colon and name == others[0].name else told
        if all(gate.verdict is Verdict.ASK for gate in others):
            told = "a second approver must sign too"
        line.put("  ", "plain").put(told, "ink", limit=max(width - MARGIN - line.width, 0))
    return [line, Line()]


def columns(reading: Reading, amount: int, *, small: bool) -> list[Col]:
    """The tree's columns; those that do not fit go in their order. amount: cells that the longest one takes."""
    title = "largest change first" if reading.flat else str(reading.order)
    if small or reading.flat:
        return [
            Col("name", title, 20, grow=True), Col("sign", width=1, gap=1),
            Col("last", "last plan", amount, right=True, rank=2), Col("wanted", "new plan", amount, right=True),
            Col("delta", "delta", amount + 1, right=True), Col("percent", "%", 8, right=True, rank=3, gap=1),
            Col("side", width=2), Col("post", "to post", amount, right=True, gap=1),
        ]  # fmt: skip
    return [
        Col("name", title, 24, grow=True), Col("change", "change", 11, gap=1),
        Col("last", "last plan", amount, right=True, gap=1, rank=2),
        Col("wanted", "new plan", amount, right=True, gap=1), Col("delta", "delta", amount, right=True, gap=1),
        Col("percent", "%", 7, right=True, gap=1, rank=3),
        Col("posted", "posted", amount, right=True, gap=1, rank=4), Col("side", width=2, gap=1),
        Col("post", "to post", amount, right=True, gap=1),
    ]  # fmt: skip


def amount_width(rows: Sequence[TreeRow]) -> int:
    """Cells for the longest amount that is likely to be shown."""
    texts = [text for row in rows for text in (row.last, row.wanted, row.delta, row.posted, row.to_post[1])]
    return max(12, *(width_of(text) for text in texts)) if texts else 12


def head_line(grid: Sequence[Col], width: int) -> Line:
    """The columns' titles."""
    return Grid(grid, width, indent=_INDENT, most=_MOST).head()


def row_line(row: TreeRow, grid: Sequence[Col], width: int, *, selected: bool, chosen: bool = False) -> Line:
    """One row of the tree; its flag stands in the margin before it."""
    laid = Grid(grid, width, indent=_INDENT, most=_MOST)
    side, post = row.to_post
    if row.total:
        cells: dict[str, Cell] = {
            "name": (row.code, "muted"), "change": (row.currency, "bright"), "sign": None, "side": (side, "ink"),
            "post": (f"{post}", "bright"),
        }  # fmt: skip
        if "change" not in laid.names:
            cells["name"] = ((row.code, "muted"), (f" {row.currency}", "bright"))
        return laid.line(cells)
    top = row.depth == 0 and row.place.level is not Level.PLACE
    delta = "more" if row.sums.delta > 0 and not row.own else "less" if row.sums.delta < 0 and not row.own else "muted"
    aside = row.taken_out and row.line is not None
    change: Cell = ((f"{row.change.glyph} ", row.change.role), (row.change.word, row.change.word_role))
    if not row.change.glyph.strip():
        change = (row.change.word, "muted")
    if top:
        change = (row.currency, "bright")
    if aside and row.line:
        change = (("◇ ", "muted"), (row.line.decision.value, "muted"))
    sign: Cell = ("◇", "muted") if aside else (row.change.glyph.strip(), row.change.role)
    cells = {
        "name": _name(row, top=top),
        "change": change,
        "sign": sign,
        "last": (row.last, "muted"),
        "wanted": (row.wanted, "bright" if selected else "ink" if row.sums.wanted or row.own else "muted"),
        "delta": (row.delta, delta),
        "percent": (row.percent, "muted"),
        "posted": (row.posted, "muted"),
        "side": (side, f"{_SIDES.get(side, 'muted')}{'!' if selected else ''}"),
        "post": (post, "bright" if top or selected else "ink" if side else "muted"),
    }
    if chosen:
        return laid.line(cells, ("■", "accent"))
    mark: Part = ("▲", "warn") if row.flagged else ("◇", "muted") if row.taken_out else ("", "plain")
    return laid.line(cells, mark)


def _name(row: TreeRow, *, top: bool) -> Cell:
    parts: list[Part] = []
    pad = "  " * row.depth
    if row.folds:
        parts.append((f"{pad}{'▾' if row.open else '▸'} ", "muted"))
    else:
        parts.append((pad if row.depth else "  ", "plain"))
    leaf = row.place.level is Level.PLACE
    parts.append((row.code, "bright" if top else "muted" if leaf else "ink"))
    if row.name:
        parts.append((f" {row.name}", "bright" if top else "ink"))
    if row.where:
        parts.append((f" {row.where}, {row.currency}", "muted"))
    return tuple(parts)


def detail_lines(detail: Detail | None, width: int, *, small: bool) -> Sequence[Line]:
    """What is known of the row under the cursor: as many rows whatever it is, so that nothing jumps."""
    width = min(width, _MOST)
    if detail is None:
        return [Line()] * (1 if small else 1 + _DETAIL)
    if small:
        told = detail.posted or detail.note
        return [_flags(detail, width) if detail.flags else Line().put(told, "muted", limit=width - 2 * MARGIN)]
    lines = [rule(detail.title, detail.note, width, active=False)]
    texts = [_text([one], width) for one in detail.texts]
    posted = [Line((detail.posted, "muted"))] if detail.posted else []
    flags = [_flags(detail, width)] if detail.flags else []
    if len(flags) + len(texts) + len(posted) > _DETAIL and texts:
        texts = [_text(detail.texts, width)]
    rest = [*flags, *texts, *posted][:_DETAIL]
    return [*lines, *rest, *[Line()] * (_DETAIL - len(rest))]


def _flags(detail: Detail, width: int) -> Line:
    line, room = Line(), (width - 2 * MARGIN) // 2
    shown = detail.flags[:2]
    for at, flag in enumerate(shown):
        if at:
            line.to(max(MARGIN + room, line.width + 2))
        line.put("▲ ", "warn").put(flag.words, "ink", limit=max(width - MARGIN - line.width, 0))
    if len(detail.flags) > len(shown):
        line.put(f"   and {len(detail.flags) - len(shown)} more", "muted", limit=max(width - MARGIN - line.width, 0))
    return line


def _text(texts: Sequence[tuple[str, str]], width: int) -> Line:
    line = Line()
    for at, (label, text) in enumerate(texts):
        room = max(width - MARGIN - line.width, 0)
        line.cells(((("   " if at else "") + label, "muted"), (f"  {text}", "ink")), limit=room)
    return line


def consequence_lines(model: Review, width: int, *, small: bool) -> Sequence[Line]:
    """What is signed, in bold, above what comes of it; set aside lines are told before all."""
    width = min(width, _MOST)
    undo = model.then.rpartition("Undo would be ")[2].rstrip(".") if "Undo would be " in model.then else ""
    note = f"undo = {undo}" if small and undo else ""
    lines = [rule(model.heading, note, width, active=False)]
    if model.aside:
        lines += wrap(model.aside, width, "warn")[: 1 if small else 2]
    lines += wrap(model.sentence, width, "bright")[:2]
    if not small:
        lines += wrap(model.then, width, "muted")[: 1 if model.aside else 2]
    return lines
