"""What must hold of every posting, told by somebody who trusts nothing that the connector says of itself."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis.stateful import RuleBasedStateMachine, invariant

from tests.engine.proposal.plans import HEADER, record
from tests.engine.writeback.world import AUTHOR, DANA, ERIK, QUIET, World
from tui_connector.approval.keys import verify
from tui_connector.domain.canonical import sha256
from tui_connector.domain.errors import ConnectorError
from tui_connector.domain.flow import JournalField, WritebackMode
from tui_connector.domain.ledger import FiscalPeriod, PeriodStatus, same_number
from tui_connector.domain.proposal import DocumentState, ProposalState, read_statement
from tui_connector.domain.run import Purpose
from tui_connector.engine.proposal.amounts import rounded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.engine.writeback.far_sides import Booked
    from tui_connector.domain.ledger import JournalEntry
    from tui_connector.domain.proposal import PostingDocument, Proposal, ProposedLine
    from tui_connector.domain.run import Run

TWO_FROM = Decimal(1000)
KEYS = (DANA, ERIK, AUTHOR)
MONTHS = (11, 12)
Place = tuple[str, ...]  # key, company code, account, cost center, profit center, currency


@dataclass(frozen=True, slots=True)
class Planned:
    """What the plan wants on one line, in thousandths."""

    amount: int
    company_code: str = "1010"
    center: str = ""
    month: int = 11


def places(lines: list[ProposedLine]) -> Counter[Place]:
    """Amounts of the plan's lines by where they stand, in thousandths."""
    found: Counter[Place] = Counter()
    for line in lines:
        if line.key:
            numbers = map(same_number, (line.gl_account, line.cost_center, line.profit_center))
            found[line.key, line.company_code, *numbers, line.currency] += int(line.amount * 1000)
    return found


