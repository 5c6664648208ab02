"""The report's part on loads: runs day by day, tie-outs, differences, refused records, failures and gaps."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from tui_connector.domain.tie import Hop, Verdict
from tui_connector.review.amounts import counted, listed
from tui_connector.review.markup import code, safe
from tui_connector.review.plots import legend, parts_bar, run_grid
from tui_connector.review.report_data import AGES, BECAME, COUNTS
from tui_connector.review.report_parts import at, bad, keys, left_out, nothing, said_table, section, state, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui_connector.review.report_data import CauseRow, LoadRow, Report, TieRow

_TONES = {Verdict.TIED: "ok", Verdict.NOT_TIED: "fail", Verdict.UNVERIFIED: "soft"}
_OF_POSTINGS = {Hop.EXPORTED, Hop.PROPOSED, Hop.POSTED}


def runs(data: Report) -> str:
    """Every flow's runs: a plot by day, what they moved, and the figures of the last tie-out hop by hop."""
    note = f"numbers {data.first_run:,} to {data.last_run:,}, " if data.first_run and data.last_run else ""
    holes = counted(len(data.missing_runs), "number") if data.missing_runs else "no number"
    if not data.loads and not data.gaps:
        return section("Loads and runs", "", nothing("No run began in this time, and none was due."))
    parts = []
    if data.days and data.marks:
        parts.append(f'<div class="wide">{run_grid(data.days, data.marks)}</div>\n')
        parts.append(legend(word for days in data.marks.values() for word in days.values()))
    names = ("flow", ">runs", ">failed", ">due", ">not begun", *(f">{head}" for head in COUNTS.values()), "tied out")
    if data.loads:
        parts.append(table(names, (_load(data, row) for row in data.loads)))
    return section("Loads and runs", f"{note}{holes} missing" if note else "", *parts, _ties(data))


def _load(data: Report, row: LoadRow) -> tuple[str, ...]:
    _, due, missed = data.schedules.get(row.flow, ("", 0, 0))
    moved = (row.counts[name] for name in COUNTS)
    slots = (f"{due:,}", f"{missed:,}") if due else ("–", "–")
    return safe(row.flow), f"{row.runs:,}", f"{row.failed:,}", *slots, *(f"{one:,}" for one in moved), _tied(row)


def _tied(row: LoadRow) -> str:
    ties = row.ties
    if not ties:
        return "–"
    words = listed(f"{ties[verdict]:,} {verdict}" for verdict in Verdict if ties[verdict])
    bar = parts_bar([(tone, ties[verdict]) for verdict, tone in _TONES.items()], ties.total(), words)
    return f'<span class="w barred">{bar}<span class="{"fail" if ties[Verdict.NOT_TIED] else ""}">{words}</span></span>'


def _ties(data: Report) -> str:
    """The last tie-out of each flow; loads and postings go by other hops and have a table each."""
    newest = [(row.flow, row.newest) for row in data.loads if row.newest is not None]
    if not newest:
        return ""
    tables = []
    for posting in (False, True):
        some = [(flow, tie) for flow, tie in newest if bool(_OF_POSTINGS & tie.hops.keys()) == posting]
        there = (hop for hop in Hop if any(hop in tie.hops for _, tie in some))
        hops = sorted(there, key=lambda hop: posting and hop is Hop.READ_BACK)  # what SAP shows of a posting is last
        rows = ((_hops(flow, tie, hops), safe(tie.words)) for flow, tie in some)
        if some:
            tables.append(said_table(("flow", ">run", "verdict", *(f">{hop}" for hop in hops)), rows))
    return f"<h3>The last tie-out of each flow, hop by hop</h3>\n{''.join(tables)}"


def _hops(flow: str, tie: TieRow, hops: Sequence[Hop]) -> tuple[str, ...]:
    figures = ("<br>".join(map(safe, tie.hops.get(hop, ()))) or "–" for hop in hops)
    return safe(flow), f"{tie.run:,}", state(tie.verdict), *figures


