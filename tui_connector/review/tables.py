"""The page's tables: roll-ups, documents with their lines, and what is not to be posted."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from tui_connector.domain.proposal import DocumentState, LineKind, document_digest
from tui_connector.review.amounts import ABSENT, counted, money, percent, signed, total
from tui_connector.review.markup import cell, changed, code, heading, heads, safe, state_word
from tui_connector.review.rollup import roll_up, sums_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from decimal import Decimal

    from tui_connector.domain.proposal import PostingDocument, ProposedLine
    from tui_connector.domain.sums import Sums
    from tui_connector.review.pack import PackData
    from tui_connector.review.rollup import RollUp

_ONE_LINE = 24  # characters of a key that is not broken, though it has hyphens
_SHORT = 10  # lines of a document that is kept on one sheet of paper


@dataclass(slots=True)
class Proof:
    """What was printed: how many lines of documents, and each document's digest computed from them."""

    lines: int = 0
    digests: dict[int, str] = field(default_factory=dict)


def roll_ups(data: PackData) -> Iterator[str]:
    """The tree of sums; accounts that are as they were share one row below their center."""
    tree = roll_up(data.lines())
    yield "<section>" + heading("Roll-ups", "company code, cost center, account; one row for each currency")
    yield '<div class="wide"><table><thead>'
    yield heads("company, center, account", "currency", "change", ">last plan", ">new plan", ">delta", ">%", ">posted",
                ">to post Dr", ">to post Cr")  # fmt: skip
    yield "</thead><tbody>\n"
    for node in tree:
        yield from _node(data, node, 0)
    for currency, sums in sums_of(tree).items():
        yield _sums_row("sum", "all company codes", currency, sums)
    yield "</tbody></table></div></section>\n"


def document_list(data: PackData) -> Iterator[str]:
    """One row a document: what it is and what became of it."""
    yield "<section>" + heading("Documents", counted(len(data.documents), "document"))
    yield '<div class="wide"><table><thead>'
    yield heads(">no.", "company code", "posting date", "type", ">lines", "currency", ">debit", ">credit", "state",
                "SAP document", "read back")  # fmt: skip
    yield "</thead><tbody>\n"
    for one in data.documents:
        said = one.document
        yield (
            "<tr>"
            + cell(f"{said.number:,}", "n")
            + cell(_named(data, "company_code", said.company_code))
            + cell(said.posting_date.isoformat(), "w")
            + cell(safe(said.document_type))
            + cell(f"{said.items:,}", "n")
            + cell(safe(said.currency))
            + cell(money(said.debit, said.currency), "n")
            + cell(money(said.credit, said.currency), "n")
            + cell(state_word(one))
            + cell(_number_in_sap(one), "w")
            + cell(_read_back(one))
            + "</tr>\n"
        )
    yield "</tbody></table></div></section>\n"


def documents(data: PackData, proof: Proof) -> Iterator[str]:
    """Every document with all its lines and its balance."""
    postings = {one.document.number: one for one in data.documents}
    for number, group in groupby(data.lines(), key=lambda line: line.document):
        if number is None:
            continue
        lines = list(group)
        posting = postings.get(number)
        proof.lines += len(lines)
        proof.digests[number] = document_digest(posting.document, lines) if posting else ""
        yield from _document(data, number, posting, lines)


def nothing_to_post(data: PackData) -> Iterator[str]:
    """The lines without a document: as they were before, or left out by a person."""
    count = data.proposal.lines - sum(one.document.items for one in data.documents)
    if count <= 0:
        return
    yield "<section>" + heading("Nothing to post", f"{counted(count, 'line')} of the plan in no document")
    yield '<div class="wide lines"><table><thead>'
    yield heads(">line", "company code", "account", "cost center", "profit center", "text", "key", "change",
                ">last plan", ">new plan", ">posted", "currency")  # fmt: skip
    yield "</thead><tbody>\n"
    for line in data.lines():
        if line.document is None:
            yield (
                '<tr class="muted">'
                + _line_start(data, line, cell(safe(line.company_code)))
                + cell(money(line.last, line.currency), "n")
                + _amounts(line)
                + cell(safe(line.currency))
                + "</tr>\n"
            )
    yield "</tbody></table></div></section>\n"


def _node(data: PackData, node: RollUp, depth: int) -> Iterator[str]:
    name = _named(data, node.field, node.value)
    for currency, sums in node.sums.items():
        yield _sums_row(f"l{depth}", name, currency, sums)
        name = ""
    quiet = [child for child in node.children if not child.children and child.quiet]
    if len(quiet) == 1:
        quiet = []
    for child in node.children:
        if child not in quiet:
            yield from _node(data, child, depth + 1)
    name = f"{counted(len(quiet), 'account')} unchanged"
    for currency, sums in sums_of(quiet).items():
        yield _sums_row(f"l{depth + 1} muted", name, currency, sums)
        name = ""


def _sums_row(kind: str, name: str, currency: str, sums: Sums) -> str:
    delta = sums.delta
    tone = "more" if delta > 0 else "less" if delta < 0 else "muted"
    plan = (
        cell(money(sums.last, currency), "n muted")
        + cell(money(sums.wanted, currency), "n")
        + cell(signed(delta, currency), f"n {tone}")
        + cell(percent(delta, sums.last), "n muted")
        + cell(money(sums.posted, currency), "n muted")
    )
    return (
        f'<tr class="{kind}">'
        + cell(name)
        + cell(safe(currency), "muted")
        + cell(_classes(sums), "w")
        + (plan if sums.own < sums.lines else cell(ABSENT, "n muted") * 5)
        + cell(_side(sums.debit, currency), "n")
        + cell(_side(sums.credit, currency), "n")
        + "</tr>\n"
    )


