"""Plots of the evidence report, drawn as inline SVG: a shape and a word for each meaning, colour last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.review.markup import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime
    from decimal import Decimal

# How a flow's runs of a day ended -> glyph, tone, words of the legend; the worst of a day is shown.
MARKS = {
    "done": ("●", "ok", "ended well"),
    "rejected": ("▲", "warn", "ended well, refused some records"),
    "not tied": ("≠", "fail", "not tied"),
    "failed": ("✗", "fail", "failed"),
    "blocked": ("✗", "warn", "not started, since another failed"),
    "cancelled": ("◇", "muted", "cancelled"),
    "open": ("◌", "warn", "not ended"),
    "explained": ("–", "muted", "due, did not begin, explained"),
    "unexplained": ("?", "fail", "due, did not begin, not explained"),
}
_WIDTH, _ROW, _NAMES, _WIDEST = 1168, 21, 132, 40
_BAR = 150
_LANE, _LABELS = 26, 72
_FAR, _NEAR = 0.6, 0.45  # a lane's words stand behind it, or before it, or nowhere when there is no room
_POINTS = {"made": ("○", "muted"), "signed": ("◆", "more"), "proved": ("✓", "ok")}


def run_grid(days: Sequence[date], marks: Mapping[str, Mapping[date, str]]) -> str:
    """A row a flow, a column a day."""
    flows = sorted(marks)
    across = min((_WIDTH - _NAMES) / len(days), _WIDEST)
    width, height = round(_NAMES + across * len(days)), _ROW * len(flows) + 24
    parts = [_svg(width, height, "how each flow's runs ended, day by day")]
    for at, day in enumerate(days):
        x = _NAMES + across * (at + 0.5)
        if day.weekday() > 4:
            place = f'x="{x - across / 2:.1f}" y="22" width="{across:.1f}"'
            parts.append(f'<rect class="rest" {place} height="{_ROW * len(flows)}"/>')
        parts.append(_text(x, 15, "muted", str(day.day), anchor="mid"))
    for row, flow in enumerate(flows):
        y = 22 + _ROW * row
        parts.append(f'<line class="hair" x1="0" x2="{width}" y1="{y}" y2="{y}"/>')
        parts.append(_text(0, y + 15, "ink", flow))
        for at, day in enumerate(days):
            word = marks[flow].get(day)
            if word is not None:
                glyph, tone, _ = MARKS[word]
                x = _NAMES + across * (at + 0.5)
                told = f"<title>{safe(flow)}, {day.isoformat()}: {MARKS[word][2]}</title>"
                parts.append(f"<g>{told}{_text(x, y + 15, tone, glyph, anchor='mid', mono=True)}</g>")
    return "".join([*parts, "</svg>"])


def legend(words: Iterable[str]) -> str:
    """What the glyphs of the grid mean, for those that are in it."""
    found = set(words)
    told = (
        f'<li><span class="mark {MARKS[word][1]}" aria-hidden="true">{MARKS[word][0]}</span>{MARKS[word][2]}</li>'
        for word in MARKS
        if word in found
    )
    return f'<ul class="legend">{"".join(told)}</ul>'


def parts_bar(parts: Sequence[tuple[str, Decimal | int]], whole: Decimal | int, words: str) -> str:
    """A bar as long as all of `whole`, with a piece for each tone, in order."""
    drawn, x = [_svg(_BAR, 11, words), f'<rect class="base" width="{_BAR}" height="11"/>'], 0.0
    for tone, value in parts:
        width = float(value / whole) * _BAR if whole else 0.0
        if width:
            drawn.append(f'<rect class="{tone}" x="{x:.1f}" width="{max(width, 1.0):.1f}" height="11"/>')
        x += width
    return "".join([*drawn, "</svg>"])


def lanes(rows: Sequence[tuple[str, Sequence[tuple[str, datetime, str]]]]) -> str:
    """A lane a proposal: when it was made, signed and proved, on one scale of time."""
    moments = [at for _, points in rows for _, at, _ in points]
    if not moments:
        return ""
    first, last = min(moments), max(moments)
    whole = (last - first).total_seconds() or 1.0
    height = _LANE * len(rows) + 24

    def place(at: datetime) -> float:
        return _LABELS + 10 + (at - first).total_seconds() / whole * (_WIDTH - _LABELS - 20)

    parts = [_svg(_WIDTH, height, "when each proposal was made, signed and proved")]
    for row, (name, points) in enumerate(rows):
        y = 6 + _LANE * row + _LANE // 2
        ends = [place(at) for _, at, _ in points]
        parts.append(_text(0, y + 4, "ink", name))
        parts.append(f'<line class="lane" x1="{min(ends):.1f}" x2="{max(ends):.1f}" y1="{y}" y2="{y}"/>')
        for kind, at, words in points:
            glyph, tone = _POINTS[kind]
            drawn = _text(place(at), y + 5, tone, glyph, anchor="mid", mono=True, halo=True)
            parts.append(f"<g><title>{safe(words)}</title>{drawn}</g>")
        if max(ends) < _WIDTH * _FAR:
            parts.append(_text(max(ends) + 14, y + 4, "muted", points[-1][2]))
        elif min(ends) > _WIDTH * _NEAR:
            parts.append(_text(min(ends) - 14, y + 4, "muted", points[-1][2], anchor="end"))
    y = _LANE * len(rows) + 18
    parts.append(f'<line class="hair" x1="{_LABELS}" x2="{_WIDTH}" y1="{y - 10}" y2="{y - 10}"/>')
    parts.append(_text(place(first), y + 4, "muted", f"{first:%Y-%m-%d %H:%M} UTC"))
    if last > first:
        parts.append(_text(place(last), y + 4, "muted", f"{last:%Y-%m-%d %H:%M} UTC", anchor="end"))
    return "".join([*parts, "</svg>"])


def _svg(width: int, height: int, words: str) -> str:
    return (
        f'<svg class="plot" role="img" aria-label="{safe(words)}" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}">'
    )


def _text(
    x: float, y: float, tone: str, words: str, *, anchor: str = "", mono: bool = False, halo: bool = False
) -> str:
    kinds = [f"t-{tone}", anchor, *(["glyph"] if mono else []), *(["halo"] if halo else [])]
    return f'<text class="{" ".join(filter(None, kinds))}" x="{x:.1f}" y="{y:.1f}">{safe(words)}</text>'
