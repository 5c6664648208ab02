"""One approved proposal in a real store, and a poster that sends nothing unless the guard lets it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from tests.engine.proposal.plans import FLOW as PLAN_FLOW
from tests.engine.proposal.plans import NOW, head_of, propose, record
from tests.store.conftest import Bench
from tui_connector.approval.decisions import Decisions, Signed
from tui_connector.approval.keys import Directory, KeyFile, PublicKey
from tui_connector.domain.errors import ConnectorError
from tui_connector.domain.ledger import (
    AccountFacts,
    CenterSlice,
    CompanyFacts,
    FiscalPeriod,
    JournalEntry,
    MasterFacts,
    PeriodStatus,
)
from tui_connector.domain.proposal import (
    Draft,
    Gate,
    Proposal,
    ProposalHead,
    Verdict,
    document_digest,
    fingerprint_of,
)
from tui_connector.domain.run import Purpose, RunRequest
from tui_connector.engine.proposal.gates import GateFacts, judge
from tui_connector.engine.writeback import guard as guarding
from tui_connector.engine.writeback.entry import journal_entry, keys_of
from tui_connector.engine.writeback.guard import Guard
from tui_connector.engine.writeback.terms import PostingPolicy, Terms
from tui_connector.sap.journal_xml import request_bytes
from tui_connector.store import Store
from tui_connector.store.database import ClashError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence
    from pathlib import Path

    from tui_connector.domain.flow import WritebackFlow
    from tui_connector.domain.proposal import DocumentKeys

PASSPHRASE = "vier graue Ärmel"
AUTHOR = "uid:4711"
FLOW = replace(PLAN_FLOW, offset_account="0021000000", offset_cost_center="0010101101", header_text="Plan November")
PLAN = [
    record("PL-0001", "1000.00"),
    record("PL-0002", "-1000.00", GL_Account="0061009999"),
    record("PL-0003", "250.55", Group="B", Profit_Center="YB600"),
    record("PL-0004", "99.45", Group="B", Text="Rent & more"),
    record("PL-0005", "77.10", Company_Code="2010", Currency="CHF", Cost_Center="0020101101"),
    record("PL-0006", "-77.10", Company_Code="2010", Currency="CHF", Cost_Center="0020101101", GL_Account="0061009999"),
]
CONTROL = Gate("control total", Verdict.PASS, "6 rows, as the export says")

TABLES = {
    "proposal": ("id",),
    "document": ("proposal_id", "number"),
    "proposal_line": ("proposal_id", "number"),
    "approval": ("proposal_id", "number"),
}


class Hands:
    """A clock that stands where it is put."""

    def __init__(self, now: datetime = NOW) -> None:
        self.at = now

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Channel:
    """The SOAP channel's bytes; what is sent is kept."""

    resend_replaces = False

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def payload(self, entry: JournalEntry) -> bytes:
        return request_bytes(entry)

    def send(self, payload: bytes) -> None:
        self.sent.append(payload)


def masters(lines: Sequence[Any]) -> MasterFacts:
    """SAP's masters in which all of these lines are valid."""
    always = (CenterSlice(date(2020, 1, 1), date(9999, 12, 31)),)
    companies = {
        code: CompanyFacts(code, currency, "YCOA", "A000", "K4")
        for code, currency in (("1010", "EUR"), ("2010", "CHF"))
    }
    accounts = {("YCOA", line.gl_account.lstrip("0")): AccountFacts(line.gl_account) for line in lines}
    costs: dict[tuple[str, str], tuple[CenterSlice, ...]] = {
        ("A000", line.cost_center.lstrip("0")): always for line in lines if line.cost_center
    }
    profits: dict[tuple[str, str], tuple[CenterSlice, ...]] = {
        ("A000", line.profit_center): always for line in lines if line.profit_center
    }
    return MasterFacts(companies, accounts, costs, profits)


