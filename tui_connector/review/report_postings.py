"""The report's part on postings: totals, approvals, documents with their proof, and what was changed around them."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from tui_connector.review.amounts import counted, money
from tui_connector.review.markup import code, safe
from tui_connector.review.plots import lanes, parts_bar
from tui_connector.review.report_parts import at, bad, keys, left_out, mark, nothing, section, state, table

if TYPE_CHECKING:
    from datetime import datetime

    from tui_connector.review.report_data import Report, TotalRow


def totals(data: Report) -> str:
    """What was to be posted and what is proved, by period, company code and currency."""
    title = "Posted, by period and company code"
    if not data.totals:
        return section(title, "", nothing("No proposal belongs to this: nothing was to be posted."))
    names = ("period", "company code", "currency", ">documents", ">proposed", ">posted", ">proved", ">given up",
             ">open", "")  # fmt: skip
    told = keys(("ok", "proved"), ("hollow", "open"), ("soft", "given up: refused, left out or not approved"))
    return section(title, "debit totals", table(names, (_total(data, row) for row in data.totals)), told)


def _total(data: Report, row: TotalRow) -> tuple[str, ...]:
    most = max(one.proposed for one in data.totals if one.currency == row.currency)
    left = row.proposed - row.proved - row.given_up
    words = f"of {money(row.proposed, row.currency)} proposed {money(row.proved, row.currency)} is proved"
    bar = parts_bar([("ok", row.proved), ("soft", row.given_up), ("hollow", left)], most, words)
    amounts = (row.proposed, row.posted, row.proved, row.given_up, left)
    told = (money(one, row.currency) if one else "–" for one in amounts)
    return safe(row.period), safe(row.company), safe(row.currency), f"{row.documents:,}", *told, bar


def approvals(data: Report) -> str:
    """Each proposal on a scale of time, where it stands, and every signature under it."""
    title, note = "Approvals, and who signed what", "each signature checked against the enrolled key"
    if not data.proposals:
        return section(title, "", nothing("No proposal belongs to this."))
    rows = (
        (
            safe(row.name), state(row.state), safe(row.amount), f"{row.proved:,} of {row.documents:,}",
            at(data, row.made_at), safe(row.author), f"{row.signatures:,}", safe(row.reason) or "–",
        )
        for row in data.proposals
    )  # fmt: skip
    names = ("proposal", "state", ">gross", ">proved", "made", "by", ">signatures", "reason given")
    return section(title, note, _lanes(data), table(names, rows, "reason given"), _signatures(data))


def _lanes(data: Report) -> str:
    signed: dict[str, list[tuple[str, datetime, str]]] = {
        name: [("signed", row.at, f"signed by {row.signer}") for row in group]
        for name, group in groupby(data.signatures, key=lambda row: row.proposal)
    }
    proved = {row.name.partition("/")[0]: row.at for row in data.documents if row.state == "verified"}
    rows = []
    for row in data.proposals:
        points = [("made", row.made_at, f"{row.state}, made by {row.author}"), *signed.get(row.name, [])]
        if last := proved.get(row.name):
            points.append(("proved", last, f"{row.proved:,} of {counted(row.documents, 'document')} proved"))
        rows.append((row.name, points))
    legends = (mark("○", "muted", "made"), mark("◆", "more", "signed"), mark("✓", "ok", "last document proved"))
    told = "".join(f"<li>{one}</li>" for one in legends)
    return f'<div class="wide">{lanes(rows)}</div>\n<ul class="legend">{told}</ul>\n'


def _signatures(data: Report) -> str:
    if not data.signatures:
        return nothing("Nobody has signed anything.")
    rows = (
        (
            safe(row.proposal), code(row.fingerprint), safe(row.amount), safe(row.author),
            f"<b>{safe(row.signer)}</b> {safe(row.account)}", code(row.key), at(data, row.at),
            bad("✗", row.fault) if row.fault else mark("✓", "ok", "genuine"),
        )
        for row in data.signatures
    )  # fmt: skip
    names = ("proposal", "fingerprint", ">gross", "prepared by", "signed by", "key", "at", "signature")
    return table(names, rows)


def documents(data: Report) -> str:
    """Each document: SAP's number, and what the read-back said."""
    title = "Postings and their proof"
    if not data.documents:
        return section(title, "", nothing("There is no document."))
    rows = (
        (
            safe(row.name), safe(row.company), safe(row.period), safe(row.amount), state(row.state),
            safe(row.sap) or "–", safe(row.proof) or "–", at(data, row.at),
        )
        for row in data.documents
    )  # fmt: skip
    names = ("document", "company code", "period", ">debit", "state", "in SAP", "proof", "at")
    listing = table(names, rows, "proof")
    return section(title, "read back from SAP after posting", listing, left_out(data, "documents", "proposals.jsonl"))


def changes(data: Report) -> str:
    """Changes of what decides how things are done."""
    title = "Changes of mappings, settings, secrets, schedules and periods"
    if not data.changes:
        return section(title, "", nothing("Nothing of this was changed."))
    rows = ((f"{row.event:,}", at(data, row.at), safe(row.by), safe(row.what)) for row in data.changes)
    return section(title, "", table((">event", "at", "by", "what"), rows, "what"))


def standing(data: Report) -> str:
    """The close calendar and the enrolled approvers, as they are when the pack is made."""
    periods = (
        (safe(row.company), safe(row.period), state(row.status), safe(row.reason), safe(row.by), at(data, row.at))
        for row in data.periods
    )
    calendar = table(("company code", "period", "state", "why", "by", "at"), periods, "why")
    enrolled = ((safe(name), safe(user), code(key), safe(since) or "–") for key, name, user, since in data.keys)
    approvers = table(("name", "account", "key", "revoked"), enrolled)
    unset = nothing("Nobody has said how a period stands.")
    return (
        f'<div class="facts two">\n{section("Close calendar", "", calendar if data.periods else unset)}'
        f"{section('Enrolled approvers', '', approvers if data.keys else nothing('No key is enrolled.'))}</div>\n"
    )