def _classes(sums: Sums) -> str:
    if sums.own == sums.lines:
        return '<span class="mark"></span>connector'
    classes = list(sums.changes)
    return changed(classes[0]) if len(classes) == 1 and not sums.own else counted(sums.lines, "line")


def _document(
    data: PackData, number: int, posting: PostingDocument | None, lines: Sequence[ProposedLine]
) -> Iterator[str]:
    yield f'<section class="doc{" short" if len(lines) <= _SHORT else ""}"><div class="wide lines"><table><thead>'
    yield f'<tr><th class="title" colspan="11">{_title(data, number, posting)}</th></tr>'
    yield heads(">line", "account", "cost center", "profit center", "text", "key", "change", ">new plan", ">posted",
                ">debit", ">credit")  # fmt: skip
    yield "</thead><tbody>\n"
    for line in lines:
        yield (
            ("<tr>" if line.kind is LineKind.PLAN else '<tr class="own">')
            + _line_start(data, line)
            + _amounts(line)
            + cell(_side(line.amount, line.currency), "n")
            + cell(_side(-line.amount, line.currency), "n")
            + "</tr>\n"
        )
    for currency in sorted({line.currency for line in lines}):
        debit = total(line.amount for line in lines if line.currency == currency and line.amount > 0)
        credit = -total(line.amount for line in lines if line.currency == currency and line.amount < 0)
        words = (
            '<span class="mark" aria-hidden="true">=</span>debit equals credit'
            if debit == credit
            else '<span class="fail"><span class="mark" aria-hidden="true">✗</span>debit and credit differ by'
            f" {money(abs(debit - credit), currency)}</span>"
        )
        yield (
            f'<tr class="sum"><td></td><td colspan="8">{words}, {safe(currency)}</td>'
            + cell(money(debit, currency), "n")
            + cell(money(credit, currency), "n")
            + "</tr>\n"
        )
    yield "</tbody></table></div>"
    if posting:
        yield _keys(posting)
    yield "</section>\n"


def _title(data: PackData, number: int, posting: PostingDocument | None) -> str:
    if posting is None:
        return f'<b class="fail">Document {number:,}: its header is missing</b>'
    said = posting.document
    parts = [
        _named(data, "company_code", said.company_code),
        safe(said.currency),
        f"posting {said.posting_date.isoformat()}",
        f"dated {said.document_date.isoformat()}",
        f"type {safe(said.document_type)}",
        safe(said.header_text),
        state_word(posting),
    ]
    in_sap = f"<span>SAP document {_number_in_sap(posting)}</span>" if posting.accounting_document else ""
    return f"<b>Document {number:,}</b>" + "".join(f"<span>{part}</span>" for part in parts if part) + in_sap


def _keys(posting: PostingDocument) -> str:
    told = [
        f"reference {code(posting.reference)}",
        f"message {code(posting.message_id)}",
        f"payload {code(posting.payload_digest)}",
    ]
    if posting.difference:
        told.append(f'<span class="fail">read back differently: {safe(posting.difference)}</span>')
    if posting.said:
        told.append(f"SAP said: {safe(posting.said)}")
    return f'<p class="keys">{"".join(f"<span>{part}</span>" for part in told)}</p>'


def _line_start(data: PackData, line: ProposedLine, company: str = "") -> str:
    own = line.kind is not LineKind.PLAN
    text = safe(line.text)
    if line.decision:
        text += f'<span class="aside warn">{line.decision}: {safe(line.reason)}</span>'
    if line.comment:
        text += f'<span class="aside">{safe(line.comment)}</span>'
    return (
        cell(f"{line.number:,}", "n muted")
        + company
        + cell(_named(data, "gl_account", line.gl_account))
        + cell(_named(data, "cost_center", line.cost_center))
        + cell(_named(data, "profit_center", line.profit_center))
        + cell(text, "any")
        + cell(safe(line.key), f"key muted {'w' if len(line.key) <= _ONE_LINE else 'any'}")
        + cell(str(line.kind) if own else changed(line.change), "w")
    )


def _amounts(line: ProposedLine) -> str:
    if line.kind is not LineKind.PLAN:
        return cell(ABSENT, "n muted") * 2
    return cell(money(line.wanted, line.currency), "n") + cell(money(line.posted, line.currency), "n muted")


def _named(data: PackData, name: str, number: str) -> str:
    if not number:
        return '<span class="muted">no cost center</span>' if name == "cost_center" else ""
    text = data.names.get((name, number), "")
    return f'<span class="id">{safe(number)}</span> {safe(text)}' if text else safe(number)


def _side(amount: Decimal, currency: str) -> str:
    return money(amount, currency) if amount > 0 else ""


def _number_in_sap(posting: PostingDocument) -> str:
    if not posting.accounting_document:
        return ABSENT
    return safe(f"{posting.accounting_document} / {posting.fiscal_year}")


def _read_back(posting: PostingDocument) -> str:
    if posting.difference:
        return f'<span class="fail"><span class="mark" aria-hidden="true">✗</span>{safe(posting.difference)}</span>'
    if posting.state is DocumentState.VERIFIED:
        return "equal to the cent"
    return "not yet" if posting.state is DocumentState.POSTED else ABSENT