@dataclass
class Rig:
    """A store with one proposal, the approvers who sign it, and everything the guard looks at."""

    folder: Path
    flow: WritebackFlow = FLOW
    single: bool = False
    clock: Hands = field(default_factory=Hands)
    head: ProposalHead | None = None  # as configured now, where it is not what the flow gives
    keys: dict[str, KeyFile] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.store = Store.open(str(self.folder / "store.db"))
        self.approvers = self.folder / "approvers.d"
        self.approvers.mkdir(mode=0o755, exist_ok=True)
        self.directory = Directory(self.approvers)
        self.bench = Bench(self.store)
        self.draft: Draft = propose(PLAN, FLOW)
        self.facts = masters(self.draft.lines)
        self.backend: Any = self.store._database._backend
        place = "main", head_of(FLOW).sap, "main", "8a81", "3F02"
        with self.store.transaction() as tx:
            self.target = self.store.targets.id_for(tx, FLOW.name, *place)
            for code in FLOW.company_codes:
                self.store.periods.set(tx, code, FiscalPeriod(2026, 11), PeriodStatus.OPEN, "open", "uid:1")

    def enrol(self, name: str, user: str, *environments: str) -> PublicKey:
        """A key of a person, made and enrolled."""
        self.keys[name] = KeyFile(self.folder / "homes" / name / "approver.key", clock=self.clock)
        public = self.keys[name].create(name, user, PASSPHRASE, environments=environments or ("TEST",))
        self.write(public)
        return public

    def write(self, public: PublicKey) -> None:
        path = self.approvers / public.file_name
        path.write_text(public.to_text())
        path.chmod(0o644)

    def propose(self, draft: Draft | None = None, **fields: Any) -> Proposal:
        """The plan as a proposal with the bytes of its documents."""
        draft, made_at = draft or self.draft, self.clock.now()
        facts = GateFacts(self.facts, self._calendar(), {}, CONTROL, made_at, made_at)
        lines = [line for line in draft.lines if line.document is not None]
        given = {
            "target_id": self.target, "author": AUTHOR, "made_at": made_at, "expires_at": made_at + timedelta(hours=72),
            "gates": judge(self.flow, draft.documents, lines, facts), "payloads": payloads(draft, made_at),
        }  # fmt: skip
        return self.bench.propose(draft, **{**given, **fields})

    def decisions(self) -> Decisions:
        return Decisions(
            self.store, self.directory, self.clock, single_operator=self.single, request_posting=self._request
        )

    def _request(self, tx: Any, proposal: Proposal, by: str) -> list[int]:
        wish = RunRequest(proposal.flow, purpose=Purpose.POST, proposal=proposal.id)
        return self.store.runs.create_cycle(tx, [(wish, self.target, "posting/main/plan_writeback")], requested_by=by)

    def sign(self, proposal: Proposal, name: str, by: str = "uid:4242", **other: Any) -> Signed:
        given = {"typed": proposal.short, "passphrase": PASSPHRASE, "flow": self.flow, "head": self.now_head()}
        return self.decisions().approve(proposal.id, key=self.keys[name], by=by, **{**given, **other})

    def compared(self, proposal: Proposal) -> None:
        """As if the plan had been exported again and were the same."""
        with self.store.transaction() as tx:
            self.store.proposals.checked(tx, proposal.id, self.clock.now())

    def approved(self) -> Proposal:
        """A proposal that two people have signed, its plan compared: what is left is to post it."""
        for name in ("novak", "brandt"):
            self.enrol(name, f"{name[0]}.{name}")
        made = self.propose()
        for name in ("novak", "brandt"):
            self.sign(made, name)
        self.compared(made)
        return self.store.proposals.get(made.id)

    def now_head(self) -> ProposalHead:
        return self.head or head_of(self.flow)

    def _calendar(self) -> Any:
        return {(one.company_code, one.period): one for one in self.store.periods.all()}

    def guard(self, proposal_id: int, channel: Channel) -> Guard:
        checkpoints = SimpleNamespace(
            run=SimpleNamespace(target_id=self.target), hold=SimpleNamespace(check=lambda: None, fence=1)
        )
        context: Any = SimpleNamespace(
            flow=self.flow, checkpoints=checkpoints, run=checkpoints.run, store=self.store, clock=self.clock
        )
        terms = Terms(
            directory=self.directory, head=lambda _: self.now_head(), single_operator=self.single,
            expires=timedelta(hours=72), unset=PeriodStatus.CLOSED, posting=PostingPolicy(),
            exports=self.folder / "exports", mark=self.folder / "mark",
        )  # fmt: skip
        return Guard(context, terms, proposal_id, channel)  # type: ignore[arg-type]

    def post(self, proposal_id: int) -> list[bytes]:
        """Everything that a posting sends."""
        refused, sent = self.refusal(proposal_id)
        if refused:
            raise refused
        return sent

    def refusal(
        self, proposal_id: int, between: Callable[[], object] | None = None
    ) -> tuple[ConnectorError | None, list[bytes]]:
        """Admit a proposal, then check and send its documents one by one, as a posting does; what stopped it, and
        what was sent until then. between: happens after the admission.
        """
        channel = Channel()
        guard = self.guard(proposal_id, channel)

        async def read(*_: Any) -> MasterFacts:
            return self.facts

        with patch.object(guarding, "masters_of", read):
            try:
                at_once(guard.admit())
                waiting = self.store.postings.unsettled(proposal_id)
                if between:
                    between()
                for document in waiting:
                    channel.send(at_once(guard.check(document))[1])
            except ClashError:
                raise
            except ConnectorError as error:
                return error, channel.sent
        return None, channel.sent

    @contextmanager
    def undone(self) -> Iterator[Callable[..., int]]:
        """A writing transaction that is undone in the end, and how to run a statement in it."""
        self.backend.begin()
        self.backend.change("PRAGMA defer_foreign_keys = ON", ())  # as for any other program
        try:
            yield lambda sql, *parameters: self.backend.change(sql, parameters)
        finally:
            self.backend.rollback()