def differences(data: Report) -> str:
    """Scopes in which two hops of a tie-out do not agree."""
    if not data.differences:
        tied = sum(row.ties[Verdict.TIED] for row in data.loads)
        told = f"None: {counted(tied, 'run')} tied, from SAP's pages to what Anaplan holds."
        return section("Differences", "", nothing(told if tied else "Nothing was tied out."))
    rows = (
        (f"{row.run:,}", *map(safe, (row.flow, row.scope, row.between, row.expected, row.found, row.words)))
        for row in data.differences
    )
    names = (">run", "flow", "scope", "hops", "expected", "found", "why that may be")
    note = "scopes in which two hops of a tie-out do not agree"
    return section("Differences", note, table(names, rows, "scope"), left_out(data, "differences", "ties.jsonl"))


def refusals(data: Report) -> str:
    """Refused records by cause, what became of them, and how long the open ones have been so."""
    title, note = "Refused records, by cause and age", "open ones by how long they have been open"
    if not data.causes:
        return section(title, "", nothing("No record was refused."))
    most = max(row.total for row in data.causes)
    rows = (
        (
            safe(row.flow), safe(row.cause), f"{row.total:,}",
            f'<span class="{"warn" if row.open else ""}">{_words(row)}</span>',
            parts_bar(_parts(row), most, _words(row)), *(f"{age:,}" if age else "–" for age in row.ages),
            "; ".join(f"{safe(why)} ({count:,})" for why, count in row.reasons.items()) or "–",
        )
        for row in data.causes
    )  # fmt: skip
    names = ("flow", "cause", ">refused", "what became of them", "", *(f">{age}" for age in AGES), "waived by, and why")
    legends = keys(
        ("warn", "open"), ("ok", "loaded by a later run, or gone from SAP"), ("soft", "waived"),
        ("hollow", "refused again, or its run failed"),
    )  # fmt: skip
    return section(title, note, table(names, rows, "cause"), legends)


def _parts(row: CauseRow) -> list[tuple[str, int]]:
    return [(tone, row.became[name]) for name, (tone, _) in BECAME.items()]


def _words(row: CauseRow) -> str:
    return listed(f"{row.became[name]:,} {words}" for name, (_, words) in BECAME.items() if row.became[name])


def troubles(data: Report) -> str:
    """Runs that did not end well, and due moments at which none began."""
    parts = []
    if data.troubles:
        rows = (
            (
                f"{row.run:,}", safe(row.flow), at(data, row.at), state(row.state), safe(row.reason) or "–",
                f"run {row.mended_by:,}" if row.mended_by else _not_mended(row.state),
            )
            for row in data.troubles
        )  # fmt: skip
        parts.append(table((">run", "flow", "asked for", "ended", "why", "made good by"), rows, "why"))
    else:
        parts.append(nothing("Every run ended well." if data.runs else "There was no run."))
    if data.gaps:
        parts.append(table(("flow", "schedule", ">due, not begun", "when", "why"), _gaps(data), "why"))
    elif any(due for _, due, _ in data.schedules.values()):
        parts.append(nothing("At every due moment a run began or was under way."))
    return section("Runs that did not end well, and gaps", "", *parts)


def _not_mended(word: str) -> str:
    return "–" if word == "cancelled" else '<span class="warn">nothing yet</span>'


def _gaps(data: Report) -> Iterator[tuple[str, ...]]:
    """Those of one flow with one reason stand together."""
    rows = sorted(data.gaps, key=lambda row: (row.explained, row.flow, row.why, row.first))
    for (explained, flow, why), group in groupby(rows, key=lambda row: (row.explained, row.flow, row.why)):
        found = list(group)
        slots = sum(row.slots for row in found)
        when = at(data, found[0].first) + (f" to {at(data, found[-1].last)}" if slots > 1 else "")
        when += f", in {len(found):,} stretches" if len(found) > 1 else ""
        yield safe(flow), code(data.schedules[flow][0]), f"{slots:,}", when, safe(why) if explained else bad("?", why)
