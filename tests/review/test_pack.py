"""The review pack: it says all, it says the truth, and nothing in it can do harm."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from tests.review.sample import HEAD, NOW, lines_of, numbered, pack
from tui_connector.domain.canonical import canonical
from tui_connector.domain.proposal import (
    Change,
    DocumentState,
    LineDecision,
    LineKind,
    ProposalState,
    Verdict,
)
from tui_connector.review.amounts import money
from tui_connector.review.evidence import pack_json
from tui_connector.review.page import html, state_sentence
from tui_connector.review.rollup import consequence, roll_up
from tui_connector.review.sheet import csv_lines, return_lines

if TYPE_CHECKING:
    from collections.abc import Iterable


HOSTILE = "<script>alert(1)</script>\x1b]0;x\x07\u202e&\"'"
_VOID = {"meta"}


class Page(HTMLParser):
    """The page as a browser reads it: its texts, its attributes, and whether every tag is closed in its turn."""

    def __init__(self, pieces: Iterable[str]) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: Counter[str] = Counter()
        self.attributes: list[tuple[str, str | None]] = []
        self.rows: list[list[str]] = []
        self.feed("".join(pieces))
        assert self.open == []
        self.words = " ".join(" ".join(row) for row in self.rows)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen[tag] += 1
        self.attributes += attrs
        if tag in ("tr", "p", "h1", "h2", "h3", "dl", "div"):
            self.rows.append([])
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.rows and data.strip() and self.open[-1] != "style":
            self.rows[-1].append(data.strip())


def test_the_page_says_all() -> None:
    data = pack(state=ProposalState.APPROVED, signatures=2, outcomes=[DocumentState.VERIFIED, DocumentState.UNKNOWN])
    page = Page(html(data))
    proposal, origin = data.proposal, data.proposal.origin
    facts = (
        proposal.name, proposal.short, HEAD.sap, "0L ACTUALS", "PRODUCTION", HEAD.model_id, HEAD.workspace_id, HEAD.mapping,
        origin.export_name, origin.task_id, origin.digest, "2026-11-30 13:55 by J. Brandt", "svc-connector",
        "2026-11-30 13:03:12 UTC", "2026-12-03 12:40:12 UTC", consequence(proposal, data.documents),
        "8 passed, 1 asks for a second approver", "lines 3, 7, 12 and 12 more",
        "P-0017 is approved: 1 of 6 documents proved in SAP, 1 of unknown outcome.", "Signatures 2 of 2 given",
        "0100004712 / 2026", "equal to the cent", "outcome unknown",
    )  # fmt: skip
    for fact in facts:
        assert fact in page.words, fact
    assert proposal.fingerprint in page.words.replace(" ", "")
    for gate in proposal.gates:
        assert f"{gate.name} {({Verdict.PASS: '✓ passed'}).get(gate.verdict, '▲ asks')}" in page.words
        assert gate.words in page.words
    for approval in data.approvals:
        assert approval.key_id in page.words
        assert base64.b64encode(approval.signature).decode() in page.words
        assert hashlib.sha256(approval.statement.encode()).hexdigest() in page.words
    for one in data.documents:
        for fact in (one.reference, one.message_id, one.payload_digest):
            assert fact in page.words
    rows = {row[0]: row for row in page.rows if row and row[0].isdigit()}
    for line in data.lines():
        row = rows[str(line.number)]
        assert money(line.wanted if line.document is None else abs(line.amount), line.currency) in row
        assert line.key in row or line.kind in row
        assert line.gl_account in row
        assert (line.change if line.kind is LineKind.PLAN else line.kind) in row


def test_the_page_needs_nothing_else() -> None:
    page = Page(html(pack()))
    assert page.seen.keys().isdisjoint({"script", "link", "img", "iframe", "object", "embed", "form", "a", "svg"})
    assert not [name for name, _ in page.attributes if name in ("src", "href", "style", "action") or name[:2] == "on"]
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes
    text = "".join(html(pack()))
    assert "url(" not in text
    assert "@import" not in text
    assert ("lang", "en") in page.attributes


def test_text_from_a_tenant_is_only_text() -> None:
    lines = numbered(
        line._replace(text=HOSTILE, key=f"{HOSTILE}{line.key}", gl_account=HOSTILE, cost_center=HOSTILE,
                      profit_center=HOSTILE, reason=HOSTILE, comment=HOSTILE, decision=LineDecision.HELD)
        for line in lines_of(9)
    )  # fmt: skip
    plain_pack = pack(lines, outcomes=[DocumentState.REJECTED])
    origin = replace(plain_pack.proposal.origin, model_name=HOSTILE, export_name=HOSTILE, approved_by=HOSTILE)
    gates = tuple(replace(gate, words=HOSTILE) for gate in plain_pack.proposal.gates)
    data = replace(
        plain_pack,
        proposal=replace(plain_pack.proposal, origin=origin, gates=gates, author=HOSTILE, reason=HOSTILE),
        documents=tuple(
            replace(one, said=HOSTILE, difference=HOSTILE, accounting_document=HOSTILE) for one in plain_pack.documents
        ),
        approvals=tuple(replace(one, name=HOSTILE, user=HOSTILE, by=HOSTILE) for one in plain_pack.approvals),
        environment=f'x"; }} </style>{HOSTILE}',
        names={("gl_account", HOSTILE): HOSTILE, ("company_code", "1010"): HOSTILE},
    )
    text = "".join(html(data))
    page = Page([text])
    assert page.seen["script"] == 0
    assert page.seen["style"] == 1
    assert "\\" not in text
    for made in (text, "".join(pack_json(data)), "".join(csv_lines(data)), "".join(return_lines(data))):
        assert not re.search("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e]", made)
    assert "&lt;script&gt;" in text  # it is shown as what it is


def test_never_a_sum_over_two_currencies() -> None:
    lines = [line._replace(company_code="1010") for line in lines_of(30)]
    page = Page(html(pack(lines)))
    node = roll_up(lines)[0]
    assert sorted(node.sums) == ["EUR", "USD"]
    totals = [row for row in page.rows if row[:1] == ["all company codes"]]
    assert [(row[1], row[-2]) for row in totals] == [(c, money(node.sums[c].debit, c)) for c in ("EUR", "USD")]


def test_accounts_that_are_as_they_were_share_a_row() -> None:
    first, second, third = (line._replace(document=1) for line in lines_of(30)[:3])
    quiet = [
        line._replace(company_code="1010", cost_center="4710", gl_account=account, currency="EUR", document=None,
                      change=Change.UNCHANGED, wanted=Decimal(7), posted=Decimal(7), last=Decimal(7), amount=Decimal(0))
        for line, account in ((second, "62"), (third, "63"))
    ]  # fmt: skip
    loud = first._replace(company_code="1010", cost_center="4710", gl_account="61", currency="EUR")
    page = Page(html(pack(numbered([loud, *quiet]))))
    row = next(row for row in page.rows if row[:1] == ["2 accounts unchanged"])
    assert row[1:] == ["EUR", "·", "unchanged", "14.00", "14.00", "0.00", "0.0", "14.00"]
    assert "Nothing to post 2 lines of the plan in no document" in page.words


def test_the_balance_of_each_document_is_told() -> None:
    whole = Page(html(pack())).words
    assert whole.count("= debit equals credit") == 6
    lines = lines_of(60)
    crooked = [lines[0]._replace(amount=lines[0].amount + Decimal("0.01")), *lines[1:]]
    words = Page(html(pack(crooked))).words
    assert words.count("= debit equals credit") == 5
    assert "debit and credit differ by 0.01" in words


@pytest.mark.parametrize("field", ["amount", "text", "gl_account", "key", "posting_date", "cost_center"])
def test_a_page_that_is_not_what_was_signed_says_so(field: str) -> None:
    lines = lines_of(60)
    others: dict[str, Any] = {
        "amount": lines[0].amount + 1,
        "posting_date": lines[0].posting_date + timedelta(1),
    }
    changed = [lines[0]._replace(**{field: others.get(field, "other")}), *lines[1:]]
    assert "computed anew from the 63 lines of the documents above" in Page(html(pack(lines))).words
    words = Page(html(replace(pack(lines), lines=lambda: iter(changed)))).words
    assert "is not the one at the top. These documents differ: 1. Do not sign it" in words
    swapped = [lines[1], lines[0], *lines[2:]]
    assert "These documents differ: 1." in Page(html(replace(pack(lines), lines=lambda: iter(swapped)))).words
    missing = [line for line in lines if line.document != 2]
    assert "These documents differ: 2." in Page(html(replace(pack(lines), lines=lambda: iter(missing)))).words


def test_a_page_of_another_target_says_so() -> None:
    data = pack()
    head = replace(HEAD, environment="quality")
    words = Page(html(replace(data, proposal=replace(data.proposal, head=head)))).words
    assert "is not the one at the top. Do not sign it" in words
    without = replace(data, documents=data.documents[1:])
    words = Page(html(without)).words
    assert "Document 1: its header is missing" in words
    assert "These documents differ: 1." in words


def test_signatures_say_what_they_are_for() -> None:
    data = pack()
    words = Page(html(data)).words
    assert "Signatures 1 of 2 given" in words
    assert "✓ the one of this page" in words
    assert "Signature 2: not given" in words
    for statement in (data.approvals[0].statement.replace(data.proposal.fingerprint, "0" * 64), "{", "{}"):
        other = (replace(data.approvals[0], statement=statement),)
        assert "✗ another than this page" in Page(html(replace(data, approvals=other))).words


@pytest.mark.parametrize(
    ("state", "outcomes", "sentence"),
    [
        (ProposalState.PLANNED, [], "P-0017 waits for a person: 1 of 2 signatures given, nothing is posted."),
        (ProposalState.HELD, [], "P-0017 is held. Nothing of it is posted."),
        (ProposalState.REJECTED, [], "P-0017 was rejected. Nothing of it is posted."),
        (ProposalState.SUPERSEDED, [], "P-0017 was superseded by another proposal."),
        (ProposalState.EXPIRED, [], "P-0017 expired."),
        (ProposalState.APPROVED, [DocumentState.POSTED], "P-0017 is approved: 0 of 6 documents proved in SAP."),
        (
            ProposalState.APPROVED,
            [DocumentState.VERIFIED, DocumentState.UNKNOWN, DocumentState.HELD, DocumentState.REJECTED],
            "P-0017 is approved: 1 of 6 documents proved in SAP, 1 of unknown outcome, 1 held and 1 refused by SAP.",
        ),
        (
            ProposalState.POSTED,
            [DocumentState.VERIFIED] * 6,
            "P-0017 is posted: 6 documents proved in SAP, to the cent.",
        ),
    ],
)
def test_the_first_sentence(state: ProposalState, outcomes: list[DocumentState], sentence: str) -> None:
    data = pack(state=state, outcomes=outcomes)
    assert state_sentence(data) == sentence
    assert sentence in Page(html(data)).words


def test_what_sap_said_stands_at_its_document() -> None:
    data = pack(outcomes=[DocumentState.HELD, DocumentState.REJECTED])
    held = replace(data.documents[0], difference="61000000: 5.00 EUR instead of 6.00 EUR", accounting_document="01")
    refused = replace(data.documents[1], said="Period 011/2026 is not open")
    words = Page(html(replace(data, documents=(held, refused, *data.documents[2:])))).words
    assert "read back differently: 61000000: 5.00 EUR instead of 6.00 EUR" in words
    assert "SAP said: Period 011/2026 is not open" in words


def test_a_large_page_comes_in_pieces() -> None:
    data = pack(lines_of(6000))
    sizes = [len(piece) for piece in html(data)]
    assert sum(sizes) > 2_000_000
    assert max(sizes) < 16_000
    assert max(len(piece) for piece in pack_json(data)) < 16_000


def test_the_evidence_is_enough_to_check_the_fingerprint() -> None:
    data = pack(signatures=2)
    said = json.loads("".join(pack_json(data)))
    assert (said["schema"], said["name"], said["environment"]) == ("tui-connector/review/1", "P-0017", "production")
    assert said["made_at"] == NOW.isoformat()

    def digest(*parts: Any) -> str:
        """Written anew from the format's description, so that an auditor could."""
        return hashlib.sha256("".join(canonical(part) for part in parts).encode()).hexdigest()

    digests = []
    for posting in said["documents"]:
        head = posting["document"]
        fields = ("number", "company_code", "currency", "posting_date", "document_date", "document_type", "header_text",
                  "items", "debit", "credit")  # fmt: skip
        whole = canonical([head[name] for name in fields])
        own = [line for line in said["lines"] if line["document"] == head["number"]]
        signed_fields = ("kind", "key", "company_code", "gl_account", "cost_center", "profit_center", "currency",
                         "posting_date", "wanted", "posted", "amount", "text")  # fmt: skip
        whole += "".join(digest([line[name] for name in signed_fields]) for line in own)
        digests.append(hashlib.sha256(whole.encode()).hexdigest())
    head = said["proposal"]["head"]
    assert (
        digest({"schema": "tui-connector/proposal/1", "head": head, "documents": digests}) == data.proposal.fingerprint
    )
    for given_approval, kept in zip(data.approvals, said["approvals"], strict=True):
        assert kept["statement"] == given_approval.statement
        assert base64.b64decode(kept["signature"]) == given_approval.signature
    assert [line["number"] for line in said["lines"]] == [line.number for line in data.lines()]
    assert json.loads("".join(pack_json(pack([]))))["lines"] == []