class Auditor(RuleBasedStateMachine):
    """Keeps the books beside the ledger, and looks at every sending and after every rule."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="writeback-"))
        self.plan: dict[str, Planned] = {}
        self.lines: dict[str, list[ProposedLine]] = {}  # what was sent, by reference
        self.broken: list[str] = []
        self.copies: list[Path] = []
        self.restored = False
        self.world: World | None = None

    def teardown(self) -> None:
        if self.world is None:
            return
        try:
            if not self.broken:
                self._settle()
                self.nothing_is_posted_twice()
                self.what_is_said_is_so()
        finally:
            self.world.__exit__()
            shutil.rmtree(self.folder)

    # What must hold after every rule

    @invariant()
    def nobody_sends_what_was_not_approved(self) -> None:
        assert not self.broken, self.broken

    @invariant()
    def nothing_is_posted_twice(self) -> None:
        times = Counter(one.entry.reference for one in self.w.ledger.booked)
        assert all(count == 1 for count in times.values()), times
        assert times.keys() <= self.lines.keys()

    @invariant()
    def what_is_said_is_so(self) -> None:
        store = self.w.store
        for proposal in self.proposals():
            documents = store.proposals.documents(proposal.id)
            lines = list(store.proposals.each_line(proposal.id))
            assert len(documents) == proposal.documents
            assert {line.document for line in lines} - {None} == {one.document.number for one in documents}
            assert all(line.document or not line.amount for line in lines)
            for one in documents:
                self._look_at(one)
            if proposal.state is ProposalState.POSTED:
                states = {one.state for one in documents}
                assert DocumentState.VERIFIED in states <= {DocumentState.VERIFIED, DocumentState.REJECTED}
            if any(one.state not in UNSENT for one in documents) and not self.restored:
                assert proposal.state is not ProposalState.SUPERSEDED
                assert store.proposals.approvals(proposal.id)
        assert all("unexpected" not in run.reason for run in store.runs.history(20))

    @invariant()
    def the_audit_verifies(self) -> None:
        verdict = self.w.store.audit.verify()
        assert verdict.broken_at is None, verdict.finding

    # How it is told

    @property
    def w(self) -> World:
        assert self.world is not None
        return self.world

    def proposals(self, *states: ProposalState) -> list[Proposal]:
        return self.w.store.proposals.history(states=states or None)

    def undecided(self) -> list[Proposal]:
        return self.proposals(ProposalState.PLANNED, ProposalState.HELD)

    def held(self) -> list[PostingDocument]:
        return [one for one in self.w.store.postings.open_documents() if one.state is DocumentState.HELD]

    def _plan(self, number: int, wanted: Planned | None) -> None:
        self.plan.pop(f"K{number}", None)
        if wanted:
            exact = wanted.amount if self.w.flow.rounding_account else wanted.amount // 10 * 10
            self.plan[f"K{number}"] = replace(wanted, amount=exact)
        self.w.rows = list(self._rows())

    def _rows(self) -> Iterator[list[str]]:
        for key, wanted in sorted(self.plan.items()):
            number, amount = int(key[1:]), Decimal(wanted.amount) / 1000
            told = {
                "Company_Code": wanted.company_code, "Cost_Center": wanted.center,
                "Posting_Date": f"2026-{wanted.month}-30", "Group": str(number % 2),
            }  # fmt: skip
            yield record(key, f"{amount:f}", GL_Account=account(number), **told)
            if not self.w.flow.offset_account:
                yield record(f"{key}-C", f"{-amount:f}", GL_Account=account(number + 10), **told)

    def _try(self, act: Callable[[], object]) -> None:
        with suppress(ConnectorError):
            act()

    def _meddle(self, what: str) -> None:
        match what:
            case "close":
                self._set_period(11, PeriodStatus.CLOSED)
            case "block":
                self.w.ledger.blocked.add(account(1))
            case "remove":
                self.w.remove(DANA)
            case _:
                for one in self.proposals(ProposalState.APPROVED):
                    self.w.inst.decisions().hold(one.id, "wait", "uid:2001")

    def _set_period(self, month: int, status: PeriodStatus) -> None:
        with self.w.store.transaction() as tx:
            for company in ("1010", "2010"):
                self.w.store.periods.set(tx, company, FiscalPeriod(2026, month), status, "as told", "uid:3000")

    def _choose(self, document: PostingDocument, *, again: bool) -> None:
        booked = [one for one in self.w.ledger.there() if one.entry.reference == document.reference]
        if booked and not booked[0].reversed:
            self.w.choose(document, DocumentState.VERIFIED, booked[0].number)
        else:
            self.w.choose(document, DocumentState.READY if again else DocumentState.REJECTED)

    def _look_at(self, document: PostingDocument) -> None:
        booked = [one for one in self.w.ledger.booked if one.entry.reference == document.reference]
        if document.state is DocumentState.VERIFIED:
            (one,) = booked
            assert document.accounting_document == one.number
            assert document.proved_at
        elif document.state is DocumentState.REJECTED and not self.restored:
            newer = self.w.store.proposals.by_reference(document.reference)[0].proposal_id
            assert not [one for one in booked if not one.reversed] or newer > document.proposal_id

    def _watch(self, entry: JournalEntry, payload: bytes) -> None:
        """Look at a sending as an auditor would, without trusting what let it through."""
        try:
            self._audit(entry, payload)
        except (AssertionError, ConnectorError, ValueError) as error:
            self.broken.append(f"{entry.reference}: {error!r}")

    def _audit(self, entry: JournalEntry, payload: bytes) -> None:
        store, world = self.w.store, self.w
        (document,) = [
            one for one in store.proposals.by_reference(entry.reference) if one.state is DocumentState.SENDING
        ]
        proposal = store.proposals.get(document.proposal_id)
        lines = list(store.proposals.each_line(proposal.id, document.document.number))
        self.lines[entry.reference] = lines
        assert proposal.state is ProposalState.APPROVED
        assert world.clock.now() < proposal.expires_at
        assert not {line.gl_account for line in lines} & world.ledger.blocked
        period = store.periods.get(entry.company_code, FiscalPeriod.of(entry.posting_date))
        assert period is None or period.status is not PeriodStatus.CLOSED
        signers, directory = set(), world.inst.terms().directory
        for approval in store.proposals.approvals(proposal.id):
            if directory.find(approval.key_id) is None:  # removed since, so it counts for nothing
                continue
            signers.add(verify(directory, approval).user)
            said = read_statement(approval.statement)
            assert said["fingerprint"] == proposal.fingerprint
            assert [document.document.number, document.document.digest, sha256(payload)] in said["documents"]
        soft = period is not None and period.status is PeriodStatus.SOFT
        assert len(signers) >= (2 if soft or max(proposal.gross.values()) >= 2 * TWO_FROM else 1)
        assert proposal.author not in signers
        if not proposal.head.reverses and not self._forgotten():
            stands = self._books()
            for place, amount in places([line._replace(amount=line.posted) for line in lines]).items():
                assert stands[place] == amount or world.flow.mode is WritebackMode.ENTRIES, (place, amount, stands)
        assert not [one for one in world.ledger.booked if one.entry.reference == entry.reference]
        if not proposal.head.reverses:
            self._audit_the_plan(entry.reference, lines)

    def _audit_the_plan(self, reference: str, lines: list[ProposedLine]) -> None:
        """What is sent stands in the plan that was last seen before it was sent."""
        events = self.w.store.audit.events_before
        (sending,) = events(None, 1, "document.sending", subject=reference)
        ended = (one.fact for one in events(sending.seq, 400) if one.fact.kind in ("run.done", "run.failed"))
        rows = next((self.w.seen[one.run_id] for one in ended if one.run_id in self.w.seen), None)
        if rows is None:
            return
        wanted = dict(map(self._wanted, rows))
        for line in lines:
            if line.row:
                assert wanted.get(line.key) == line.wanted, (line, wanted)

    def _wanted(self, row: list[str]) -> tuple[str, Decimal]:
        """A row's key and amount."""
        cells = dict(zip(HEADER, row, strict=True))
        numbers = (same_number(cells[name]) for name in ("GL Account", "Cost Center", "Profit Center"))
        key = cells["Code"]
        if JournalField.KEY not in self.w.flow.columns.values():
            period = FiscalPeriod.of(date.fromisoformat(cells["Posting Date"]))
            key = "|".join((cells["Company Code"], *numbers, cells["Currency"], str(period)))
        return key, Decimal(cells["Amount"])

    def _books(self) -> Counter[Place]:
        found: Counter[Place] = Counter()
        for one in self.w.ledger.booked:
            if one.reversed:
                continue
            found.update(places(self.lines[one.entry.reference]))
        return found

    def _forgotten(self) -> list[Booked]:
        """Documents that a store put back to an earlier state does not know of any more."""
        known = set()
        for one in self.w.ledger.booked:
            documents = self.w.store.proposals.by_reference(one.entry.reference)
            if any(found.state is DocumentState.VERIFIED or found.state.open for found in documents):
                known.add(one.entry.reference)
        lost = [one for one in self.w.ledger.booked if one.entry.reference not in known and not one.reversed]
        assert self.restored or not lost
        return lost

    def _compare_with_sap(self) -> None:
        """What SAP holds and the store does not is taken back in SAP, by hand."""
        self.w.clock.pass_by(QUIET)
        for one in self._forgotten():
            self.w.ledger.reverse(one)

    def _confirm(self) -> None:
        self._compare_with_sap()
        with self.w.store.transaction() as tx:
            self.w.store.restores.confirm(tx, "compared", "uid:2001")

    def _settle(self) -> None:
        world = self.w
        world.crash_at = world.crash_after = None
        world.ledger.faults.clear()
        world.clock.jumps.clear()
        world.ledger.lag, world.ledger.closed = 0.0, False
        world.ledger.blocked.clear()
        for key in KEYS:
            world.enrol(key)
        for month in MONTHS:
            self._set_period(month, PeriodStatus.OPEN)
        world.configure(document_type="SA")
        while world.stopped:
            world.wake(world.stopped[0])
        world.clock.pass_by(QUIET)
        if self.restored:
            world.propose()  # notices it, where nobody did before
        self._settle_documents()
        assert not self.broken, self.broken
        if world.store.restores.open_since():
            self._confirm()
        self._tie()

    def _settle_documents(self) -> None:
        """Nothing stays in doubt: what is open is looked up, and what is held a person decides."""
        store = self.w.store
        for _ in range(4):
            self.w.work()
            for one in self.held():
                self._choose(one, again=False)
            for proposal in {one.proposal_id for one in store.postings.open_documents()}:
                self.w.inst.request_posting(store.proposals.get(proposal), "uid:1000")
        assert not store.postings.open_documents(), store.postings.open_documents()

    def _tie(self) -> None:
        """What the store says is posted is in the books; and a new proposal brings the books to the plan."""
        store = self.w.store
        self._compare()
        for proposal in self.proposals(ProposalState.PLANNED, ProposalState.HELD, ProposalState.APPROVED):
            self._try(lambda proposal=proposal: self.w.inst.decisions().reject(proposal.id, "start anew", "uid:2001"))  # type: ignore[misc]
        if not self.plan:
            return
        made = self.w.propose(full=True)
        if made is not None:
            for key in (DANA, ERIK):
                if store.proposals.get(made.id).state is ProposalState.PLANNED:
                    self.w.approve(made, key)
            self._settle_documents()
            made = store.proposals.get(made.id)
            assert made.state is ProposalState.POSTED or self._by_hand(), self.w.latest_run()
        run = self.w.latest_run(Purpose.FLOW)
        assert made or "posted already" in run.reason or self._again(run), run
        self._compare()
        if not self._by_hand() and not self._again(run):
            self._compare_with_the_plan()

    def _by_hand(self) -> bool:
        return any(one.reversed for one in self.w.ledger.booked)

    def _again(self, run: Run) -> bool:
        """Whether exactly the same was posted before, which is not posted a second time."""
        return run.reason.startswith("the plan has not changed")

    def _compare(self) -> None:
        store = self.w.store
        keys = sorted({place[0] for place in self._books()})
        target = self.w.inst.target_id(self.w.flow)
        stands = Counter[Place]()
        for line in store.proposals.posted(target, keys):
            numbers = map(same_number, (line.gl_account, line.cost_center, line.profit_center))
            stands[line.key, line.company_code, *numbers, line.currency] += int(line.amount * 1000)
        assert {place: one for place, one in stands.items() if one} == {
            place: one for place, one in self._books().items() if one
        }

    def _compare_with_the_plan(self) -> None:
        stands: Counter[str] = Counter()
        for place, amount in self._books().items():
            stands[place[0]] += amount
        for key, wanted in map(self._wanted, self.w.rows):
            assert stands[key] == int(1000 * (rounded(wanted, "EUR") if self.w.flow.rounding_account else wanted))


UNSENT = (DocumentState.PLANNED, DocumentState.READY)


def account(number: int) -> str:
    """Each line of the plan has an account of its own, so that it has a key also where no column tells one."""
    return f"00610030{number:02}"