@dataclass(frozen=True)
class Desk:
    """A rig with its approved proposal, and the bytes that were approved."""

    rig: Rig
    proposal: Proposal
    genuine: list[bytes]

    def refuses(self, words: str, change: Callable[..., object], *, between: bool = False, first: int = 1) -> str:
        """What the guard says of a change; nothing of the changed document or of one behind it may be sent.

        words: any of them, between bars, must be in the message. first: the document that is changed.
        """
        with self.rig.undone() as do:
            if not between:
                change(do)
            refused, sent = self.rig.refusal(self.proposal.id, (lambda: change(do)) if between else None)
        assert refused, f"{len(sent)} documents were sent after a change that should name {words}"
        assert sent == self.genuine[: len(sent)]
        assert len(sent) < first, refused
        assert between or not sent, refused
        assert any(word in refused.message for word in words.split("|")), f"{words} is not in: {refused.message}"
        assert refused.hint
        return refused.message

    def rows(self, table: str) -> list[dict[str, Any]]:
        names = [row[1] for row in self.rig.backend.query(f"PRAGMA table_info({table})", ())]
        found = self.rig.backend.query(
            f"SELECT {', '.join(names)} FROM {table} ORDER BY {', '.join(TABLES[table])}",
            (),
        )
        return [dict(zip(names, row, strict=True)) for row in found]


def update(table: str, row: dict[str, Any], **changed: Any) -> Callable[..., object]:
    """The change of cells of one row."""
    keys = TABLES[table]
    statement = f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in changed)} WHERE "
    statement += " AND ".join(f"{key} = ?" for key in keys)
    return lambda do: do(statement, *changed.values(), *(row[key] for key in keys))


def payloads(draft: Draft, made_at: datetime) -> list[tuple[DocumentKeys, bytes]]:
    """Keys and bytes of each document."""
    found = []
    for document in draft.documents:
        own = [line for line in draft.lines if line.document == document.number]
        entry = journal_entry(FLOW, draft.head, draft.fingerprint, document, own, made_at=made_at)
        found.append((keys_of(draft.head, draft.fingerprint, document), request_bytes(entry)))
    return found


def forged(draft: Draft, number: int, **changed: Any) -> Draft:
    """The draft with one line changed and every digest worked out anew."""
    lines = tuple(line._replace(**changed) if line.number == number else line for line in draft.lines)
    documents = []
    for document in draft.documents:
        own = [line for line in lines if line.document == document.number]
        totals: dict[str, Any] = {
            "debit": sum((line.amount for line in own if line.amount > 0), Decimal(0)),
            "credit": -sum((line.amount for line in own if line.amount < 0), Decimal(0)),
        }
        made = replace(document, **totals, digest="")
        documents.append(replace(made, digest=document_digest(made, own)))
    return replace(
        draft, lines=lines, documents=tuple(documents), fingerprint=fingerprint_of(draft.head, documents)
    )  # fmt: skip


def at_once(work: Coroutine[Any, Any, Any]) -> Any:
    """Drive what never has to wait."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits for something")
