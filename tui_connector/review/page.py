"""The page to print: one HTML file that needs nothing else, from the sentence at its top to the signatures."""

from __future__ import annotations

import base64
from collections import Counter
from typing import TYPE_CHECKING

from tui_connector.domain.canonical import sha256
from tui_connector.domain.proposal import (
    Change,
    DocumentState,
    ProposalState,
    Verdict,
    fingerprint_of,
    read_statement,
)
from tui_connector.review.amounts import by_currency, counted, listed, moment
from tui_connector.review.markup import changed, code, facts, fingerprint, heading, safe
from tui_connector.review.rollup import consequence
from tui_connector.review.style import style
from tui_connector.review.tables import Proof, document_list, documents, nothing_to_post, roll_ups

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui_connector.domain.proposal import Approval, Gate
    from tui_connector.review.pack import PackData

_CHANNELS = {
    "soap": "Journal Entry - Post (Synchronous)",
    "odata": "OData journal service",
    "plan_data": "financial plan data",
}
_VERDICTS = {
    Verdict.PASS: '<span class="mark ok" aria-hidden="true">✓</span>passed',
    Verdict.ASK: '<span class="mark warn" aria-hidden="true">▲</span>asks for a second approver',
    Verdict.FAIL: '<span class="mark fail" aria-hidden="true">✗</span>refused',
}
_ENDS = {
    ProposalState.HELD: "{name} is held. Nothing of it is posted.",
    ProposalState.REJECTED: "{name} was rejected. Nothing of it is posted.",
    ProposalState.SUPERSEDED: "{name} was superseded by another proposal.",
    ProposalState.EXPIRED: "{name} expired.",
}


def html(data: PackData) -> Iterator[str]:
    """The page in pieces; it holds all lines, but never more than one document's at a time in memory."""
    proof = Proof()
    yield from _head(data)
    yield from _identity(data)
    yield from _gates(data)
    yield from _changes(data)
    yield from roll_ups(data)
    yield from document_list(data)
    yield from documents(data, proof)
    yield from nothing_to_post(data)
    yield from _signatures(data)
    yield from _proof(data, proof)
    yield "</body>\n</html>\n"


def state_sentence(data: PackData) -> str:
    """How things are, in one or two plain sentences."""
    proposal, name = data.proposal, data.proposal.name
    if proposal.state in _ENDS:
        return _ENDS[proposal.state].format(name=name)
    given, needed = len(data.approvals), proposal.approvals_needed
    if proposal.state is ProposalState.PLANNED:
        signed = f"{given} of {counted(needed, 'signature')}"
        return f"{name} waits for a person: {signed} given, nothing is posted."
    states = Counter(one.state for one in data.documents)
    proved = states[DocumentState.VERIFIED]
    if proposal.state is ProposalState.POSTED:
        return f"{name} is posted: {counted(proved, 'document')} proved in SAP, to the cent."
    troubles = (
        (DocumentState.UNKNOWN, "of unknown outcome"),
        (DocumentState.HELD, "held"),
        (DocumentState.REJECTED, "refused by SAP"),
    )
    words = [f"{states[state]:,} {word}" for state, word in troubles if states[state]]
    tail = f", {listed(words)}" if words else ""
    return f"{name} is approved: {proved:,} of {counted(len(data.documents), 'document')} proved in SAP{tail}."


def _head(data: PackData) -> Iterator[str]:
    proposal = data.proposal
    yield (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{safe(proposal.name)} {safe(proposal.short)}</title>\n"
        f"<style>{style(proposal.name, proposal.short, data.environment.upper())}</style>\n</head>\n<body>\n"
    )
    yield (
        f'<div class="mast"><span><b>tui_connector</b> &nbsp;review of a proposal, as of {moment(data.now)}</span>'
        f'<span class="env">{safe(data.environment.upper())}</span></div>\n'
        f"<h1>{safe(state_sentence(data))}</h1>\n"
    )
    if proposal.reason:
        yield f'<p class="lead">Reason given: {safe(proposal.reason)}</p>\n'
    ledger = f"{proposal.head.ledger} {proposal.head.ledger_words}"
    yield (
        f'<p class="lead"><b>{safe(consequence(proposal, data.documents))}.</b>'
        f' Into <b class="w">{safe(ledger)}</b> of {safe(proposal.head.sap)}.</p>\n'
        '<div class="print"><span class="label">Fingerprint: the first eight digits are what an approver types,'
        f" the whole is what is signed</span>{fingerprint(proposal.fingerprint)}</div>\n"
    )


