"""How the page looks on a screen and on paper: words first, shape second, colour last."""

from __future__ import annotations

_SCREEN = """
:root {
  --ground: #fcfbf8; --surface: #f2f0eb; --rule: #c9c5bb; --hair: #e3e0d8;
  --bright: #0e141c; --ink: #28303b; --muted: #566171;
  --more: #0a58a8; --less: #974300; --ok: #17664e; --warn: #735400; --fail: #b01f38;
  --sans: "Inter", "Segoe UI", "Helvetica Neue", Helvetica, Arial, sans-serif;
  --mono: "JetBrains Mono", "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
* { box-sizing: border-box; }
html { background: var(--ground); }
body {
  margin: 0 auto; padding: 28px 36px 64px; max-width: 1240px; color: var(--ink);
  font: 13px/1.5 var(--sans); font-variant-numeric: tabular-nums lining-nums;
}
.mast { display: flex; justify-content: space-between; align-items: baseline; color: var(--muted); }
.mast b { color: var(--bright); }
.env { background: var(--bright); color: var(--ground); font-weight: 700; letter-spacing: .06em; padding: 2px 10px; }
h1 { margin: 26px 0 2px; font-size: 27px; line-height: 1.2; font-weight: 650; letter-spacing: -.015em;
  color: var(--bright); text-wrap: balance; }
.lead { margin: 6px 0 0; font-size: 15.5px; color: var(--ink); max-width: none; }
.lead b { color: var(--bright); font-weight: 650; }
.print { margin: 20px 0 0; padding: 12px 16px; background: var(--surface); }
.print .label { display: block; color: var(--muted); }
.print code { font-size: 14.5px; letter-spacing: .01em; overflow-wrap: anywhere; }
.print code b { color: var(--bright); border-bottom: 2px solid var(--bright); padding-bottom: 1px; }
code { font-family: var(--mono); font-size: .92em; font-variant-ligatures: none; }
h2 { display: flex; align-items: center; gap: 12px; margin: 38px 0 10px; font-size: 15px; font-weight: 650;
  color: var(--bright); }
h2::after { content: ""; order: 1; flex: 1; height: 1px; background: var(--rule); }
h2 small { order: 2; font-size: 12px; font-weight: 400; color: var(--muted); }
.facts { display: grid; grid-template-columns: repeat(3, 1fr); gap: 0 44px; }
.facts h2 { margin-top: 26px; }
dl { display: grid; grid-template-columns: 7.4em 1fr; gap: 3px 10px; margin: 0; }
dt { color: var(--muted); }
dd { margin: 0; overflow-wrap: anywhere; }
dd b { color: var(--bright); }
table { width: 100%; border-collapse: collapse; }
caption { text-align: left; }
th { text-align: left; font-weight: 400; color: var(--muted); vertical-align: bottom; padding: 4px 14px 4px 0; }
td { vertical-align: top; padding: 3px 14px 3px 0; border-top: 1px solid var(--hair);
  overflow-wrap: break-word; }
th:last-child, td:last-child { padding-right: 0; }
.n { text-align: right; white-space: nowrap; overflow-wrap: normal; }
.any { overflow-wrap: anywhere; min-width: 9em; }
.w { white-space: nowrap; overflow-wrap: normal; }
.sum td { font-weight: 650; color: var(--bright); border-top: 1px solid var(--rule); }
.mark { display: inline-block; width: 1.35em; font-family: var(--mono); }
.l0 td { font-weight: 650; color: var(--bright); border-top: 1px solid var(--rule); padding-top: 7px; }
.l1 td:first-child { padding-left: 18px; } .l1 td { color: var(--bright); }
.l2 td:first-child { padding-left: 36px; }
.l2 td { border-top-style: dotted; }
.id { color: var(--muted); padding-right: .25em; }
.l0 .id, .l1 .id { color: inherit; }
.muted, .muted td, .l0 .muted, .l1 .muted, .sum .muted { color: var(--muted); }
.more, td.more, .l0 .more, .l1 .more, .sum .more { color: var(--more); }
.less, td.less, .l0 .less, .l1 .less, .sum .less { color: var(--less); }
.ok { color: var(--ok); } .warn { color: var(--warn); } .fail { color: var(--fail); }
.own td { background: var(--surface); font-style: italic; }
.aside { display: block; color: var(--muted); }
.doc { margin-top: 26px; }
.lines th.n { width: 1%; }
.lines th:not(:last-child), .lines td:not(:last-child) { padding-right: 11px; }
.key { font-size: .92em; }
.doc thead th.title { padding: 0 0 2px; color: var(--ink); }
.doc thead th.title b { color: var(--bright); font-weight: 650; font-size: 14px; }
.doc thead th.title span { margin-left: 14px; color: var(--muted); }
.classes { display: flex; flex-wrap: wrap; gap: 4px 32px; margin: 0 0 4px; padding: 0; list-style: none; }
.classes b { color: var(--bright); }
.sign { display: grid; grid-template-columns: repeat(2, 1fr); gap: 22px 44px; }
.sign > div { border-top: 2px solid var(--bright); padding-top: 9px; break-inside: avoid; }
.sign > .open { border-top: 2px dashed var(--rule); color: var(--muted); }
.sign h3 { margin: 0 0 6px; font-size: 14px; font-weight: 650; color: var(--bright); }
.sign .open h3 { color: var(--warn); }
p { margin: 8px 0; max-width: 110ch; }
.keys { display: flex; flex-wrap: wrap; gap: 2px 22px; max-width: none; color: var(--muted); }
.wide { overflow-x: auto; }
@media screen and (max-width: 900px) {
  body { padding: 18px 16px 48px; }
  .facts, .sign { grid-template-columns: 1fr; }
  .wide table { min-width: 900px; }
}
"""

