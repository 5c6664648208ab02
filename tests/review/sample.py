"""A proposal as a small group of companies would make it, with documents, gates and signatures that fit together."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tui_connector.domain.canonical import sha256
from tui_connector.domain.ledger import unit_of
from tui_connector.domain.proposal import (
    GATES,
    Approval,
    Change,
    DocumentState,
    Gate,
    LineKind,
    Origin,
    PostingDocument,
    Proposal,
    ProposalHead,
    ProposalState,
    ProposedDocument,
    ProposedLine,
    Verdict,
    approval_statement,
    document_digest,
    document_keys,
    fingerprint_of,
)
from tui_connector.review.pack import PackData

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NOW = datetime(2026, 11, 30, 13, 40, 12, tzinfo=UTC)
DAY = date(2026, 11, 30)
COMPANIES = (("1010", "Germany", "EUR"), ("1310", "Austria", "EUR"), ("1710", "USA", "USD"))
CENTERS = ("Assembly", "Paint shop", "Logistics", "Tooling", "Shared services")
ACCOUNTS = ("Maintenance", "Energy", "External services", "Travel", "Rent")
HEAD = ProposalHead(
    environment="production",
    flow="plan_writeback",
    sap="https://s4.example.com",
    workspace_id="8a81b08e4f5d2b2a014f6d3a1b9c0f11",
    model_id="D5C0B9E2F1A84C3E9B7A6D5E4F3C2B1A",
    export="EX_JE_APPROVED",
    mode="target",
    channel="soap",
    ledger="0L",
    ledger_words="ACTUALS",
    mapping=sha256("mapping"),
)


def lines_of(count: int, seed: int = 7) -> list[ProposedLine]:
    """About `count` lines: a document for each company and block of accounts, balanced by an offset line."""
    chance = random.Random(seed)
    made: list[ProposedLine] = []
    quiet: list[ProposedLine] = []
    document = 0
    for company, _, currency in COMPANIES:
        left = count // len(COMPANIES)
        while left > 0:
            document += 1
            amounts: list[Decimal] = []
            for at in range(min(left, 18 if count < 500 else 900)):
                change = chance.choices(list(Change), (3, 8, 1, 3, 1))[0]
                last = Decimal(chance.randrange(1_000_000, 95_000_000)).scaleb(-2)
                wanted = last + Decimal(chance.randrange(-4_000_000, 7_000_000)).scaleb(-2)
                if change is Change.NEW:
                    posted, before = Decimal(0), None
                elif change is Change.WITHDRAWN:
                    posted, before, wanted = last, last, Decimal(0)
                elif change is Change.UNCHANGED:
                    posted, before, wanted = last, last, last
                else:
                    posted, before = last, last
                center, account = chance.randrange(5), chance.randrange(5)
                line = ProposedLine(
                    0,
                    None if change is Change.UNCHANGED else document,
                    LineKind.PLAN,
                    change,
                    f"{company}-{4700 + center}-{61000 + account}-{document}-{at:03}",
                    company,
                    f"{61000 + account * 500}000",
                    str(4710 + center * 10),
                    f"PC{center}",
                    currency,
                    DAY,
                    wanted,
                    posted,
                    wanted - posted,
                    chance.choice(
                        ("", "Agency welders, weeks 46 to 48", "Reallocation of the hall", "Strom Halle 3 Süd")
                    ),
                    row=at + 1,
                    last=before,
                )
                left -= 1
                if change is Change.UNCHANGED:
                    quiet.append(line)
                else:
                    made.append(line)
                    amounts.append(line.amount)
            rest = unit_of(currency) * 3
            for kind, amount, account_number in (
                (LineKind.OFFSET, -sum(amounts, Decimal(0)) - rest, "99900000"),
                (LineKind.ROUNDING, rest, "99910000"),
            ):
                made.append(
                    ProposedLine(0, document, kind, Change.NEW, "", company, account_number, "", "", currency, DAY,
                                 Decimal(0), Decimal(0), amount, f"{kind} of the connector")
                )  # fmt: skip
    return numbered([*made, *quiet])


def numbered(lines: Iterable[ProposedLine]) -> list[ProposedLine]:
    """The lines with their numbers in this order."""
    return [line._replace(number=number) for number, line in enumerate(lines, 1)]


def documents_of(lines: Sequence[ProposedLine]) -> tuple[ProposedDocument, ...]:
    """The headers that belong to the lines."""
    found = []
    for number in sorted({line.document for line in lines if line.document is not None}):
        own = [line for line in lines if line.document == number]
        made = ProposedDocument(
            number,
            own[0].company_code,
            own[0].currency,
            DAY,
            DAY,
            "SA",
            "Plan November",
            len(own),
            sum((line.amount for line in own if line.amount > 0), Decimal(0)),
            -sum((line.amount for line in own if line.amount < 0), Decimal(0)),
            "",
        )
        found.append(replace(made, digest=document_digest(made, own)))
    return tuple(found)


def pack(
    lines: Sequence[ProposedLine] | None = None,
    *,
    state: ProposalState = ProposalState.PLANNED,
    signatures: int = 1,
    outcomes: Sequence[DocumentState] = (),
    **other: Any,
) -> PackData:
    """A whole pack; `outcomes` are the states of the first documents, the others are planned."""
    lines = lines_of(60) if lines is None else lines
    said = documents_of(lines)
    fingerprint = fingerprint_of(HEAD, said)
    gross = {
        currency: sum((max(one.debit, one.credit) for one in said if one.currency == currency), Decimal(0))
        for currency in sorted({one.currency for one in said})
    }
    proposal = Proposal(
        17, "plan_writeback", 1, 117, state, fingerprint, HEAD,
        Origin("116000000012", "EX_JE_APPROVED", "FIN_HUB", "A1B2C3D4E5F60718293A4B5C6D7E8F90", sha256("export"), 318,
               NOW - timedelta(minutes=38), "J. Brandt", "2026-11-30 13:55"),
        "svc-connector", "", NOW - timedelta(minutes=37), NOW + timedelta(hours=71), len(said), len(lines),
        gross, dict(Counter(line.change.value for line in lines)), gates(), NOW - timedelta(minutes=37),
    )  # fmt: skip
    documents = []
    for one, outcome in zip(said, [*outcomes, *[DocumentState.PLANNED] * len(said)], strict=False):
        keys = document_keys(HEAD.sap, one.company_code, fingerprint, one.number)
        made = PostingDocument(17, one, outcome, *keys, payload_digest=sha256(f"payload {one.number}"))
        if outcome in (DocumentState.POSTED, DocumentState.VERIFIED):
            made = replace(made, accounting_document=f"010000{4711 + one.number}", fiscal_year="2026", sent_at=NOW)
        documents.append(made)
    people = (("novak", "a.novak"), ("brandt", "j.brandt"))[:signatures]
    approvals = tuple(
        Approval(
            17, sha256(name)[:16], name, user, "uid:1000",
            approval_statement(proposal, documents, key_id=sha256(name)[:16], user=user, signed_at=NOW, nonce="51c2"),
            bytes(range(64)), NOW,
        )
        for name, user in people
    )  # fmt: skip
    names = {("company_code", number): name for number, name, _ in COMPANIES}
    names |= {("cost_center", str(4710 + at * 10)): name for at, name in enumerate(CENTERS)}
    names |= {("gl_account", f"{61000 + at * 500}000"): name for at, name in enumerate(ACCOUNTS)}
    names |= {("gl_account", "99900000"): "Clearing of plan", ("gl_account", "99910000"): "Rounding"}
    made_pack = PackData(proposal, approvals, tuple(documents), lambda: iter(lines), "production", NOW, names)
    return replace(made_pack, **other)


def gates() -> tuple[Gate, ...]:
    """All gates: most pass, the threshold asks."""
    words = {
        "balanced": "every document balances in its currency",
        "period open": "011/2026 is open for 1010, 1310 and 1710",
        "masters valid": "5 accounts and 5 cost centers exist and may be posted to on 2026-11-30",
        "decimals": "no amount has more decimals than its currency",
        "not posted before": "no line waits in another proposal or has an unproved document",
        "export fresh": "the export is 1 min old; 4 h are allowed",
        "control total": "318 rows and the gross of each currency agree with the export's control lines",
        "ledger allowed": "0L ACTUALS is allowed for entries by this flow",
    }
    asks = Gate("threshold", Verdict.ASK, "1010 is above 100,000.00 EUR gross: two must sign", (3, 7, 12), 15)
    return tuple(asks if name == "threshold" else Gate(name, Verdict.PASS, words[name]) for name in GATES)