def _identity(data: PackData) -> Iterator[str]:
    proposal, head, origin = data.proposal, data.proposal.head, data.proposal.origin
    author = f"{proposal.author} with key {proposal.author_key}" if proposal.author_key else proposal.author
    types = {one.document.document_type for one in data.documents}
    days = {one.document.posting_date.isoformat() for one in data.documents}
    approved = " ".join(part for part in (origin.approved_at, f"by {origin.approved_by}") if part != "by ")
    yield '<div class="facts">\n<section>' + heading("Proposal")
    yield facts([
        ("flow", safe(head.flow)),
        ("mode", safe(head.mode)),
        ("prepared", f"{moment(proposal.made_at)} by {safe(author)}"),
        ("expires", moment(proposal.expires_at)),
        ("mapping", code(head.mapping)),
        ("revises", f"P-{proposal.parent:04}" if proposal.parent and not head.reverses else ""),
        ("reverses", f"P-{proposal.parent:04} {code(head.reverses)}" if proposal.parent and head.reverses else ""),
    ])  # fmt: skip
    yield "</section>\n<section>" + heading("From Anaplan")
    yield facts([
        ("model", f"{safe(origin.model_name)} {code(head.model_id)}"),
        ("workspace", code(head.workspace_id)),
        ("export", f"{safe(origin.export_name or head.export)} {code(origin.export_id)}"),
        ("rows", f"{origin.rows:,}"),
        ("exported", moment(origin.exported_at)),
        ("task", code(origin.task_id)),
        ("digest", code(origin.digest)),
        ("approved", safe(approved) or "the plan names no approver"),
    ])  # fmt: skip
    yield "</section>\n<section>" + heading("Into SAP")
    yield facts([
        ("ledger", f"<b>{safe(head.ledger)} {safe(head.ledger_words)}</b>"),
        ("system", safe(head.sap)),
        ("environment", f"<b>{safe(head.environment)}</b>"),
        ("by", safe(_CHANNELS.get(head.channel, head.channel))),
        ("companies", safe(listed(sorted({one.document.company_code for one in data.documents})))),
        ("posting", safe(listed(sorted(days)))),
        ("type", safe(listed(sorted(types)))),
    ])  # fmt: skip
    yield "</section>\n</div>\n"


def _gates(data: PackData) -> Iterator[str]:
    gates = data.proposal.gates
    counts = Counter(gate.verdict for gate in gates)
    words = {Verdict.PASS: "passed", Verdict.ASK: "asks for a second approver", Verdict.FAIL: "refused"}
    told = ", ".join(f"{counts[verdict]} {word}" for verdict, word in words.items() if counts[verdict])
    yield "<section>" + heading("Gates", f"{told}, as of {moment(data.proposal.gates_at)}")
    yield '<table class="gates"><thead><tr><th>gate</th><th>verdict</th><th>why</th></tr></thead><tbody>\n'
    for gate in gates:
        yield (
            f'<tr><td class="w">{safe(gate.name)}</td><td class="w">{_VERDICTS[gate.verdict]}</td>'
            f"<td>{safe(gate.words)}{_concerned(gate)}</td></tr>\n"
        )
    yield "</tbody></table></section>\n"


def _concerned(gate: Gate) -> str:
    if not gate.lines:
        return ""
    shown = ", ".join(f"{number:,}" for number in gate.lines)
    rest = gate.count - len(gate.lines)
    tail = f" and {rest:,} more" if rest > 0 else ""
    return f'<span class="aside">{"line" if gate.count == 1 else "lines"} {shown}{tail}</span>'


def _changes(data: PackData) -> Iterator[str]:
    changes, gross = data.proposal.changes, data.proposal.gross
    yield "<section>" + heading("What changed", f"{counted(data.proposal.lines, 'line')} in the proposal")
    yield '<ul class="classes">\n'
    for change in Change:
        yield f"<li>{changed(change)} <b>{changes.get(change, 0):,}</b></li>\n"
    yield f"<li>gross to post <b>{safe(by_currency(gross))}</b></li></ul></section>\n"


def _signatures(data: PackData) -> Iterator[str]:
    needed = data.proposal.approvals_needed
    given = len(data.approvals)
    yield "<section>" + heading("Signatures", f"{given} of {needed} given")
    yield '<div class="sign">\n'
    for approval in data.approvals:
        yield _signature(data, approval)
    for number in range(given + 1, needed + 1):
        yield (
            f'<div class="open"><h3><span class="mark" aria-hidden="true">◆</span>Signature {number}: not given</h3>'
            "By the key of a person who did not prepare this proposal and has not signed it.</div>\n"
        )
    yield "</div></section>\n"


def _signature(data: PackData, approval: Approval) -> str:
    try:
        said = read_statement(approval.statement)
    except ValueError:
        said = {}
    fits = said.get("fingerprint") == data.proposal.fingerprint
    names = (
        '<span class="mark ok" aria-hidden="true">✓</span>the one of this page'
        if fits
        else '<span class="mark fail" aria-hidden="true">✗</span>another than this page'
    )
    told = facts([
        ("user", safe(approval.user)),
        ("key", code(approval.key_id)),
        ("signed", f"{moment(approval.at)}, acting as {safe(approval.by)}"),
        ("fingerprint", names),
        ("statement", code(sha256(approval.statement))),
        ("signature", code(base64.b64encode(approval.signature).decode())),
    ])  # fmt: skip
    return f"<div><h3>{safe(approval.name)}</h3>{told}</div>\n"


def _proof(data: PackData, proof: Proof) -> Iterator[str]:
    """Whether what is printed is what the fingerprint was taken over."""
    said = [one.document for one in data.documents]
    wrong = {one.number for one in said if proof.digests.get(one.number) != one.digest}
    wrong |= proof.digests.keys() - {one.number for one in said}
    yield "<section>" + heading("What this page proves")
    if not wrong and fingerprint_of(data.proposal.head, said) == data.proposal.fingerprint:
        yield (
            '<p><span class="mark ok" aria-hidden="true">✓</span>The fingerprint was computed anew from the'
            f" {counted(proof.lines, 'line')} of the documents above and from where they go: it is the one at the top."
        )
    else:
        where = f" These documents differ: {listed(map(str, sorted(wrong)))}." if wrong else ""
        yield (
            '<p class="fail"><span class="mark" aria-hidden="true">✗</span>The fingerprint computed from the lines'
            f" above is not the one at the top.{where} Do not sign it; have the store verified."
        )
    yield (
        "</p>\n<p>Whether the signatures are genuine is proved by the approvers' public keys: the signed statements are"
        " in this pack's JSON form. The statement's digest above is SHA-256 over its text.</p></section>\n"
    )