_PAPER = """
@page { size: A4 landscape; margin: 13mm 13mm 16mm;
  @bottom-left { content: "%(name)s   %(short)s   %(environment)s"; font: 7.5pt %(sans)s; color: #566171; }
  @bottom-right { content: "page " counter(page) " of " counter(pages); font: 7.5pt %(sans)s; color: #566171; }
}
@media print {
  :root { --ground: #fff; --surface: #f4f2ee; }
  body { padding: 0; max-width: none; font-size: 8.3pt; line-height: 1.42; }
  .env, .print, .own td { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  h1 { margin-top: 12pt; font-size: 18pt; }
  .lead { font-size: 10.5pt; }
  .print { margin-top: 11pt; padding: 7pt 10pt; }
  .print code { font-size: 9.2pt; }
  h2 { margin: 20pt 0 5pt; font-size: 10pt; break-after: avoid; }
  h2 small { font-size: 8pt; }
  .facts h2 { margin-top: 13pt; }
  .doc { margin-top: 14pt; }
  .lines, .keys { font-size: 7.5pt; }
  .lines th:not(:last-child), .lines td:not(:last-child) { padding-right: 6pt; }
  .doc.short, .gates tr { break-inside: avoid; }
  .doc thead th.title b { font-size: 9.2pt; }
  .sign h3 { font-size: 9.5pt; }
  th, td { padding-top: 1.7pt; padding-bottom: 1.7pt; }
  thead { display: table-header-group; }
  tr { break-inside: avoid; }
  .l0, .l1, .doc thead { break-after: avoid; }
  .sum { break-before: avoid; }
  .wide { overflow: visible; }
}
"""


def style(name: str, short: str, environment: str) -> str:
    """The whole style sheet; the three texts stand at the foot of every printed page."""
    sans = '"Inter", "Segoe UI", Arial, sans-serif'
    told = {"name": _quoted(name), "short": _quoted(short), "environment": _quoted(environment), "sans": sans}
    return _SCREEN + _PAPER % told


def _quoted(text: str) -> str:
    return "".join(char if char.isascii() and (char.isalnum() or char in " -_.") else "?" for char in text)
