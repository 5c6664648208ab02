"""proposals show: everything about one proposal, from where it came from to its signatures."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from rich.text import Text

from tui_connector.bootstrap import open_installation
from tui_connector.cli import Exit
from tui_connector.cli.out import console, facts, mark, moment, print_json, say_next, table
from tui_connector.cli.telling import document_table, proposal_state, troubles
from tui_connector.domain.proposal import Change, LineDecision, LineKind, Verdict, short_fingerprint
from tui_connector.domain.text import clean
from tui_connector.review.amounts import counted, listed, money, percent, plain, signed
from tui_connector.review.marks import SIGNS
from tui_connector.review.rollup import consequence, roll_up
from tui_connector.views.approvals import describe_proposal, target, waits_for
from tui_connector.views.documents import describe_document
from tui_connector.views.words import age, figure

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from tui_connector.bootstrap import Installation
    from tui_connector.domain.proposal import Approval, Gate, PostingDocument, Proposal, ProposedLine
    from tui_connector.domain.sums import Sums
    from tui_connector.review.rollup import RollUp
    from tui_connector.store.store import Store

_FLAGGED = 20
_VERDICTS = {
    Verdict.PASS: ("✓", "green", "passes"),
    Verdict.ASK: ("▲", "yellow", "asks for a second approver"),
    Verdict.FAIL: ("✗", "red", "closed"),
}
_COLOURS = {
    Change.NEW: "blue",
    Change.CHANGED: "",
    Change.WITHDRAWN: "yellow",
    Change.UNCHANGED: "dim",
    Change.INDIRECT: "dim",
}


def show(given: argparse.Namespace) -> int:
    """One proposal: target, gates, sums, documents, signatures."""
    with open_installation(given.config, read_only=True) as installation:
        store = installation.store
        proposal = store.proposals.find(given.id)
        if given.document is not None:
            store.proposals.document(proposal.id, given.document)
        if given.json:
            print_json(_described(installation, proposal, given))
            return Exit.DONE
        documents = store.proposals.documents(proposal.id)
        lines = partial(store.proposals.each_line, proposal.id, given.document)
        now = installation.clock.now()
        _identity(proposal, documents, now, waits_for(store, proposal, now))
        _gates(proposal)
        _sentence(proposal, documents)
        _sums(roll_up(lines()), store.names.all(proposal.head.sap), whole=given.all_lines)
        _flags(store, proposal)
        if given.lines or given.all_lines:
            _line_table(_wanted(lines(), given))
        _decided(proposal, lines())
        shown = [one for one in documents if given.document in (None, one.document.number)]
        _title("Documents")
        document_table(shown)
        troubles(proposal, shown)
        _signatures(proposal, store.proposals.approvals(proposal.id))
        _undo(store, proposal)
    return Exit.DONE


def _wanted(lines: Iterable[ProposedLine], given: argparse.Namespace) -> Iterator[ProposedLine]:
    return (line for line in lines if given.all_lines or line.change is not Change.UNCHANGED)


def _described(installation: Installation, proposal: Proposal, given: argparse.Namespace) -> dict[str, Any]:
    store = installation.store
    documents = store.proposals.documents(proposal.id)
    lines = partial(store.proposals.each_line, proposal.id, given.document)
    names = store.names.all(proposal.head.sap)
    value = describe_proposal(proposal) | {
        "waits_for": waits_for(store, proposal, installation.clock.now()),
        "consequence": consequence(proposal, documents),
        "gates_at": proposal.gates_at,
        "gates": [
            {"name": one.name, "verdict": one.verdict, "words": one.words, "lines": one.lines, "count": one.count}
            for one in proposal.gates
        ],
        "sums": [
            _sum_of(*row) | {"name": names.get((row[1].field, row[1].value), "")}
            for row in _rows(roll_up(lines()), whole=given.all_lines)
        ],
        "flags": list(_each_flag(store, proposal)),
        "taken_out": store.proposals.taken_out(proposal.id),
        "approvals": [
            {"name": one.name, "user": one.user, "key": one.key_id, "by": one.by, "at": one.at}
            for one in store.proposals.approvals(proposal.id)
        ],
        "posting": [
            describe_document(proposal, one) for one in documents if given.document in (None, one.document.number)
        ],
    }  # fmt: skip
    if given.lines or given.all_lines:
        value["line_items"] = [_line(line) for line in _wanted(lines(), given)]
    return value


def _each_flag(store: Store, proposal: Proposal) -> Iterator[dict[str, Any]]:
    after = 0
    while page := store.sums.flagged_lines(proposal.id, after):
        for number, flags in page.items():
            yield from ({"line": number, "risk": flag.risk, "words": flag.words} for flag in flags)
        after = max(page)


def _identity(proposal: Proposal, documents: Sequence[PostingDocument], now: datetime, waits: str) -> None:
    head, origin = proposal.head, proposal.origin
    exported = f"{moment(origin.exported_at)}, {age(now - origin.exported_at)} old" if origin.exported_at else "–"
    days = listed(sorted({one.document.posting_date.isoformat() for one in documents}))
    companies = listed(sorted({one.document.company_code for one in documents}))
    approved = " at ".join(part for part in (origin.approved_by, origin.approved_at) if part)
    parent = f"P-{proposal.parent:04}" if proposal.parent else ""
    rows = [
        ("proposal", Text.assemble((f"{proposal.name}  {proposal.short}  ", "bold"), proposal_state(proposal, now))),
        ("reason", proposal.reason),
        ("waits for", waits),
        ("target", Text.assemble((clean(target(proposal)), "bold"), clean(f" of {head.sap}, {head.environment}"))),
        ("posting", f"{days} in {companies}"),
        ("plan", f"{origin.model_name}, export {origin.export_name or head.export}, {counted(origin.rows, 'row')}"),
        ("exported", f"{exported}, task {origin.task_id or '–'}"),
        ("approved", f"in Anaplan by {approved}" if approved else "the plan names no approver"),
        ("made", f"{moment(proposal.made_at)} by {proposal.author}"),
        ("expires", moment(proposal.expires_at)),
        ("reverses" if head.reverses else "revises", parent),
    ]
    facts([(label, value) for label, value in rows if value])


def _gates(proposal: Proposal) -> None:
    _title(f"Gates, as of {moment(proposal.gates_at)} UTC")
    facts(
        [
            (gate.name, Text.assemble(mark(*_VERDICTS[gate.verdict]), f": {clean(_why(gate))}"))
            for gate in proposal.gates
        ]
    )


def _why(gate: Gate) -> str:
    if not gate.lines:
        return gate.words
    more = f" and {gate.count - len(gate.lines):,} more" if gate.count > len(gate.lines) else ""
    return f"{gate.words} ({'line' if gate.count == 1 else 'lines'} {', '.join(map(str, gate.lines))}{more})"


def _sentence(proposal: Proposal, documents: Sequence[PostingDocument]) -> None:
    said = f"{consequence(proposal, documents)}. Into {target(proposal)}."
    console().print(Text(f"\n{clean(said)}", "bold"))


def _title(text: str) -> None:
    console().print(Text(f"\n{text}", "dim"))


def _rows(nodes: Iterable[RollUp], depth: int = 0, *, whole: bool) -> Iterator[tuple[int, RollUp, str, Sums]]:
    """The tree from above, a row for each currency of a node; what is as it was only when `whole` is asked for."""
    for node in nodes:
        if whole or not node.quiet:
            yield from ((depth, node, currency, sums) for currency, sums in node.sums.items())
            yield from _rows(node.children, depth + 1, whole=whole)


def _sums(tree: Sequence[RollUp], names: Mapping[tuple[str, str], str], *, whole: bool) -> None:
    rows = [
        (
            _named(node, names, depth), currency, _classes(sums), money(sums.last, currency),
            money(sums.wanted, currency), signed(sums.delta, currency), percent(sums.delta, sums.last),
            money(sums.posted, currency), _to_post(sums, currency),
        )
        for depth, node, currency, sums in _rows(tree, whole=whole)
    ]  # fmt: skip
    _title("Sums by company code, cost center, account")
    heads = ("", "cur", "change", "last plan", "new plan", "delta", "%", "posted", "to post")
    table(heads, rows, numbers=heads[3:], spare=("posted", "%", "last plan", "change", "new plan", "delta"))


def _named(node: RollUp, names: Mapping[tuple[str, str], str], depth: int) -> str:
    return "  " * depth + f"{node.value or '–'} {names.get((node.field, node.value), '')}".rstrip()


def _flags(store: Store, proposal: Proposal) -> None:
    """The first lines that ask for a second look, and why."""
    found = store.sums.flagged_lines(proposal.id, limit=_FLAGGED)
    if not found:
        return
    count = sum(sums.flagged for sums in store.sums.totals(proposal.id).values())
    _title(f"{counted(count, 'line')} that ask for a second look")
    facts([(f"line {number}", "; ".join(flag.words for flag in flags)) for number, flags in found.items()])
    if count > len(found):
        say_next(f"{count - len(found):,} more: proposals show {proposal.name} --json")


def _classes(sums: Sums) -> Text:
    if sums.own == sums.lines:
        return Text("connector", "dim")
    if len(sums.changes) == 1:
        (change,) = sums.changes
        return mark(SIGNS[change], _COLOURS[change], change)
    return Text(counted(sums.lines, "line"), "dim")


def _to_post(sums: Sums, currency: str) -> str:
    """Both sides, or the one there is; "=" says that they are equal."""
    if sums.debit == sums.credit:
        return f"= {money(sums.debit, currency)}"
    sides = (("Dr", sums.debit), ("Cr", sums.credit))
    return ", ".join(f"{side} {money(amount, currency)}" for side, amount in sides if amount)


def _sum_of(depth: int, node: RollUp, currency: str, sums: Sums) -> dict[str, Any]:
    return {
        "level": depth, "field": node.field, "value": node.value, "currency": currency, "lines": sums.lines,
        "last": None if sums.last is None else plain(sums.last, currency), "wanted": plain(sums.wanted, currency),
        "delta": plain(sums.delta, currency), "posted": plain(sums.posted, currency),
        "debit": plain(sums.debit, currency), "credit": plain(sums.credit, currency),
    }  # fmt: skip


def _line_table(lines: Iterable[ProposedLine]) -> None:
    rows = [
        (
            figure(line.number), figure(line.document), line.company_code, line.gl_account, line.cost_center or "–",
            mark(SIGNS[line.change], _COLOURS[line.change], line.change if line.kind is LineKind.PLAN else line.kind),
            money(line.amount, line.currency), line.currency, line.key, line.text,
        )
        for line in lines
    ]  # fmt: skip
    _title("Lines")
    heads = ("line", "doc", "code", "account", "center", "change", "to post", "cur", "key", "text")
    table(heads, rows, numbers=("line", "doc", "to post"), spare=("text", "doc", "code", "cur", "center", "change"))


def _line(line: ProposedLine) -> dict[str, Any]:
    amounts = {
        name: None if value is None else plain(value, line.currency)
        for name, value in (
            ("wanted", line.wanted),
            ("posted", line.posted),
            ("amount", line.amount),
            ("last", line.last),
        )
    }
    return line._asdict() | amounts


def _decided(proposal: Proposal, lines: Iterable[ProposedLine]) -> None:
    """Lines that somebody took out or wrote beside, in full."""
    said = [line for line in lines if line.decision is not LineDecision.NONE or line.comment]
    if not said:
        return
    _title(f"Said of lines; `proposals revise {proposal.name}` proposes again without those held or rejected")
    facts([
        (f"line {line.number}", "; ".join(part for part in (_decision(line), line.comment) if part)) for line in said
    ])  # fmt: skip


def _decision(line: ProposedLine) -> str:
    return f"{line.decision}: {line.reason}" if line.decision else ""


def _undo(store: Store, proposal: Proposal) -> None:
    """What would take it back, as it was prepared when the last document was proved."""
    told = store.audit.events_before(None, 1, "reversal.prepared", subject=proposal.name)
    made = [one for one in store.proposals.children(proposal.id) if one.head.reverses]
    if not told or made:
        return
    data = told[0].fact.data
    words = f"{counted(data['documents'], 'reversal')} prepared"
    if "fingerprint" in data:
        words += f", fingerprint {short_fingerprint(str(data['fingerprint']))}"
    closed = "; ".join(map(str, data["closed"]))
    say_next(f"undo: {words}{f' ({closed})' if closed else ''}: tui-connector proposals reverse {proposal.name}")


def _signatures(proposal: Proposal, approvals: Sequence[Approval]) -> None:
    _title(f"Signatures, {len(approvals)} of {proposal.approvals_needed} given")
    if approvals:
        facts([(one.name, f"{moment(one.at)} by {one.by}, key {one.key_id} of {one.user}") for one in approvals])
