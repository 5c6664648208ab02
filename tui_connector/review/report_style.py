"""How the evidence report looks: as the review page does, with figures, plots and lists of its own."""

from __future__ import annotations

from tui_connector.review.style import style

_REPORT = """
.points { margin: 16px 0 0; padding: 0; list-style: none; font-size: 14.5px; color: var(--bright); }
.points li { margin: 3px 0; }
.notes { margin-top: 8px; font-size: 13px; color: var(--muted); }
.figures { display: grid; grid-template-columns: repeat(6, 1fr); gap: 0 28px; margin: 26px 0 4px; }
.figures div { border-top: 2px solid var(--bright); padding-top: 8px; }
.figures b { display: block; font-size: 24px; font-weight: 600; line-height: 1.15; letter-spacing: -.02em;
  color: var(--bright); white-space: nowrap; }
.figures span { display: block; color: var(--ink); }
.figures small { display: block; font-size: 12px; color: var(--muted); }
.figures small.warn { color: var(--warn); } .figures small.fail { color: var(--fail); }
.plot { display: block; max-width: 100%; font: 12px var(--sans); }
td .plot { margin-top: 4px; }
.barred { display: inline-flex; gap: 10px; align-items: baseline; } .barred .plot { width: 90px; margin: 0; }
.plot text { fill: var(--ink); } .plot .mid { text-anchor: middle; } .plot .end { text-anchor: end; }
.plot .glyph { font: 14px var(--mono); }
.plot .halo { paint-order: stroke; stroke: var(--ground); stroke-width: 5px; }
.plot .t-muted { fill: var(--muted); } .plot .t-ok { fill: var(--ok); } .plot .t-warn { fill: var(--warn); }
.plot .t-fail { fill: var(--fail); } .plot .t-more { fill: var(--more); }
.plot .hair { stroke: var(--hair); } .plot .lane { stroke: var(--rule); stroke-width: 2; }
.plot .rest { fill: var(--surface); } .plot .base { fill: var(--surface); }
.plot .ok { fill: var(--ok); } .plot .warn { fill: #b98500; } .plot .fail { fill: var(--fail); }
.plot .soft { fill: var(--rule); } .plot .hollow { fill: var(--ground); stroke: var(--muted); stroke-width: 1; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 24px; margin: 8px 0 14px; padding: 0; list-style: none;
  color: var(--muted); font-size: 12px; }
.key { display: inline-block; width: 10px; height: 10px; margin-right: 7px; }
.key.ok { background: var(--ok); } .key.warn { background: #b98500; } .key.soft { background: var(--rule); }
.key.hollow { border: 1px solid var(--muted); }
.said td { border-top: 0; padding: 0 0 5px; color: var(--muted); }
h3 { margin: 22px 0 2px; font-size: 13px; font-weight: 650; color: var(--bright); }
.none { color: var(--muted); }
.two { grid-template-columns: 1fr 1fr; }
.proof li { margin: 4px 0; max-width: 110ch; }
.proof table { margin-top: 18px; }
section > .wide + .wide { margin-top: 18px; }
@media screen and (max-width: 900px) { .figures { grid-template-columns: repeat(2, 1fr); gap: 14px 28px; } }
@media print {
  .figures b { font-size: 15pt; } .figures small, .legend { font-size: 7.5pt; }
  .points { font-size: 9.5pt; } .notes { font-size: 8.3pt; }
  .figures, .plot, .legend, .points li { break-inside: avoid; }
  .plot rect, .key, .plot line { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  section { break-inside: auto; }
}
"""


def report_style(words: str, environment: str) -> str:
    """The whole style sheet; both texts stand at the foot of every printed page."""
    return style("evidence", words, environment) + _REPORT
