"""The report of an evidence pack: one page that needs nothing else, for a controller to read and an auditor to file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_connector.domain.tie import Verdict
from tui_connector.review import report_loads as loads
from tui_connector.review import report_postings as postings
from tui_connector.review.amounts import counted
from tui_connector.review.markup import cell, code, facts, heads, safe
from tui_connector.review.report_parts import at, section
from tui_connector.review.report_style import report_style

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tui_connector.review.report_data import Report

_CHECK = (
    "<p>Run <code>python3 verify.py PACK.zip</code>: take <code>verify.py</code> out of the pack, or better that of an"
    " earlier pack; it has three hundred lines to read and needs Python alone. Compare the digest that it prints with"
    " the one that was told when the pack was made.</p>\n"
)
_OUTSIDE = (
    "It shows what the connector wrote down. That nothing was left out at the end of the log, and that nobody who holds"
    " the machine and its keys has written all of it anew, only a signed checkpoint proves that left the machine in"
    " time. Keep those, and hand them to the verifier."
)
_PERSONS = (
    "It shows that a signature was made by the key of that name. That the key belongs to the person, your own list of"
    " keys has to say: compare the ids."
)
_SCHEDULES = "Due moments follow the schedules that were configured when the pack was made."


def html(data: Report) -> Iterator[str]:
    """The page in pieces."""
    yield from _head(data)
    yield _figures(data)
    for part in (
        loads.runs, postings.totals, loads.differences, loads.refusals, loads.troubles, postings.approvals,
        postings.documents, postings.changes, postings.standing, _proof,
    ):  # fmt: skip
        yield part(data)
    yield "</body>\n</html>\n"


def _head(data: Report) -> Iterator[str]:
    yield (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{safe(f'Evidence: {data.words}')}</title>\n"
        f"<style>{report_style(data.words, data.environment.upper())}</style>\n</head>\n<body>\n"
        f'<div class="mast"><span><b>tui_connector</b> &nbsp;evidence, as of {at(data, data.made_at)}</span>'
        f'<span class="env">{safe(data.environment.upper())}</span></div>\n<h1>{safe(data.sentence)}</h1>\n'
        f'<p class="lead">It covers {_covered(data)}. Made by {safe(data.made_by)}.</p>\n'
    )
    yield _listed("points", "▲", "warn", data.points)
    yield _listed("points notes", "·", "", data.notes)


def _listed(kind: str, glyph: str, tone: str, lines: Iterable[str]) -> str:
    told = "".join(f'<li><span class="mark {tone}" aria-hidden="true">{glyph}</span>{safe(one)}</li>' for one in lines)
    return f'<ul class="{kind}">{told}</ul>\n' if told else ""


def _covered(data: Report) -> str:
    count = max(0, data.last - data.first + 1)
    place = f"{counted(count, 'event')} of the log ({data.first:,} to {data.last:,} of {data.log_last:,})"
    log = f"{place}, {data.full:,} of them with their data" if count else "no event of the log"
    if data.since is None or data.until is None:
        return f"everything about {safe(data.words)}: {log}"
    span = f"what happened from {at(data, data.since)} to {at(data, data.until)}"
    return f"{span}, and what was posted into it whenever that was: {log}"


def _figures(data: Report) -> str:
    failed, tied = sum(row.failed for row in data.loads), any(row.ties[Verdict.TIED] for row in data.loads)
    refused, still = sum(row.total for row in data.causes), sum(row.open for row in data.causes)
    differ = len(data.differences) + data.more.get("differences", 0)
    missed, dark = sum(row.slots for row in data.gaps), sum(row.slots for row in data.gaps if not row.explained)
    proved, documents = sum(row.proved for row in data.proposals), sum(row.documents for row in data.proposals)
    count, wrong = len(data.proposals), sum(bool(row.fault) for row in data.signatures)
    agrees = "everything agrees" if tied else "nothing tied out"
    tiles = (
        (f"{data.runs:,}", "runs", "warn", failed, "failed", "none failed"),
        (f"{missed:,}", "due, not begun", "fail", dark, "not explained", "all explained" if missed else "none"),
        (f"{differ:,}", "scopes that differ", "fail", differ, "to look at", agrees),
        (f"{refused:,}", "refused records", "warn", still, "open", "none open"),
        (f"{proved:,} of {documents:,}", "documents proved", "", count, f"proposal{'s' * (count != 1)}", "no proposal"),
        (f"{len(data.signatures):,}", "signatures", "fail", wrong, "not genuine",
         "all genuine" if data.signatures else "none given"),
    )  # fmt: skip
    told = (
        f"<div><b>{figure}</b><span>{label}</span>"
        + (f'<small class="{tone}">{much:,} {bad}</small></div>' if much else f"<small>{good}</small></div>")
        for figure, label, tone, much, bad, good in tiles
    )
    return f'<div class="figures">{"".join(told)}</div>\n'


def _proof(data: Report) -> str:
    rows = "".join(f"<tr>{cell(code(name), 'w')}{cell(safe(what))}</tr>\n" for name, what in data.members)
    told = facts([
        ("log", code(data.store)),
        ("events", f"{data.first:,} to {data.last:,}, of {data.log_last:,} when the pack was made"),
        ("last digest", code(data.head)),
        ("checkpoint", safe(data.checkpoint)),
    ])  # fmt: skip
    limits = "".join(f"<li>{one}</li>" for one in (_OUTSIDE, _PERSONS, _SCHEDULES))
    members = f"<table><thead>{heads('member', 'what it holds')}</thead><tbody>\n{rows}</tbody></table>"
    title = "How to check this pack, and what it cannot show"
    return f'<div class="proof">{section(title, "", _CHECK, f"<ul>{limits}</ul>", told, members)}</div>\n'
