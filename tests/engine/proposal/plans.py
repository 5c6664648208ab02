"""A small plan as an export writes it, and what the tests of the writeback say of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from tui_connector.domain.flow import ColumnSignal, ControlTotal, JournalField, WritebackFlow
from tui_connector.domain.proposal import Draft, Origin, PostedLine, ProposalHead
from tui_connector.engine.proposal.parse import Plan, read_plan
from tui_connector.engine.proposal.propose import Posted, make_draft, mapping_digest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

HEADER = [
    "Plan Line", "Code", "Company Code", "GL Account", "Cost Center", "Profit Center", "Posting Date", "Amount", "Gross",
    "Currency", "Text", "Group", "Status", "Approved By", "Approved At", "Line Count",
]  # fmt: skip
FLOW = WritebackFlow(
    name="plan_writeback",
    title="Plan writeback",
    export="PLN01 Journal.csv",
    columns={
        "Code": JournalField.KEY,
        "Company Code": JournalField.COMPANY_CODE,
        "GL Account": JournalField.GL_ACCOUNT,
        "Cost Center": JournalField.COST_CENTER,
        "Profit Center": JournalField.PROFIT_CENTER,
        "Posting Date": JournalField.POSTING_DATE,
        "Amount": JournalField.AMOUNT,
        "Currency": JournalField.CURRENCY,
        "Text": JournalField.TEXT,
        "Group": JournalField.GROUP,
    },
    approval=ColumnSignal("Status", "Approved", by="Approved By", at="Approved At"),
    control=ControlTotal("Code"),
    company_codes=("1010", "2010"),
)
NOW = datetime(2026, 11, 25, 14, 40, tzinfo=UTC)
DAY = date(2026, 11, 30)
ORIGIN = Origin(export_id="116000000001", digest="ab" * 32, rows=4, exported_at=NOW)


def head_of(flow: WritebackFlow = FLOW) -> ProposalHead:
    return ProposalHead(
        environment="TEST", flow=flow.name, sap="https://sap.example", workspace_id="8a81", model_id="3F02",
        export=flow.export, mode=flow.mode, channel=flow.channel, ledger=flow.ledger, ledger_words=flow.ledger_words,
        mapping=mapping_digest(flow),
    )  # fmt: skip


def record(key: str, amount: str, **changed: str) -> list[str]:
    """A row of the export; `changed` names columns with _ for blanks."""
    named = {
        "Plan Line": key, "Code": key, "Company Code": "1010", "GL Account": "0061003000", "Cost Center": "0010101101",
        "Profit Center": "", "Posting Date": "2026-11-30", "Amount": amount, "Gross": amount.lstrip("-"), "Currency": "EUR",
        "Text": f"Plan {key}", "Group": "A", "Status": "Approved", "Approved By": "Ana Pla", "Approved At": "2026-11-24",
        "Line Count": "1",
    }  # fmt: skip
    named |= {name.replace("_", " "): value for name, value in changed.items()}
    return [named[name] for name in HEADER]


def total(gross: str, count: int, currency: str = "EUR") -> list[str]:
    line = {"Plan Line": f"TOTAL {currency}", "Code": f"TOTAL {currency}", "Gross": gross, "Line Count": str(count)}
    return [line.get(name, "") for name in HEADER]


PAIR = [record("PL-0001", "100.00"), record("PL-0002", "-100.00", GL_Account="0061009999")]


async def _stream(records: Iterable[list[str]]) -> AsyncIterator[list[str]]:
    for one in records:
        yield one


def read(
    records: Sequence[list[str]],
    flow: WritebackFlow = FLOW,
    *,
    header: Sequence[str] = HEADER,
    names: Sequence[str] | None = None,
    approved: bool | None = None,
) -> Plan:
    """The plan of an export with that header."""
    told = header if names is None else names
    return asyncio.run(read_plan(_stream([list(header), *records]), flow, told, approved=approved))


def with_control(records: Sequence[list[str]]) -> list[list[str]]:
    """The rows with control lines that agree with them, by currency."""
    gross: dict[str, list[Decimal]] = {}
    for one in records:
        gross.setdefault(one[HEADER.index("Currency")], []).append(abs(Decimal(one[HEADER.index("Amount")])))
    return [*records, *(total(str(sum(amounts)), len(amounts), currency) for currency, amounts in gross.items())]


def propose(records: Sequence[list[str]], flow: WritebackFlow = FLOW, posted: Posted | None = None) -> Draft:
    """The draft of an export with agreeing control lines."""
    plan = read(with_control(records), flow)
    return make_draft(flow, head_of(flow), ORIGIN, plan, posted or Posted.of())


def posted_by(draft: Draft) -> list[PostedLine]:
    """What the store would tell of the draft's plan lines once they were posted."""
    return [
        PostedLine(
            line.key, line.company_code, line.gl_account, line.cost_center, line.profit_center, line.currency,
            line.posting_date, line.amount, line.source,
        )
        for line in draft.lines
        if line.document and line.key
    ]  # fmt: skip
