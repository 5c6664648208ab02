"""The plan of the afternoon, as its export has it: a reallocation of costs over three companies."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from tests.engine.proposal.plans import read, record, with_control
from tui_connector.domain.canonical import sha256
from tui_connector.domain.flow import WritebackFlow, WritebackMode
from tui_connector.domain.ledger import AccountFacts, CenterSlice, CompanyFacts, MasterFacts
from tui_connector.domain.names import Member
from tui_connector.domain.proposal import Origin, PostedLine, ProposalHead
from tui_connector.engine.proposal.propose import Posted, make_draft, mapping_digest
from tui_connector.engine.writeback.entry import journal_entry, keys_of
from tui_connector.flows import FLOWS
from tui_connector.sap.journal_xml import request_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from tui_connector.domain.proposal import DocumentKeys, Draft, ProposedLine

SAP = "https://my301234-api.s4hana.cloud.sap"
WORKSPACE, MODEL = "8a81b09c5f3c4e1d9a6b5c4d3e2fd3f2", "3E91C0A41B7D4E58A1C6D2E37B9F5B7F"
DAY = date(2026, 11, 30)
COMPANIES = {"1010": ("Germany", "EUR"), "1310": ("Austria", "EUR"), "1710": ("USA", "USD")}
FLOW = replace(
    next(one for one in FLOWS if isinstance(one, WritebackFlow)),
    mode=WritebackMode.TARGET,
    company_codes=tuple(COMPANIES),
    two_approvers_from={"EUR": Decimal(1_000_000), "USD": Decimal(1_000_000)},
    header_text="Cost reallocation Novemb.",
)
HEAD = ProposalHead(
    environment="PRODUCTION", flow=FLOW.name, sap=SAP, workspace_id=WORKSPACE, model_id=MODEL, export=FLOW.export,
    mode=FLOW.mode, channel=FLOW.channel, ledger=FLOW.ledger, ledger_words=FLOW.ledger_words, mapping=mapping_digest(FLOW),
)  # fmt: skip
_ACCOUNTS = ("61000000", "61005000", "63005000", "63007000", "64001000", "65100000", "65200000", "66000000", "67100000")
_CALLED = {
    "cost_center": {
        "4711": "Assembly", "4720": "Paint shop", "4730": "Logistics", "4740": "Tooling", "4790": "Shared services",
        "5110": "Assembly Linz", "5120": "Paint shop Linz", "5190": "Shared services", "7100": "Assembly Ohio",
        "7200": "Sales Ohio", "7900": "Shared services", "1110": "Finance", "1410": "Finance Linz", "1810": "Finance Ohio",
    },
    "gl_account": {
        "61000000": "Maintenance", "61005000": "Repairs", "63005000": "Energy", "63007000": "Water",
        "64001000": "Travel", "65100000": "Ext. services", "65200000": "Freight out", "66000000": "Rent",
        "67100000": "Fees", "94100000": "Reallocation", "95100000": "Reallocation 2", "96100000": "Reallocation 3",
    },
}  # fmt: skip
# What SAP calls its members.
NAMES = {Member("company_code", "", code): name for code, (name, _) in COMPANIES.items()} | {
    Member(field, company, code.zfill(10)): name
    for field, names in _CALLED.items()
    for code, name in names.items()
    for company in COMPANIES
}
# What stands in the plan already, by company code and cost center; the unchanged lines make it up.
_CENTERS = {
    ("1010", "4711"): "900000.00", ("1010", "4720"): "434700.00", ("1010", "4730"): "388000.00",
    ("1010", "4740"): "211300.00", ("1010", "4790"): "2166000.00", ("1310", "5110"): "420000.00",
    ("1310", "5120"): "335250.00", ("1310", "5190"): "600000.00", ("1710", "7100"): "540000.00",
    ("1710", "7200"): "251100.00", ("1710", "7900"): "600000.00",
}  # fmt: skip
_QUIET = 254


class Moved(NamedTuple):
    """A line that the plan changes. before: what was posted for it; None: it is new. after: None: it is withdrawn."""

    group: str
    company: str
    center: str
    account: str
    before: str | None
    after: str | None
    text: str = ""

    @property
    def key(self) -> str:
        place = f"{self.company}-{self.center}-{self.account[:5]}"
        return f"PL-{place}-{self.group}"

    @property
    def stays(self) -> bool:
        """Whether it is neither new nor withdrawn."""
        return self.before is not None and self.after is not None


def _moved() -> list[Moved]:
    """64 lines in 12 documents; the last of company 1010 takes the withdrawn line up, which has lost its group."""
    return [
        Moved("A", "1010", "4711", "61000000", "300000.00", "355000.10", "Maintenance, hall 3"),
        Moved("A", "1010", "4711", "63005000", "512400.00", "548150.00", "Energy, hall 3"),
        Moved("A", "1010", "4711", "65100000", None, "49800.00", "Agency welders, weeks 46 to 48"),
        *_credits("A", "1010", "4790", "100000.10", "40550.00"),
        Moved("B", "1010", "4720", "65100000", "90000.00", "104800.00", "Agency painters"),
        *_credits("B", "1010", "4790", "8000.00", "4800.00", "2000.00"),
        *_debits("C", "1010", "4730", 9, "253850.30"),
        *_credits("C", "1010", "4790", "253850.30"),
        *_debits("D", "1010", "4740", 2, "88700.45"),
        *_credits("D", "1010", "4790", "80000.00", "8700.45"),
        *_debits("E", "1010", "4740", 2, "120000.00"),
        *_credits("E", "1010", "4790", "100000.00", "20000.00"),
        *_debits("F", "1010", "4740", 2, "75000.00"),
        *_credits("F", "1010", "4790", "75000.00"),
        *_debits("G", "1010", "4740", 2, "55000.00"),
        *_credits("G", "1010", "4790", "55000.00"),
        *_debits("H", "1010", "4730", 5, "268400.25"),
        Moved("H", "1010", "4720", "61000000", "42500.00", None, "Maintenance, paint shop"),
        *_credits("H", "1010", "4790", "225900.25"),
        *_debits("J", "1310", "5110", 7, "92000.00"),
        *_credits("J", "1310", "5190", "92000.00"),
        *_debits("K", "1310", "5120", 5, "58250.00"),
        *_credits("K", "1310", "5190", "58250.00"),
        *_debits("L", "1310", "5110", 3, "38000.00"),
        *_credits("L", "1310", "5190", "38000.00"),
        *_debits("M", "1710", "7100", 5, "88400.00"),
        *_credits("M", "1710", "7900", "88400.00"),
    ]


def _debits(group: str, company: str, center: str, count: int, total: str) -> list[Moved]:
    parts = shares(Decimal(total), count)
    return [
        Moved(
            group, company, center, _ACCOUNTS[at % len(_ACCOUNTS)], f"{1000 + 250 * at}.00", str(1000 + 250 * at + part)
        )
        for at, part in enumerate(parts)
    ]


def _credits(group: str, company: str, center: str, *amounts: str) -> list[Moved]:
    return [
        Moved(group, company, center, f"9{4 + at}100000", "300000.00", str(300_000 - Decimal(amount)), "Reallocation")
        for at, amount in enumerate(amounts)
    ]


def shares(total: Decimal, count: int) -> list[Decimal]:
    """A total in so many parts that are not alike."""
    weights = [count + 1 - at for at in range(count)]
    parts = [(total * weight / sum(weights)).quantize(Decimal("0.01")) for weight in weights[1:]]
    return [total - sum(parts), *parts]


MOVED = _moved()


def _quiet() -> list[tuple[str, str, str, str, str]]:
    """Key, company, center, account and amount of what stays as it is."""
    found = []
    each, more = divmod(_QUIET, len(_CENTERS))
    for place, ((company, center), total) in enumerate(_CENTERS.items()):
        count = each + (place < more)
        taken = sum(
            (Decimal(one.before or 0) for one in MOVED if (one.company, one.center) == (company, center)), Decimal(0)
        )
        whole = {one.account for one in MOVED if (one.company, one.center) == (company, center) and not one.stays}
        free = [account for account in _ACCOUNTS if account not in whole]  # what is new or withdrawn stands alone
        for at, amount in enumerate(shares(Decimal(total) - taken, count)):
            account = free[at % len(free)]
            key = f"PL-{company}-{center}-{account[:5]}-{at:02}"
            found.append((key, company, center, account, str(amount)))
    return found


QUIET = _quiet()


def posted() -> Posted:
    """What earlier proposals have posted, and the last approved plan, which is not quite the same."""
    places = [(one.key, one.company, one.center, one.account, one.before) for one in MOVED if one.before] + QUIET
    lines = [
        PostedLine(
            key, company, account.zfill(10), center.zfill(10), "", COMPANIES[company][1], DAY, Decimal(str(amount)),
            sha256(key),
        )
        for key, company, center, account, amount in places
    ]  # fmt: skip
    last = {line.key: line.amount for line in lines}
    agency = next(one for one in MOVED if one.group == "B" and one.center == "4720")
    last[agency.key] += 6000
    last[next(one for one in MOVED if one.group == "B" and one.center == "4790").key] -= 6000
    return Posted.of(lines, last)


def _row(key: str, company: str, center: str, account: str, amount: str, *, group: str, text: str) -> list[str]:
    return record(
        key, amount, Company_Code=company, GL_Account=account.zfill(10), Cost_Center=center.zfill(10),
        Currency=COMPANIES[company][1], Text=text or f"Plan {account[:5]} {center}", Group=group, Approved_By="J. Brandt",
        Approved_At="2026-12-01 13:55",
    )  # fmt: skip


def large(origin: Origin) -> Draft:
    """The reallocation of November: 12 documents, 64 of 318 lines changed."""
    rows = [
        _row(one.key, one.company, one.center, one.account, one.after, group=one.group, text=one.text)
        for one in MOVED
        if one.after
    ]
    rows += [_row(*one, group="Z", text="") for one in QUIET]
    return make_draft(FLOW, HEAD, origin, read(with_control(rows), FLOW), posted())


def small(name: str, text: str, company: str, amounts: Sequence[Sequence[str]], origin: Origin) -> Draft:
    """A plan of few lines: a document for each list of debits, balanced by a credit."""
    flow = replace(FLOW, header_text=text)
    rows = []
    for number, debits in enumerate(amounts, 1):
        for at, amount in enumerate(debits):
            key, center = f"{name}-{number}-{at}", f"{int(company) // 10 * 10 + 100}"
            rows.append(_row(key, company, center, _ACCOUNTS[at], amount, group=str(number), text=f"{text} {at + 1}"))
        total = -sum(map(Decimal, debits), Decimal(0))
        rows.append(_row(f"{name}-{number}-X", company, center, "94100000", str(total), group=str(number), text=text))
    return make_draft(flow, HEAD, origin, read(with_control(rows), flow), Posted.of())


def origin(number: int, rows: int, exported_at: datetime) -> Origin:
    """Where an export came from."""
    return Origin(
        "116000000007", FLOW.export, "FIN_HUB", sha256(f"task {number}")[:32].upper(), sha256(f"export {number}"), rows,
        exported_at, "J. Brandt", f"{(exported_at + timedelta(minutes=54)):%Y-%m-%d %H:%M}",  # 6 minutes ago, there
    )  # fmt: skip


def masters(lines: Iterable[ProposedLine]) -> MasterFacts:
    """SAP's masters, in which all of these lines are valid."""
    lines = list(lines)
    always = (CenterSlice(date(2020, 1, 1), date(9999, 12, 31)),)
    companies = {code: CompanyFacts(code, currency, "YCOA", "A000", "K4") for code, (_, currency) in COMPANIES.items()}
    accounts = {("YCOA", line.gl_account.lstrip("0")): AccountFacts(line.gl_account) for line in lines}
    costs: dict[tuple[str, str], tuple[CenterSlice, ...]] = {
        ("A000", line.cost_center.lstrip("0")): always for line in lines if line.cost_center
    }
    return MasterFacts(companies, accounts, costs, {})


def payloads(draft: Draft, made_at: datetime) -> list[tuple[DocumentKeys, bytes]]:
    """Keys and bytes of each document."""
    found = []
    for document in draft.documents:
        own = [line for line in draft.lines if line.document == document.number]
        entry = journal_entry(FLOW, draft.head, draft.fingerprint, document, own, made_at=made_at)
        found.append((keys_of(draft.head, draft.fingerprint, document), request_bytes(entry)))
    return found
